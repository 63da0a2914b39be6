//! Whatever becomes of a hook's Job, it runs once: deleted while it runs, its pod lost, the operator killed between making and
//! starting it. What is lost ends the attempt, and condemns nothing.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{Shop, hook, stage_of};
use crate::story::{Denial, Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let settings = Settings::default();
    let operator = t.start_operator(&settings).await?;
    let shop = Shop::open(t).await?;
    shop.suite(&shop.staging, "undo", None).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["hooks"] = json!({"before": [hook("migrate")], "onRevert": [hook("undo")]})).await?;
    deleted(t, &shop).await?;
    lost(&shop).await?;
    let denial = none_starts(&shop);
    denial.begin(t).await?;
    shop.suite(&shop.staging, "migrate", None).await?;
    shop.deliver("1.8.2", 3, Cue::Good).await?;
    let is_recorded = |v: &Value| stage_of(v, "staging")["rollout"]["hooks"][0]["jobUid"].is_string();
    shop.pipeline_until("the hook's Job to be recorded", is_recorded).await?;
    t.kill(&operator, &settings).await?;
    let jobs = t.list_json("job", &shop.staging, "windlass.dev/hook").await?;
    ensure!(jobs.len() == 1 && jobs[0]["spec"]["suspend"] == true, "the Jobs are {jobs:?}");
    denial.end(t).await?;
    let _operator = t.start_operator(&settings).await?;
    shop.delivered("1.8.2").await?;
    let run = shop.jobs_run(&shop.staging).await?;
    ensure!(run == ["migrate", "undo", "migrate", "undo", "migrate"], "these have run: {run:?}");
    Ok(())
}

/// A Job is made, and cannot be started.
fn none_starts(shop: &Shop<'_>) -> Denial {
    Denial {
        namespace: shop.staging.clone(),
        rule: json!({"apiGroups": ["batch"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["jobs"]}),
        lets: "has(object.spec.suspend) && object.spec.suspend",
        probe: json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a-try", "namespace": shop.staging},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "registry.example/a"}]}}}}),
    }
}

/// Somebody deletes the Job while it runs, finalizer and all.
async fn deleted(t: &Story, shop: &Shop<'_>) -> Result<()> {
    shop.suite(&shop.staging, "migrate", Some(Cue::JobHangs)).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let is_started = |v: &Value| stage_of(v, "staging")["rollout"]["hooks"][0]["started"] == true;
    shop.pipeline_until("the hook to run", is_started).await?;
    let jobs = t.list_json("job", &shop.staging, "windlass.dev/hook").await?;
    let name = text(jobs.first().context("there is no Job")?, "/metadata/name").to_owned();
    t.patch("job", &shop.staging, &name, &json!({"metadata": {"finalizers": null}})).await?;
    t.delete("job", &shop.staging, &name).await?;
    ends(shop, "1.8.0", "hook before/migrate gave no result: its Job was deleted").await
}

/// The node under its pod goes away.
async fn lost(shop: &Shop<'_>) -> Result<()> {
    shop.suite(&shop.staging, "migrate", Some(Cue::JobDisrupted)).await?;
    shop.deliver("1.8.1", 2, Cue::Good).await?;
    ends(shop, "1.8.1", "hook before/migrate gave no result: its pod was evicted or drained").await
}

async fn ends(shop: &Shop<'_>, version: &str, said: &str) -> Result<()> {
    let release = shop.phase(version, "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why == said, "it says {why}");
    ensure!(shop.bans().await?.is_empty(), "it was banned");
    shop.is_untouched(&shop.staging).await
}
