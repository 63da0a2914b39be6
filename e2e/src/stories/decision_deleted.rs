//! A Decision that is deleted: a standing Promote acts no more, a used one changes nothing, and a Ban is lifted with it.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop, with_external_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| {
        with_external_suite(pipeline, 0);
        pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let before = shop.image(&shop.production, "checkout").await?;
    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.phase("1.0.0", "staging", "Verifying").await?;
    let standing = shop.decide_on("1.0.0", "production", "Promote").await?;
    shop.decided(&standing, "Pending").await?;
    t.delete("decision", &shop.home, &standing).await?;
    shop.gone("decision", &shop.home, &standing).await?;
    shop.report("1.0.0", "staging", "Passed").await?;
    shop.waits("1.0.0", "production is promoted by hand").await?;
    shop.keeps(&shop.production, "checkout", &before).await?;

    let used = shop.decide_on("1.0.0", "production", "Promote").await?;
    shop.decided(&used, "Applied").await?;
    shop.rests("1.0.0", "production").await?;
    t.delete("decision", &shop.home, &used).await?;
    shop.gone("decision", &shop.home, &used).await?;
    shop.keeps(&shop.production, "checkout", &image).await?;

    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.report("1.1.0", "staging", "Failed").await?;
    shop.phase("1.1.0", "staging", "Reverted").await?;
    let ban = t.eventually(SOON, "the Ban", || async { Ok(shop.decisions("Ban").await?.pop()) }).await?;
    let ban = text(&ban, "/metadata/name");
    t.delete("decision", &shop.home, ban).await?;
    shop.gone("decision", &shop.home, ban).await?;
    shop.keeps(&shop.staging, "checkout", &image).await?;
    ensure!(shop.decisions("Ban").await?.is_empty(), "the Ban came back");
    let promote = shop.decide_on("1.1.0", "staging", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.report("1.1.0", "staging", "Passed").await?;
    shop.phase("1.1.0", "staging", "Delivered").await.map(drop)
}
