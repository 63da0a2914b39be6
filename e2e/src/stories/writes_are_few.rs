//! A whole delivery through two stages takes few writes, and calm takes none.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::Shop;
use crate::story::Story;

/// Checkpoints, images, finalizers and statuses of one delivery through two stages; events are told apart.
const BOUND: f64 = 34.0;

pub async fn run(t: &Story) -> Result<()> {
    let operator = t.start_operator(&Settings::default()).await?;
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let calm = Duration::from_secs(2);
    tokio::time::sleep(calm).await;
    let before = operator.writes().await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.settled().await?;
    tokio::time::sleep(calm).await;
    let after = operator.writes().await?;
    let spent = after - before;
    let kinds = operator.metrics().await?;
    let kinds: Vec<&str> = kinds.lines().filter(|line| line.starts_with("windlass_writes_total")).collect();
    ensure!(spent > 5.0, "that few writes cannot be: {spent}");
    ensure!(spent <= BOUND, "{spent} writes, not at most {BOUND}; in all:\n{}", kinds.join("\n"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let later = operator.writes().await?;
    ensure!(later == after, "{} writes in five seconds of calm", later - after);
    println!("     {spent} writes for a delivery through two stages");
    Ok(())
}
