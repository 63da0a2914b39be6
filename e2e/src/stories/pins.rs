//! A stage is pinned to an earlier release and goes back to it at once, past a hold; nothing else enters it, and everyone who waits is
//! told why. A pin that cannot be met is told and changes nothing. Taken out, the next release enters.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, stage_of};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let mut images = Vec::new();
    for (minute, version) in [(1, "1.0.0"), (2, "1.1.0"), (3, "1.2.0")] {
        images.push(shop.deliver(version, minute, Cue::Good).await?);
        shop.delivered(version).await?;
        shop.rests(version, "production").await?;
    }

    // past 1.1.0, and past a person's hold there
    let revert = shop.decide_in("production", "Revert", json!({})).await?;
    shop.decided(&revert, "Applied").await?;
    pin(&shop, "checkout-1.0.0").await?;
    let pipeline = shop.rests("1.0.0", "production").await?;
    shop.runs(&shop.production, &images[0]).await?;
    let stage = stage_of(&pipeline, "production");
    let last = stage["history"].as_array().and_then(|lines| lines.last()).cloned().unwrap_or_default();
    ensure!(last["cause"] == "Pinned" && last["outcome"] == "Reverted", "it ends with {last}");
    ensure!(text(&stage["held"], "/kind") == "Revert", "the hold is a person's to lift: {}", stage["held"]);
    shop.decide_in("production", "Unhold", json!({})).await?;

    // nothing else comes there
    let newer = shop.deliver("1.3.0", 4, Cue::Good).await?;
    shop.rests("1.3.0", "staging").await?;
    shop.waits("1.3.0", "pinned to checkout-1.0.0: the fair").await?;
    shop.keeps(&shop.production, "checkout", &images[0]).await?;
    shop.pipeline_until("the pipeline to say so", |v| condition(v, "Ready", "reason") == "Pinned").await?;

    // what was never there
    pin(&shop, "checkout-0.9.0").await?;
    let pipeline = shop.pipeline_until("to say so", |v| condition(v, "Stalled", "reason") == "PinNotMet").await?;
    let told = condition(&pipeline, "Stalled", "message");
    ensure!(told.ends_with("checkout-0.9.0 was not recorded healthy in production"), "it says {told}");
    shop.keeps(&shop.production, "checkout", &images[0]).await?;

    shop.edit(json!({"pins": null})).await?;
    shop.delivered("1.3.0").await?;
    shop.runs(&shop.production, &newer).await
}

async fn pin(shop: &Shop<'_>, release: &str) -> Result<()> {
    shop.edit(json!({"pins": [{"environment": "production", "release": release, "reason": "the fair"}]})).await?;
    Ok(())
}
