//! The migration succeeds and the build does not: once the old images stand, what the migration did is undone with the new build's
//! image, and the build before serves. One without a way back stays until a person decides.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, hook};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for name in ["migrate", "undo"] {
        shop.suite(&shop.staging, name, None).await?;
    }
    shop.adopt(|p| p["spec"]["stages"][0]["hooks"] = json!({"before": [hook("migrate")], "onRevert": [hook("undo")]})).await?;
    shop.deliver("1.8.0", 1, Cue::CrashLoop).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    ensure!(text(&release, "/status/waitingFor").contains("container app"), "{}", release["status"]["waitingFor"]);
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    shop.available(&shop.staging, "checkout").await?;
    ensure!(shop.jobs_run(&shop.staging).await? == ["migrate", "undo"], "{:?}", shop.jobs_run(&shop.staging).await?);
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "Reverted" && ended["cause"] == "Failed", "history ends with {ended}");
    without_a_way_back(&shop).await
}

/// The next build's migration says that nothing goes back behind it.
async fn without_a_way_back(shop: &Shop<'_>) -> Result<()> {
    let mut migrate = hook("migrate");
    migrate["revert"] = json!("Hold");
    let mut stages = shop.pipeline()["spec"]["stages"].clone();
    stages[0]["hooks"] = json!({"before": [migrate], "onRevert": [hook("undo")]});
    shop.edit(json!({"stages": stages})).await?;
    let image = shop.deliver("1.9.0", 2, Cue::CrashLoop).await?;
    let is_held = |v: &Value| condition(v, "Stalled", "reason") == "RevertHeld";
    let pipeline = shop.pipeline_until("the revert to be held", is_held).await?;
    let why = condition(&pipeline, "Stalled", "message");
    ensure!(why.ends_with("hook migrate has no way back, so the images stay"), "it says {why}");
    shop.runs(&shop.staging, &image).await?;
    let revert = shop.decide("Revert", json!({"environment": "staging"})).await?;
    shop.decided(&revert, "Applied").await?;
    shop.phase("1.9.0", "staging", "Reverted").await?;
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    let run = shop.jobs_run(&shop.staging).await?;
    ensure!(run == ["migrate", "undo", "migrate", "undo"], "these have run: {run:?}");
    Ok(())
}
