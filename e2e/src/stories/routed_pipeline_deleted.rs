//! A pipeline that is deleted at a step of its routed canary, in its bake, while the workload is rolled home or when nothing is
//! under way takes its clone, its route and its Services with it; until the route goes, no request fails.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{ROUTE, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 2).await?;
    let old = shop.image(&shop.production, "checkout").await?;
    let steps = json!([{"weight": 20, "pause": "3s"}, {"weight": 60, "pause": "3s"}]);
    for (at, wanted) in ["1/3 20 20", "2/3 60 60", "3/3 100 100", ""].into_iter().enumerate() {
        let spec = steps.clone();
        // its user goes at once: the route is the pipeline's, and goes with it
        let user = shop.adopt_behind_a_route(|pipeline| {
            crate::shop::canary(pipeline, &spec);
            pipeline["spec"]["stages"][1]["bake"] = json!("60s");
        });
        drop(user.await?);
        let generation = shop.generation().await?;
        let version = format!("1.{at}.0");
        if !wanted.is_empty() {
            shop.deliver(&version, u32::try_from(at)? + 1, Cue::Good).await?;
            shop.shows(&version, wanted).await?;
        }
        t.kubectl(["delete", "dp", "checkout", "-n", &shop.home, "--wait=false"]).await?.ok()?;
        watch(&shop).await?;
        shop.gone("dp", &shop.home, "checkout").await?;
        shop.unrouted().await?;
        shop.untouched(&old, generation).await?;
        if !wanted.is_empty() {
            // the next one finds one release above what runs, not two
            t.delete("release", &shop.home, &format!("checkout-{version}")).await?;
        }
    }
    on_its_way_home(&shop).await?;
    let theirs: Value = t.get_json("service", &shop.production, "checkout").await?;
    ensure!(theirs["metadata"]["annotations"]["windlass.dev/claimed-by"].is_null(), "the Service was written: {}", text(&theirs, "/metadata/name"));
    Ok(())
}

/// The workload is written with the build and not rolled to it yet: what is proven comes home first.
async fn on_its_way_home(shop: &Shop<'_>) -> Result<()> {
    let t = shop.story();
    drop(shop.adopt_routed(json!([{"weight": 50, "pause": "1s"}])).await?);
    let new = shop.deliver("2.0.0", 9, Cue::Slow).await?;
    shop.rolls_home(&new).await?;
    t.kubectl(["delete", "dp", "checkout", "-n", &shop.home, "--wait=false"]).await?.ok()?;
    ensure!(shop.is_rolling(&new).await?, "the workload was home before the pipeline was deleted");
    watch(shop).await?;
    shop.gone("dp", &shop.home, "checkout").await?;
    shop.unrouted().await?;
    shop.runs(&shop.production, &new).await?;
    shop.available(&shop.production, "checkout").await
}

/// While there is a route, requests are answered.
async fn watch(shop: &Shop<'_>) -> Result<()> {
    let (t, host) = (shop.story(), shop.host());
    let router = t.traffic()?;
    loop {
        let answer = router.ask(&host).await;
        if t.find_json("httproute", &shop.production, ROUTE).await?.is_none() {
            return Ok(());
        }
        ensure!(answer.status == 200, "while there is a route: {answer:?}");
    }
}
