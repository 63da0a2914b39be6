//! A suite that gives no result is tried again, then the build stays where it is without being evidence: no ban, no
//! revert, no promotion. Once the tool is mended, a Retry runs the suites again and the release goes on.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, job_suite, readiness};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.suite(&shop.staging, "api", Some(Cue::JobOom)).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([job_suite("api")])).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "staging", "Unverified").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("suite api gave no verdict") && why.contains("memory"), "it waits for {why}");
    ensure!(readiness(&release) == "True/False/False Unverified", "{}", readiness(&release));
    ensure!(condition(&release, "Delivered", "status") == "Unknown", "{}", release["status"]["conditions"]);
    let runs = shop.test_runs("1.8.0", "staging").await?;
    let said = text(&runs[0], "/status/message");
    ensure!(text(&runs[0], "/status/phase") == "Errored" && said.contains("try 2 of 2"), "the run says {said}");

    shop.runs(&shop.staging, &image).await?;
    ensure!(shop.bans().await?.is_empty(), "it was banned: {:?}", shop.bans().await?);
    ensure!(shop.last("staging").await?["outcome"] == "Unverified", "history: {}", shop.last("staging").await?);
    shop.is_untouched(&shop.production).await?;

    shop.suite(&shop.staging, "api", None).await?;
    let retry = shop.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"})).await?;
    shop.decided(&retry, "Applied").await?;
    shop.delivered("1.8.0").await?;
    shop.runs(&shop.production, &image).await?;
    let pods = t.get_json("deploy", &shop.staging, "checkout").await?;
    ensure!(pods["metadata"]["generation"] == 2, "the suites alone were to run again: {}", pods["metadata"]);
    ensure!(shop.test_runs("1.8.0", "staging").await?.len() == 2, "another attempt has a TestRun of its own");
    Ok(())
}
