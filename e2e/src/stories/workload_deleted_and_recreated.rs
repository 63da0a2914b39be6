//! A workload that is deleted and made anew gets its build back at once while one is current, without a rollout; in
//! mid-rollout the rollout goes on to its end.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cue::{self, Cue};
use crate::shop::{Shop, endings, last};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let (idle, rolling) = tokio::join!(while_current(t), in_mid_rollout(t));
    idle.and(rolling)
}

async fn make_anew(t: &Story, shop: &Shop<'_>, ns: &str) -> Result<()> {
    t.delete("deploy", ns, "checkout").await?;
    shop.deployment(ns, "checkout", 2, "windlass.invalid/placeholder:none").await
}

async fn while_current(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    let before = shop.settled().await?;
    make_anew(t, &shop, &shop.production).await?;
    shop.comes_to_run(&shop.production, &image).await?;
    let stage = shop.stage_until("production", "history to tell it", |s| last(s)["outcome"] == "Restored").await?;
    ensure!(stage["rollout"].is_null() && stage["held"].is_null(), "it was more than a restoration: {stage}");
    ensure!(endings(&stage).len() == 1, "there was another rollout: {}", stage["history"]);
    let old = crate::shop::stage_of(&before, "production");
    ensure!(stage["current"]["attempt"] == old["current"]["attempt"], "it is another attempt: {stage}");
    shop.available(&shop.production, "checkout").await?;
    shop.delivered("1.0.0").await.map(drop)
}

async fn in_mid_rollout(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Slow).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    let is_under_way = |s: &Value| s["rollout"]["state"]["progressing"].is_object() || s["rollout"].is_object();
    let stage = shop.stage_until("staging", "the rollout to be open", is_under_way).await?;
    let attempt = text(&stage, "/rollout/attempt").to_owned();
    make_anew(t, &shop, &shop.staging).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    shop.delivered("1.0.0").await?;
    let stage = shop.stage_until("staging", "the rollout to end", |s| s["rollout"].is_null()).await?;
    ensure!(text(&stage, "/current/attempt") == attempt, "another attempt was needed: {stage}");
    ensure!(stage["held"].is_null() && endings(&stage).len() == 1, "it did not simply go on: {stage}");
    ensure!(image != cue::image("app", Cue::Good, "1.0.0"), "the rollout would have been over too soon");
    Ok(())
}
