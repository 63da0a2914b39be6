//! A Release that is deleted in mid-rollout goes only when the previous build serves again. Deleted while it bakes or
//! rests, what runs stays.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, stage_of};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][0]["bake"] = json!("60s")).await?;
    let before = shop.image(&shop.staging, "checkout").await?;
    let doomed = shop.deliver("1.0.0", 1, Cue::NeverReady).await?;
    shop.phase("1.0.0", "staging", "Progressing").await?;
    t.delete("release", &shop.home, "checkout-1.0.0").await?;
    shop.gone("release", &shop.home, "checkout-1.0.0").await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == before, "it went before the previous build was back");
    let pipeline = shop.settled().await?;
    let line = stage_of(&pipeline, "staging")["history"].as_array().and_then(|h| h.last()).cloned().unwrap_or_default();
    ensure!(line["release"] == "checkout-1.0.0" && line["cause"] == "ReleaseDeleted", "history ends with {line}");
    ensure!(shop.decisions("Ban").await?.is_empty(), "a deletion bans nothing");

    // created again it delivers nothing
    t.apply(&shop.release("1.0.0", 1, &doomed).to_string()).await?;
    shop.phase("1.0.0", "staging", "Superseded").await?;
    shop.keeps(&shop.staging, "checkout", &before).await?;

    // in the bake: it stays
    let good = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.delivered("1.1.0").await?;
    t.delete("release", &shop.home, "checkout-1.1.0").await?;
    shop.gone("release", &shop.home, "checkout-1.1.0").await?;
    shop.rests("1.1.0", "staging").await?;
    shop.keeps(&shop.staging, "checkout", &good).await?;
    ensure!(shop.image(&shop.production, "checkout").await? == good, "production does not run it any more");
    Ok(())
}
