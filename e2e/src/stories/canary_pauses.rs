//! People and a canary: `paused` keeps it at its step, Promote ends the step's pause, Abort cuts it though a pod of the
//! workload is not ready.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{A_WHILE, Shop, share};
use crate::story::{Break, Story};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt_canary(4, json!([{"weight": 25, "pause": "1h"}, {"weight": 50, "pause": "2s"}, {"weight": 60, "pause": "1h"}])).await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/4 25 20").await?;

    let promote = shop.decide_on("1.8.0", "production", "Promote").await?;
    ensure!(shop.decided(&promote, "Applied").await? == "the pause of step 1 is over", "it says something else");
    shop.shows("1.8.0", "2/4 50 50").await?;
    shop.pause("1.8.0", true).await?;
    shop.waits("1.8.0", "paused; step 2/4 (50 %)").await?;
    let look = || async {
        let now = share(&shop.look("1.8.0").await?);
        Ok((now != "2/4 50 50").then_some(now))
    };
    t.never(A_WHILE * 2, "a paused canary goes on", look).await?;
    shop.pause("1.8.0", false).await?;
    shop.shows("1.8.0", "3/4 60 50").await?;

    t.break_some(&shop.production, "app=checkout,windlass.dev/track!=canary", Break::Unready, 1).await?;
    let abort = shop.decide_in("production", "Abort", json!({})).await?;
    shop.decided(&abort, "Applied").await?;
    shop.home().await?;
    shop.untouched(&old, generation).await?;
    t.break_some(&shop.production, "app=checkout,windlass.dev/track!=canary", Break::Mended, 1).await?;
    shop.phase("1.8.0", "production", "Reverted").await?;
    ensure!(shop.bans().await?.is_empty(), "an Abort bans nothing");
    Ok(())
}
