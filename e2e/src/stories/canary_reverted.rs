//! A canary whose pods fail, at the first step or in its bake, is cut and taken back; the workload is never written.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Break, Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 25, "pause": "1s"}]));
        // staging lets everything through
        pipeline["spec"]["stages"][0]["promotion"] = json!({"mode": "Manual"});
        pipeline["spec"]["stages"].as_array_mut().into_iter().for_each(|stages| stages.swap(0, 1));
        pipeline["spec"]["stages"].as_array_mut().into_iter().for_each(|stages| stages.truncate(1));
        pipeline["spec"]["stages"][0]["bake"] = json!("60s");
    })
    .await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    shop.deliver("1.8.0", 1, Cue::CrashLoop).await?;
    let release = shop.phase("1.8.0", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("Deployment/checkout-canary: container app: "), "it says {why}");
    shop.home().await?;
    shop.untouched(&old, generation).await?;
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);

    shop.deliver("1.9.0", 2, Cue::Good).await?;
    shop.delivered("1.9.0").await?;
    t.break_pods(&shop.production, "windlass.dev/track=canary", Break::CrashLoop).await?;
    let release = shop.phase("1.9.0", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("health lost in the bake"), "it says {why}");
    shop.home().await?;
    shop.untouched(&old, generation).await?;
    let lost = |version: &str| (format!("checkout-{version}"), "Reverted".to_owned());
    ensure!(shop.history("production").await? == [lost("1.8.0"), lost("1.9.0")], "{:?}", shop.history("production").await?);
    Ok(())
}
