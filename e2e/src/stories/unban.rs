//! A banned build: Retry is refused, Unban deletes the Ban and says Applied only once it is gone, Promote then delivers.
//! Both may be made together.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{A_WHILE, SOON, Shop, with_external_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let (alone, together) = tokio::join!(one_after_the_other(t), together(t));
    alone.and(together)
}

async fn together(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.report("1.0.0", "staging", "Failed").await?;
    shop.phase("1.0.0", "staging", "Reverted").await?;
    let unban = shop.decide_on("1.0.0", "staging", "Unban").await?;
    let promote = shop.decide_on("1.0.0", "staging", "Promote").await?;
    shop.decided(&unban, "Applied").await?;
    shop.decided(&promote, "Applied").await?;
    shop.report("1.0.0", "staging", "Passed").await?;
    shop.delivered("1.0.0").await.map(drop)
}

async fn one_after_the_other(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;
    let before = shop.image(&shop.staging, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.report("1.0.0", "staging", "Failed").await?;
    shop.phase("1.0.0", "staging", "Reverted").await?;
    let shop_ref = &shop;
    let ban = t
        .eventually(SOON, "the Ban", || async move { Ok(shop_ref.decisions("Ban").await?.pop()) })
        .await?;
    let ban = text(&ban, "/metadata/name").to_owned();

    for r#type in ["Retry", "Promote"] {
        let decision = shop.decide_on("1.0.0", "staging", r#type).await?;
        shop.refused(&decision, "the build of checkout-1.0.0 is banned in staging; Unban it first").await?;
    }
    shop.keeps(&shop.staging, "checkout", &before).await?;

    // as long as something keeps the Ban, the Unban is not Applied
    t.patch("decision", &shop.home, &ban, &json!({"metadata": {"finalizers": ["windlass.test/keep"]}})).await?;
    let unban = shop.decide_on("1.0.0", "staging", "Unban").await?;
    let going = |v: &serde_json::Value| v["metadata"]["deletionTimestamp"].is_string();
    t.until(SOON, "the Ban to be deleted", ("decision", &shop.home, &ban), going).await?;
    let early = || async {
        let seen = t.get_json("decision", &shop.home, &unban).await?;
        Ok((text(&seen, "/status/phase") == "Applied").then(|| seen.to_string()))
    };
    t.never(A_WHILE, "the Unban is Applied while the Ban stands", early).await?;
    t.patch("decision", &shop.home, &ban, &json!({"metadata": {"finalizers": null}})).await?;
    shop.gone("decision", &shop.home, &ban).await?;
    shop.decided(&unban, "Applied").await?;

    // it does not come by itself
    shop.keeps(&shop.staging, "checkout", &before).await?;
    let again = shop.decide_on("1.0.0", "staging", "Unban").await?;
    shop.refused(&again, "the build is not banned in staging").await?;
    let promote = shop.decide_on("1.0.0", "staging", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.report("1.0.0", "staging", "Passed").await?;
    shop.delivered("1.0.0").await?;
    ensure!(shop.decisions("Ban").await?.is_empty(), "the ban is back");
    Ok(())
}
