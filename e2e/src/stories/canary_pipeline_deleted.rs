//! A pipeline that is deleted at a step of its canary, in its bake, or while the workload is rolled home takes its clone with it,
//! and the deletion changes no image. A clone whose pipeline went without that goes all the same.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let old = shop.image(&shop.production, "checkout").await?;
    let steps = json!([{"weight": 25, "pause": "2s"}, {"weight": 50, "pause": "2s"}]);
    for (at, wanted) in ["1/3 25 25", "2/3 50 50", "3/3 100 50"].into_iter().enumerate() {
        let spec = steps.clone();
        shop.scale(3).await?;
        shop.adopt(|pipeline| {
            crate::shop::canary(pipeline, &spec);
            pipeline["spec"]["stages"][1]["bake"] = json!("60s");
        })
        .await?;
        let version = format!("1.{at}.0");
        shop.deliver(&version, u32::try_from(at)? + 1, Cue::Good).await?;
        shop.shows(&version, wanted).await?;
        let generation = shop.generation().await?;
        t.delete("dp", &shop.home, "checkout").await?;
        shop.gone("dp", &shop.home, "checkout").await?;
        shop.home().await?;
        shop.untouched(&old, generation).await?;
        // the next one finds one release above what runs, not two
        t.delete("release", &shop.home, &format!("checkout-{version}")).await?;
    }
    on_its_way_home(&shop).await?;
    stripped(&shop).await
}

/// The workload is written with the build and not rolled to it yet: what is proven comes home first.
async fn on_its_way_home(shop: &Shop<'_>) -> Result<()> {
    let t = shop.story();
    shop.adopt_canary(3, json!([{"weight": 25, "pause": "1s"}])).await?;
    let new = shop.deliver("1.9.0", 8, Cue::Slow).await?;
    shop.rolls_home(&new).await?;
    t.kubectl(["delete", "dp", "checkout", "-n", &shop.home, "--wait=false"]).await?.ok()?;
    ensure!(shop.is_rolling(&new).await?, "the workload was home before the pipeline was deleted");
    shop.gone("dp", &shop.home, "checkout").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    shop.available(&shop.production, "checkout").await?;
    t.delete("release", &shop.home, "checkout-1.9.0").await
}

/// Someone takes the finalizer off and the pipeline is gone at once: nobody looks after its clone any more.
async fn stripped(shop: &Shop<'_>) -> Result<()> {
    let t = shop.story();
    let before = shop.image(&shop.production, "checkout").await?;
    shop.adopt_canary(3, json!([{"weight": 25, "pause": "1h"}])).await?;
    shop.deliver("2.0.0", 9, Cue::Good).await?;
    shop.shows("2.0.0", "1/2 25 25").await?;
    t.kubectl(["delete", "dp", "checkout", "-n", &shop.home, "--wait=false"]).await?.ok()?;
    t.patch("dp", &shop.home, "checkout", &json!({"metadata": {"finalizers": null}})).await.map(drop).or_else(|error| {
        let text = format!("{error:#}");
        // it was quicker
        if text.contains("not found") || text.contains("NotFound") { Ok(()) } else { Err(error) }
    })?;
    shop.gone("dp", &shop.home, "checkout").await?;
    shop.home().await?;
    ensure!(shop.image(&shop.production, "checkout").await? == before, "the workload was written");
    Ok(())
}
