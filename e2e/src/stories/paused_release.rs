//! A paused release does not start; paused in mid-rollout it stays before the next workload, its deadline stops;
//! resumed, it goes on.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::kstatus::{Status, kstatus};
use crate::shop::{A_WHILE, SOON, Shop, with_worker};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.hire_worker().await?;
    shop.adopt(with_worker).await?;
    let before = shop.image(&shop.staging, "worker").await?;

    // before its start
    let image = cue::image("app", Cue::Slow, "1.0.0");
    let mut release = shop.release("1.0.0", 1, &image);
    release["spec"]["paused"] = json!(true);
    t.apply(&release.to_string()).await?;
    let waiting = shop.waits("1.0.0", "the release is paused").await?;
    ensure!(kstatus(&waiting) == Status::Current, "a release that waits for a person is not Current: {waiting}");
    shop.keeps(&shop.staging, "checkout", &before).await?;

    // in mid-rollout: the first workload is on its way, the second waits
    shop.pause("1.0.0", false).await?;
    shop.phase("1.0.0", "staging", "Progressing").await?;
    shop.pause("1.0.0", true).await?;
    let paused = shop.waits("1.0.0", "paused; Deployment/worker").await?;
    ensure!(kstatus(&paused) == Status::Current, "a paused rollout is not Current: {paused}");
    ensure!(shop.image(&shop.staging, "checkout").await? == image, "the first workload does not have the new image");
    shop.available(&shop.staging, "checkout").await?;
    let stops = deadline(&shop).await?;
    shop.keeps(&shop.staging, "worker", &before).await?;

    shop.pause("1.0.0", false).await?;
    let image = cue::image("app", Cue::Slow, "1.0.0");
    let is_set = || async { Ok((shop.image(&shop.staging, "worker").await? == image).then_some(())) };
    t.eventually(SOON, "the second workload to be set", is_set).await?;
    let moved = deadline(&shop).await?.duration_since(stops);
    ensure!(moved > A_WHILE.try_into()?, "the pause counts against the deadline: it moved by {moved:?}");
    shop.phase("1.0.0", "staging", "Delivered").await.map(drop)
}

/// When the rollout in staging is to be fully exposed.
async fn deadline(shop: &Shop<'_>) -> Result<jiff::Timestamp> {
    Ok(shop.stage_text("staging", "/rollout/state/progressing/deadline").await?.parse()?)
}
