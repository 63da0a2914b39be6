//! An image that never becomes ready in staging goes back when the progress deadline passes, and is banned there; the
//! next good release goes its way.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{Shop, readiness};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["progressDeadline"] = "10s".into()).await?;
    let image = shop.deliver("1.8.0", 1, Cue::NeverReady).await?;
    shop.until("1.8.0", "to tell how it comes along", |v| {
        let why = text(v, "/status/waitingFor");
        text(v, "/status/phase") == "Progressing" && why.contains("of 2 new pods available (container app: runs and is not ready yet)")
    })
    .await?;
    shop.runs(&shop.staging, &image).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("progress deadline passed: Deployment/checkout: 0 of 2"), "it says {why}");
    ensure!(readiness(&release) == "False/False/True Reverted", "{}", readiness(&release));
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    shop.available(&shop.staging, "checkout").await?;
    ensure!(shop.bans().await?.len() == 1, "one ban, not {:?}", shop.bans().await?);
    shop.is_untouched(&shop.production).await?;
    shop.deliver("1.8.1", 2, Cue::Good).await?;
    shop.delivered("1.8.1").await.map(drop)
}
