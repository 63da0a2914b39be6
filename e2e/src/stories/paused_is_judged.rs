//! The health of what a paused rollout has set is judged on, and it goes back with a ban. Pausing what rests changes nothing.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{A_WHILE, SOON, Shop, with_worker};
use crate::story::{Break, Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.hire_worker().await?;
    shop.adopt(with_worker).await?;
    let good = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.rests("1.0.0", "production").await?;

    // idle: setting and clearing it is nothing
    let (history, versions) = (shop.history("production").await?, deployments(&shop).await?);
    for paused in [true, false] {
        shop.pause("1.0.0", paused).await?;
        tokio::time::sleep(A_WHILE / 2).await;
    }
    ensure!(shop.history("production").await? == history, "pausing what rests made history");
    ensure!(deployments(&shop).await? == versions, "pausing what rests wrote to a Deployment");

    shop.deliver("1.1.0", 2, Cue::Slow).await?;
    shop.phase("1.1.0", "staging", "Progressing").await?;
    shop.pause("1.1.0", true).await?;
    shop.waits("1.1.0", "paused").await?;
    t.break_pods(&shop.staging, "app=checkout", Break::CrashLoop).await?;
    let reverted = shop.phase("1.1.0", "staging", "Reverted").await?;
    let why = text(&reverted, "/status/waitingFor");
    ensure!(why.contains("restarted 2 times"), "it ends with {why}");
    t.eventually(SOON, "its Ban", || async { Ok((shop.decisions("Ban").await?.len() == 1).then_some(())) }).await?;
    for name in ["checkout", "worker"] {
        ensure!(shop.image(&shop.staging, name).await? == good, "{name} is not back");
    }
    Ok(())
}

async fn deployments(shop: &Shop<'_>) -> Result<Vec<(String, String)>> {
    Ok(shop.versions().await?.into_iter().filter(|(name, _)| name.starts_with("deploy")).collect())
}
