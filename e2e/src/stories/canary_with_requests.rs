//! A canary by the number of pods under real requests through a real router: each step has the share that it says, none fails
//! on the way there, home, or back.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Break, Story};

const HOST: &str = "canary.example";
/// Long enough for a sample that tells a quarter from a half.
const LOOK: Duration = Duration::from_secs(3);

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.backend(&shop.production, "checkout", 3, &Shop::revision_0()).await?;
    shop.available(&shop.production, "checkout").await?;
    t.route(&shop.production, "checkout", HOST, &[("checkout", 100)]).await?;
    shop.adopt_canary(3, json!([{"weight": 25, "pause": "6s"}, {"weight": 50, "pause": "6s"}])).await?;
    let client = t.traffic()?.client(HOST, 150);
    let start = client.mark();

    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    for (shown, share) in [("1/3 25 25", 0.25), ("2/3 50 50", 0.5)] {
        shop.shows("1.8.0", shown).await?;
        // the router hears of the endpoints by itself
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.over(LOOK).await.image_has(&new, share)?;
    }
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    let counts = client.over(LOOK).await;
    counts.image_has(&new, 1.0)?;

    let bad = shop.deliver("1.9.0", 2, Cue::Good).await?;
    shop.shows("1.9.0", "1/3 25 25").await?;
    client.over(LOOK).await.image_has(&bad, 0.25)?;
    client.since(start).await.none_failed()?;
    t.break_pods(&shop.production, "windlass.dev/track=canary", Break::CrashLoop).await?;
    shop.phase("1.9.0", "production", "Reverted").await?;
    shop.home().await?;
    client.over(LOOK).await.image_has(&new, 1.0)?;
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);
    let all = client.since(start).await;
    println!("     {} requests, {} failed", all.total(), all.failed());
    // a pod that crashes takes with it what it was answering, which no write of ours did
    let lost = all.failed() as f64 / all.total() as f64;
    ensure!(lost < 0.01, "{} of {} requests failed", all.failed(), all.total());
    Ok(())
}
