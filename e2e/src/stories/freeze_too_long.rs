//! A canary stands still in a freeze for longer than its stage allows: it is aborted, what ran before takes all again, and nothing is
//! banned. A pause of the whole release is no different.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, canary};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.scale(4).await?;
    shop.adopt(|pipeline| {
        canary(pipeline, &json!([{"weight": 25, "pause": "3s"}, {"weight": 50, "pause": "1s"}]));
        pipeline["spec"]["stages"][1]["maxPause"] = json!("10s");
    })
    .await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.shows("1.0.0", "1/3 25 20").await?;
    shop.freeze(Some("audit")).await?;
    ends_aborted(&shop, "1.0.0").await?;
    shop.untouched(&old, generation).await?;
    shop.freeze(None).await?;

    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.shows("1.1.0", "1/3 25 20").await?;
    shop.pause("1.1.0", true).await?;
    ends_aborted(&shop, "1.1.0").await?;
    shop.untouched(&old, generation).await?;
    ensure!(shop.bans().await?.is_empty(), "a wait is no fault of the build");

    // nobody has to lift anything
    shop.deliver("1.2.0", 3, Cue::Good).await?;
    shop.delivered("1.2.0").await.map(drop)
}

async fn ends_aborted(shop: &Shop<'_>, version: &str) -> Result<()> {
    shop.phase(version, "production", "Reverted").await?;
    shop.home().await?;
    let last = shop.last("production").await?;
    ensure!(last["cause"] == "Aborted" && last["release"] == format!("checkout-{version}"), "it ended with {last}");
    shop.waits(version, "paused for longer than allowed").await.map(drop)
}
