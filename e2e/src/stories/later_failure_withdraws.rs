//! A suite that had passed fails later. In the bake that is a failed suite; once settled it is recorded and told, and
//! the release goes no further; where production rolls already, production goes back without a ban of its own.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, readiness, stage_of};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    tokio::try_join!(in_the_bake(t), settled(t), while_production_rolls(t)).map(drop)
}

async fn in_the_bake(t: &Story) -> Result<()> {
    let shop = shop(t, "60s", "Manual").await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    report(t, &shop, "Passed").await?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    report(t, &shop, "Failed").await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why == "suite contract failed after it had passed", "it says {why}");
    ensure!(shop.bans().await?.len() == 1, "it is not banned");
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    shop.is_untouched(&shop.production).await
}

async fn settled(t: &Story) -> Result<()> {
    let shop = shop(t, "1s", "Manual").await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    report(t, &shop, "Passed").await?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    shop.calm("staging").await?;
    report(t, &shop, "Failed").await?;
    let pipeline = shop.pipeline_until("an alert", |v| condition(v, "Stalled", "status") == "True").await?;
    ensure!(readiness(&pipeline) == "False/False/True EvidenceWithdrawn", "{}", readiness(&pipeline));
    let ban = t.eventually(SOON, "the ban to be recorded", || async { Ok(shop.bans().await?.pop()) }).await?;
    ensure!(text(&ban, "/spec/environment") == "staging", "{}", ban["spec"]);
    let promote = shop.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"})).await?;
    let why = shop.decided(&promote, "Pending").await?;
    ensure!(why.contains("evidence in staging does not count any more"), "the Promote waits for {why}");
    shop.runs(&shop.staging, &image).await?;
    shop.is_untouched(&shop.production).await?;
    let release = shop.until("1.8.0", "to wait for evidence", |v| text(v, "/status/waitingFor").contains("evidence")).await?;
    ensure!(readiness(&release).starts_with("True/False/False"), "{}", readiness(&release));
    Ok(())
}

async fn while_production_rolls(t: &Story) -> Result<()> {
    let shop = shop(t, "1s", "Automatic").await?;
    let image = shop.deliver("1.8.0", 1, Cue::Slow).await?;
    report(t, &shop, "Passed").await?;
    shop.phase("1.8.0", "production", "Progressing").await?;
    shop.calm("staging").await?;
    report(t, &shop, "Failed").await?;
    let release = shop.phase("1.8.0", "production", "Reverted").await?;
    let ended = shop.last("production").await?;
    ensure!(ended["cause"] == "EvidenceWithdrawn" && ended["outcome"] == "Reverted", "history ends with {ended}");
    ensure!(text(stage_of(&release, "production"), "/reason") == "EvidenceWithdrawn", "{}", release["status"]["stages"]);
    let bans = shop.bans().await?;
    ensure!(bans.iter().all(|b| text(b, "/spec/environment") == "staging"), "production has a ban of its own: {bans:?}");
    shop.runs(&shop.production, &Shop::revision_0()).await?;
    shop.runs(&shop.staging, &image).await
}

async fn shop<'a>(t: &'a Story, bake: &str, mode: &str) -> Result<Shop<'a>> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][0]["tests"] = json!([{"suite": "contract", "external": {}}]);
        p["spec"]["stages"][0]["bake"] = json!(bake);
        p["spec"]["stages"][1]["promotion"] = json!({"mode": mode});
    })
    .await?;
    Ok(shop)
}

/// CI's word about 1.8.0.
async fn report(t: &Story, shop: &Shop<'_>, phase: &str) -> Result<()> {
    let found = t.eventually(SOON, "the TestRun to be there", || async { Ok(shop.test_runs("1.8.0", "staging").await?.pop()) });
    let status: Value = json!({"status": {"phase": phase}});
    t.patch_status("testrun", &shop.home, text(&found.await?, "/metadata/name"), &status).await.map(drop)
}
