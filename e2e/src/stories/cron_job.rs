//! A CronJob is complete when its images are set. Its next Job, within the bake, is its health: a failed one takes the
//! images back.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, stage_phase};
use crate::story::{Story, text};

/// A schedule has whole minutes.
const NEXT_MINUTE: Duration = Duration::from_secs(240);

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for ns in [&shop.staging, &shop.production] {
        let pod = json!({"restartPolicy": "Never", "containers": [{"name": "app", "image": Shop::revision_0()}]});
        let cron = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report", "namespace": ns},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}},
        });
        t.apply(&cron.to_string()).await?;
    }
    let workload = json!({"kind": "CronJob", "name": "report", "containers": [{"name": "app", "imageName": "app"}]});
    shop.adopt(|p| {
        p["spec"]["workloads"] = json!([workload]);
        p["spec"]["stages"][0]["bake"] = "5m".into();
        p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let bad = shop.deliver("1.8.0", 1, Cue::JobFails).await?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    ensure!(image(t, &shop.staging).await? == bad, "it was not set");
    let release = ("release", shop.home.as_str(), "checkout-1.8.0");
    let is_back = |v: &Value| stage_phase(v, "staging") == "Reverted";
    let release = t.until(NEXT_MINUTE, "its next Job to take it back", release, is_back).await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("CronJob/report: Job report-") && why.contains("failed: 1 of"), "it says {why}");
    ensure!(image(t, &shop.staging).await? == Shop::revision_0(), "it is not back");
    ensure!(image(t, &shop.production).await? == Shop::revision_0(), "production was written to");
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);
    Ok(())
}

async fn image(t: &Story, ns: &str) -> Result<String> {
    let cron = t.get_json("cronjob", ns, "report").await?;
    Ok(text(&cron, "/spec/jobTemplate/spec/template/spec/containers/0/image").to_owned())
}
