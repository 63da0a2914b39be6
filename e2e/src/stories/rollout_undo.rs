//! `kubectl rollout undo` in mid-rollout: the old image comes back, and our marker goes with it. It is a person's act all
//! the same, and is not overwritten. A write of our own that arrives late is nobody's act, and is.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::shop::{Shop, last};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let (undone, late) = tokio::join!(undone(t), late(t));
    undone.and(late)
}

async fn undone(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let before = shop.image(&shop.staging, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::NeverReady).await?;
    shop.comes_to_run(&shop.staging, &cue::image("app", Cue::NeverReady, "1.0.0")).await?;
    // who undoes has seen what was written: the server keeps whole seconds
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    t.kubectl(["rollout", "undo", "deployment/checkout", "-n", &shop.staging]).await?.ok()?;
    let is_held = |s: &serde_json::Value| text(s, "/held/kind") == "ExternalChange";
    let stage = shop.stage_until("staging", "staging to be held", is_held).await?;
    ensure!(last(&stage)["outcome"] == "Aborted", "history: {}", stage["history"]);
    shop.keeps(&shop.staging, "checkout", &before).await?;
    ensure!(shop.decisions("Ban").await?.is_empty(), "the release was banned for it");
    let adopt = shop.decide("Adopt", json!({"environment": "staging"})).await?;
    shop.decided(&adopt, "Applied").await?;
    shop.deliver("1.0.1", 2, Cue::Good).await?;
    shop.delivered("1.0.1").await.map(drop)
}

async fn late(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let ours = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.settled().await?;
    shop.write_image(&shop.staging, "windlass", &cue::image("app", Cue::Good, "late")).await?;
    shop.comes_to_run(&shop.staging, &ours).await?;
    shop.keeps(&shop.staging, "checkout", &ours).await?;
    ensure!(shop.stage("staging").await?["held"].is_null(), "somebody is blamed");
    Ok(())
}
