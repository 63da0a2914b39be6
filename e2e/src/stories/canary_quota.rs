//! Quotas: one that leaves no room for a clone takes the canary back; one that leaves none for the way home leaves the build
//! in its clone, says so, and lets it go home when there is room again.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 50, "pause": "1s"}]));
        pipeline["spec"]["stages"][1]["progressDeadline"] = json!("10s");
        pipeline["spec"]["stages"][1]["bake"] = json!("4s");
    })
    .await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    t.quota(&shop.production, 2).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("pods are refused") && why.contains("quota"), "it says {why}");
    shop.home().await?;
    shop.untouched(&old, generation).await?;

    // room for the clone, and for nothing beside it
    t.quota(&shop.production, 4).await?;
    let new = shop.deliver("1.9.0", 2, Cue::Good).await?;
    shop.delivered("1.9.0").await?;
    let stalled = |v: &serde_json::Value| condition(v, "Stalled", "reason") == "HomecomingFailed";
    let pipeline = t.until(SOON, "the homecoming to fail", ("dp", &shop.home, "checkout"), stalled).await?;
    let message = condition(&pipeline, "Stalled", "message");
    ensure!(message.contains("stays in its clone") && message.contains("quota"), "it says {message}");
    shop.exposed(2).await?;
    ensure!(condition(&shop.look("1.9.0").await?, "Delivered", "status") == "True", "it is delivered all the same");

    t.delete("resourcequota", &shop.production, "pods").await?;
    shop.rests("1.9.0", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    let told = |v: &serde_json::Value| condition(v, "Stalled", "status") == "False";
    t.until(SOON, "the pipeline to be well", ("dp", &shop.home, "checkout"), told).await.map(drop)
}
