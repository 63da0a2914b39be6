//! A suite fails in staging: the build is banned there and goes back, production never hears of it, and the release says
//! so until a newer one exists.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, job_suite, readiness, stage_phase};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.suite(&shop.staging, "api", None).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([job_suite("api")])).await?;
    let image = shop.deliver("1.8.0", 1, Cue::JobFails).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    ensure!(readiness(&release) == "False/False/True Reverted", "{}", readiness(&release));
    ensure!(condition(&release, "Delivered", "status") == "False", "{}", release["status"]["conditions"]);
    let why = text(&release, "/status/waitingFor");
    ensure!(why == "suite api failed: 1 of 3 tests failed: login", "it waits for {why}");
    ensure!(text(&release, "/status/tests") == "0/1", "tests are {}", release["status"]["tests"]);

    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "Reverted" && ended["cause"] == "Failed", "history ends with {ended}");
    banned(&shop, text(&ended, "/build"), text(&ended, "/attempt")).await?;
    let run = shop.test_runs("1.8.0", "staging").await?;
    ensure!(run.len() == 1 && text(&run[0], "/status/phase") == "Failed", "the runs are {run:?}");
    ensure!(run[0]["status"]["failing"] == json!(["login"]), "failing tests are not named: {}", run[0]["status"]);
    shop.told("1.8.0", "Reverting").await?;

    shop.deliver("1.8.1", 2, Cue::Good).await?;
    let old = shop.until("1.8.0", "to be Ready beside a newer one", |v| condition(v, "Ready", "status") == "True").await?;
    ensure!(readiness(&old) == "True/False/False Reverted", "{}", readiness(&old));
    shop.delivered("1.8.1").await?;
    let old = shop.phase("1.8.0", "staging", "Reverted").await?;
    ensure!(stage_phase(&old, "production") == "Superseded", "in production it is {}", stage_phase(&old, "production"));
    let production = shop.stage("production").await?;
    ensure!(!production["history"].to_string().contains("1.8.0"), "production saw it: {}", production["history"]);
    ensure!(shop.image(&shop.production, "checkout").await? != image, "production runs it");
    let jobs = t.list_json("job", &shop.staging, "").await?;
    ensure!(jobs.is_empty(), "Jobs are left behind: {jobs:?}");
    Ok(())
}

/// The ban has its object under the computed name, and production was not touched.
async fn banned(shop: &Shop<'_>, build: &str, attempt: &str) -> Result<()> {
    let bans = shop.bans().await?;
    let names: Vec<&str> = bans.iter().map(|b| text(b, "/metadata/name")).collect();
    let expected = format!("checkout.staging.{build}.{}", attempt.to_lowercase());
    ensure!(names == [expected.as_str()], "bans are {names:?}, not {expected}");
    ensure!(text(&bans[0], "/spec/release") == "checkout-1.8.0", "{}", bans[0]["spec"]);
    shop.is_untouched(&shop.production).await
}
