//! In the bake containers begin to fail: banned, and back. Pods that were deleted or evicted, and cannot come back for
//! want of room, are nobody's failure.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Break, Story, number, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][0]["bake"] = "10m".into();
        p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    shop.available(&shop.staging, "checkout").await?;
    lose_pods(t, &shop).await?;
    shop.runs(&shop.staging, &image).await?;

    t.break_some(&shop.staging, "app=checkout", Break::CrashLoop, 1).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("health lost in the bake") && why.contains("container app: ") && why.contains("restarted"), "{why}");
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    let bans = shop.bans().await?;
    ensure!(bans.len() == 1 && text(&bans[0], "/spec/release") == "checkout-1.8.0", "bans are {bans:?}");
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "Reverted" && ended["cause"] == "Failed", "history ends with {ended}");
    let proofs = shop.stage("staging").await?["proofs"].clone();
    ensure!(!proofs[0]["void"].is_null(), "what was proven still counts: {proofs}");
    shop.is_untouched(&shop.production).await
}

/// One is deleted and one evicted, and a quota keeps both from coming back for longer than the grace.
async fn lose_pods(t: &Story, shop: &Shop<'_>) -> Result<()> {
    t.quota(&shop.staging, 1).await?;
    let pods = t.pods(&shop.staging, "app=checkout").await?;
    let evicted = json!({"status": {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"}});
    t.patch_status("pod", &shop.staging, text(&pods[0], "/metadata/name"), &evicted).await?;
    t.delete("pod", &shop.staging, text(&pods[1], "/metadata/name")).await?;
    let is_short = |v: &serde_json::Value| number(v, "/status/availableReplicas") < 2;
    t.until(Duration::from_secs(60), "pods to be missing", ("deploy", &shop.staging, "checkout"), is_short).await?;
    t.never(Duration::from_secs(5), "lost pods are taken for failed ones", || async {
        let stage = shop.stage("staging").await?;
        Ok(stage["rollout"]["state"]["delivered"].is_null().then(|| stage["rollout"].to_string()))
    })
    .await?;
    t.delete("resourcequota", &shop.staging, "pods").await?;
    t.delete("pod", &shop.staging, text(&pods[0], "/metadata/name")).await?;
    shop.available(&shop.staging, "checkout").await
}
