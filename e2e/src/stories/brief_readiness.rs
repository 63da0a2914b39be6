//! A container that crashes again and again, ready for a moment in between, is no healthy one: the clock of the bake
//! goes on through such moments, and the build goes back long before the deadline or the end of the bake.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{Shop, stage_phase};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][0]["progressDeadline"] = "10m".into();
        p["spec"]["stages"][0]["bake"] = "10m".into();
        p["spec"]["stages"][1]["promotion"] = serde_json::json!({"mode": "Manual"});
    })
    .await?;
    let started = Instant::now();
    shop.deliver("1.8.0", 1, Cue::Flap).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    ensure!(started.elapsed() < Duration::from_secs(100), "it took {:?}", started.elapsed());
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("container app: ") && why.contains("restarted"), "it says {why}");
    ensure!(stage_phase(&release, "production") != "Delivered", "it went on");
    ensure!(shop.bans().await?.len() == 1, "it is not banned");
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    shop.is_untouched(&shop.production).await
}
