//! A release goes from staging to production by itself, and what people read says so.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    for ns in [&shop.staging, &shop.production] {
        let runs = shop.image(ns, "checkout").await?;
        ensure!(runs == image, "{ns} runs {runs}, not {image}");
    }
    let pipeline = shop.settled().await?;
    for stage in ["staging", "production"] {
        let stage = crate::shop::stage_of(&pipeline, stage);
        let last = stage["history"].as_array().and_then(|h| h.last()).cloned().unwrap_or_default();
        ensure!(last["outcome"] == "Delivered" && last["release"] == "checkout-1.8.0", "history ends with {last}");
        ensure!(text(stage, "/current/version") == "1.8.0", "current is {}", stage["current"]);
    }
    let release = shop.phase("1.8.0", "production", "Delivered").await?;
    ensure!(condition(&release, "Ready", "status") == "True", "it is not Ready");
    let table = shop.table().await?;
    ensure!(table.contains("production") && table.contains("Delivered") && table.contains("maria"), "{table}");
    t.kubectl(["wait", "--for=condition=Delivered", "release/checkout-1.8.0", "-n", &shop.home, "--timeout=5s"]).await?.ok()?;
    Ok(())
}
