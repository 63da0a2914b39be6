//! While the operator is down somebody deletes the Job of a suite, finalizer and all. That try is Errored: no Job of it
//! is ever made or started again.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{SOON, Shop, job_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let settings = Settings::default();
    let operator = t.start_operator(&settings).await?;
    let shop = Shop::open(t).await?;
    shop.suite(&shop.staging, "api", Some(Cue::JobHangs)).await?;
    let mut suite = job_suite("api");
    suite["retries"] = json!(0);
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([suite])).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    let is_started = |v: &Value| v["status"]["stages"][0]["rollout"]["suites"][0]["started"] == true;
    shop.pipeline_until("the suite's Job to have started", is_started).await?;
    let jobs = t.list_json("job", &shop.staging, "").await?;
    let job = jobs.first().context("there is no Job")?;
    let name = text(job, "/metadata/name").to_owned();
    ensure!(jobs.len() == 1 && job["spec"]["suspend"] == false, "the Job is {job}");

    t.kill(&operator, &settings).await?;
    t.patch("job", &shop.staging, &name, &json!({"metadata": {"finalizers": null}})).await?;
    t.delete("job", &shop.staging, &name).await?;
    t.eventually(SOON, "the Job to be gone", || async {
        Ok(t.find_json("job", &shop.staging, &name).await?.is_none().then_some(()))
    })
    .await?;
    // Whatever becomes of it, the suite would pass now.
    shop.suite(&shop.staging, "api", None).await?;
    let _operator = t.start_operator(&settings).await?;

    let (_, release) = tokio::try_join!(
        t.never(Duration::from_secs(5), "another Job is made", || async {
            let jobs = t.list_json("job", &shop.staging, "").await?;
            Ok(jobs.first().map(|job| text(job, "/metadata/name").to_owned()))
        }),
        shop.phase("1.8.0", "staging", "Unverified"),
    )?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why == "suite api gave no verdict: its Job was deleted", "it says {why}");
    let runs = shop.test_runs("1.8.0", "staging").await?;
    ensure!(runs.len() == 1 && text(&runs[0], "/status/phase") == "Errored", "the runs are {runs:?}");
    shop.runs(&shop.staging, &image).await?;
    ensure!(shop.bans().await?.is_empty(), "it was banned");
    shop.is_untouched(&shop.production).await?;

    let retry = shop.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"})).await?;
    shop.decided(&retry, "Applied").await?;
    shop.delivered("1.8.0").await.map(drop)
}
