//! What runs at first sight is recorded before anything is written; a bad first release goes back to it, to the
//! letter. A placeholder is no such thing: after a bad first build the images stay, and the next release may come.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cue::{self, Cue};
use crate::shop::{Shop, last};
use crate::story::{Story, condition, text};

/// From outside the pipeline's repositories, and by a tag.
const FOUND: &str = "other.test/legacy/app:7";

pub async fn run(t: &Story) -> Result<()> {
    let (found, known, empty) = tokio::join!(as_found(t), as_release(t), placeholder(t));
    found.and(known).and(empty)
}

async fn as_found(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.deployment(&shop.staging, "checkout", 2, FOUND).await?;
    shop.available(&shop.staging, "checkout").await?;
    let before = t.get_json("deploy", &shop.staging, "checkout").await?;
    shop.adopt(|_| {}).await?;
    let stage = shop.stage("staging").await?;
    ensure!(last(&stage)["outcome"] == "Adopted", "history: {}", stage["history"]);
    ensure!(text(&stage, "/current/release").is_empty(), "revision 0 is a release: {}", stage["current"]);
    let after = t.get_json("deploy", &shop.staging, "checkout").await?;
    // its controller still writes status, so the version alone tells nothing
    ensure!(before["spec"] == after["spec"], "adoption changed a workload: {}", after["spec"]);
    ensure!(!after["metadata"].to_string().contains("windlass"), "adoption wrote a workload: {}", after["metadata"]);

    shop.deliver("1.0.0", 1, Cue::CrashLoop).await?;
    let release = shop.phase("1.0.0", "staging", "Reverted").await?;
    ensure!(text(&release, "/status/waitingFor").contains("container app"), "{}", release["status"]);
    shop.runs(&shop.staging, FOUND).await?;
    let last = last(&shop.stage("staging").await?);
    ensure!(last["outcome"] == "Reverted" && last["cause"] == "Failed", "history ends with {last}");
    shop.available(&shop.staging, "checkout").await?;
    shop.runs(&shop.production, &cue::image("app", Cue::Good, "revision-0")).await
}

async fn as_release(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    for ns in [&shop.staging, &shop.production] {
        shop.deployment(ns, "checkout", 2, &image).await?;
        shop.available(ns, "checkout").await?;
    }
    shop.adopt(|_| {}).await?;
    shop.delivered("1.0.0").await?;
    let pipeline = shop.pipeline_until("nothing to hold", |v| condition(v, "Ready", "status") == "True").await?;
    for name in ["staging", "production"] {
        let stage = crate::shop::stage_of(&pipeline, name);
        ensure!(text(stage, "/current/version") == "1.0.0", "{name} has not adopted 1.0.0: {stage}");
        ensure!(crate::shop::endings(stage).is_empty(), "there was a rollout: {stage}");
    }
    let deployment = t.get_json("deploy", &shop.staging, "checkout").await?;
    ensure!(deployment["metadata"]["annotations"]["windlass.dev/claimed-by"].is_null(), "adoption left a claim");
    Ok(())
}

async fn placeholder(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for ns in [&shop.staging, &shop.production] {
        shop.deployment(ns, "checkout", 2, "windlass.invalid/none:none").await?;
    }
    t.apply(&shop.pipeline().to_string()).await?;
    let is_adopted = |s: &Value| s["adopted"].is_string();
    let stage = shop.stage_until("staging", "staging to be seen", is_adopted).await?;
    ensure!(stage["current"].is_null() && stage["history"].is_null(), "the placeholder was adopted: {stage}");

    let bad = shop.deliver("1.0.0", 1, Cue::CrashLoop).await?;
    let message = shop.stalled("dp", "checkout", "NoRevertTarget").await?;
    ensure!(message.contains("container app"), "{message}");
    shop.phase("1.0.0", "staging", "Failed").await?;
    shop.keeps(&shop.staging, "checkout", &bad).await?;
    let good = shop.deliver("1.0.1", 2, Cue::Good).await?;
    shop.delivered("1.0.1").await?;
    shop.runs(&shop.production, &good).await?;
    let ready = |v: &Value| condition(v, "Ready", "status") == "True";
    shop.pipeline_until("the alert to be over", ready).await.map(drop)
}
