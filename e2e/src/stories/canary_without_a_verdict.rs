//! A canary of which a suite gives no verdict goes back without a ban; what ran before is what runs, and the next release is
//! tried in a clone again.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 50, "pause": "1s"}]));
        pipeline["spec"]["stages"][1]["tests"] = json!([{"suite": "smoke", "external": {}, "timeout": "4s"}]);
    })
    .await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("smoke"), "it says {why}");
    ensure!(condition(&release, "Delivered", "status") == "False", "it is called delivered");
    shop.home().await?;
    shop.untouched(&old, generation).await?;
    ensure!(shop.bans().await?.is_empty(), "a suite that gave no verdict banned the build");
    let current = shop.stage("production").await?["current"].clone();
    ensure!(current["release"].is_null(), "it is recorded as what runs: {current}");

    // and time enough for a verdict
    let mut stages = t.get_json("dp", &shop.home, "checkout").await?["spec"]["stages"].clone();
    stages[1]["tests"][0]["timeout"] = json!("5m");
    shop.edit(json!({"stages": stages})).await?;
    shop.deliver("1.9.0", 2, Cue::Good).await?;
    shop.shows("1.9.0", "2/2 100 50").await?;
    shop.untouched(&old, generation).await?;
    shop.report("1.9.0", "production", "Passed").await?;
    shop.delivered("1.9.0").await.map(drop)
}
