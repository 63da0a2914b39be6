//! A check of errors: more than its bound before delivery, and the build is banned and goes back; the same in the bake. The
//! query is about the new pods alone.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::metrics::{Answer, Metrics};
use crate::shop::Shop;
use crate::story::{Story, text};

/// Errors of the new pods: every second, two bad ones in a row condemn, two good ones pass.
pub(super) fn errors() -> Value {
    json!({
        "name": "errors", "interval": "1s", "failures": 2, "samples": 2,
        "metric": {
            "provider": "prometheus", "max": "0.01", "timeout": "1s",
            "query": "errors{ns=\"{{namespace}}\",pod=~\"{{workload}}-{{podTemplateHash}}-.*\",track=\"{{track}}\"}[{{window}}]",
        },
    })
}

pub async fn run(t: &Story) -> Result<()> {
    let (before, after) = tokio::join!(before_delivery(t), in_the_bake(t));
    before.and(after)
}

async fn before_delivery(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["checks"] = json!([errors()])).await?;
    let metrics = Metrics::shared().await?;
    metrics.answer(&shop.staging, Answer::of("0.2"));
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    condemned(&shop, "check errors failed: 0.2 is more than 0.01").await?;
    let sets = t.list_json("rs", &shop.staging, "").await?;
    let hashes = sets.iter().map(|set| text(set, "/metadata/labels/pod-template-hash"));
    let asked = metrics.asked(&shop.staging);
    let is_about = |hash: &str| asked.iter().any(|query| query.contains(&format!("checkout-{hash}-.*")));
    let about: Vec<&str> = hashes.filter(|hash| is_about(hash)).collect();
    ensure!(about.len() == 1, "the queries are about {about:?}: {asked:?}");
    ensure!(asked.iter().all(|q| q.contains("track=\"stable\"") && !q.contains("{{")), "asked: {asked:?}");
    shop.is_untouched(&shop.production).await
}

async fn in_the_bake(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][0]["checks"] = json!([errors()]);
        p["spec"]["stages"][0]["bake"] = "10m".into();
        p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let metrics = Metrics::shared().await?;
    metrics.answer(&shop.staging, Answer::of("0.001"));
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    metrics.answer(&shop.staging, Answer::of("0.02"));
    condemned(&shop, "health lost in the bake: check errors failed: 0.02 is more than 0.01").await
}

/// Banned, and back at revision 0.
async fn condemned(shop: &Shop<'_>, why: &str) -> Result<()> {
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    let said = text(&release, "/status/waitingFor");
    ensure!(said == why, "it waits for {said}");
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    let bans = shop.bans().await?;
    ensure!(bans.len() == 1 && text(&bans[0], "/spec/release") == "checkout-1.8.0", "bans are {bans:?}");
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "Reverted" && ended["cause"] == "Failed", "history ends with {ended}");
    Ok(())
}
