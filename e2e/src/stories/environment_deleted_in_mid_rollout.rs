//! An Environment that is deleted in mid-rollout goes when the previous build is back; nothing starts there any more. Once
//! it is back, the next release goes its way.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{Shop, stage_of};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let before = shop.image(&shop.staging, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::NeverReady).await?;
    shop.phase("1.0.0", "staging", "Progressing").await?;
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    t.delete("environment", &shop.home, "staging").await?;
    shop.gone("environment", &shop.home, "staging").await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == before, "it went before the previous build was back");
    let pipeline = shop.settled().await?;
    let line = stage_of(&pipeline, "staging")["history"].as_array().and_then(|h| h.last()).cloned().unwrap_or_default();
    ensure!(line["release"] == "checkout-1.0.0" && line["cause"] == "EnvironmentDeleted", "history ends with {line}");
    shop.waits("1.1.0", "Environment staging does not exist").await?;
    shop.keeps(&shop.staging, "checkout", &before).await?;
    ensure!(shop.decisions("Ban").await?.is_empty(), "a deletion bans nothing");

    t.apply(&Shop::environment(&shop.home, "staging", &shop.staging).to_string()).await?;
    shop.delivered("1.1.0").await.map(drop)
}
