//! Checks of a canary by http, under real requests: they go to the clone's own pods, and errors there or a redirect to an inner
//! address take it back. No request fails but those that the bad build answered itself.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Story, text};

const HOST: &str = "checked.example";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.backend(&shop.production, "checkout", 3, &Shop::revision_0()).await?;
    shop.available(&shop.production, "checkout").await?;
    t.route(&shop.production, "checkout", HOST, &[("checkout", 100)]).await?;
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 25, "pause": "3s"}]));
        let http = json!({"service": "checkout", "port": 8080, "path": "/"});
        let check = json!({"name": "answers", "interval": "1s", "failures": 2, "samples": 2, "http": http});
        pipeline["spec"]["stages"][1]["checks"] = json!([check]);
        pipeline["spec"]["stages"][1]["bake"] = json!("3s");
    })
    .await?;
    let generation = shop.generation().await?;
    let client = t.traffic()?.client(HOST, 100);
    let bad = [("1.1.0", Cue::Errors, "500"), ("1.2.0", Cue::Redirects, "302")];
    for (minute, (version, cue, said)) in bad.into_iter().enumerate() {
        let start = client.mark();
        let image = shop.deliver(version, u32::try_from(minute)? + 1, cue).await?;
        let release = shop.phase(version, "production", "Reverted").await?;
        let why = text(&release, "/status/waitingFor");
        ensure!(why.starts_with("check answers failed: ") && why.contains(said), "{version}: it says {why}");
        shop.home().await?;
        shop.untouched(&Shop::revision_0(), generation).await?;
        let counts = client.over(std::time::Duration::from_secs(1)).await;
        counts.none_failed()?;
        counts.image_has(&Shop::revision_0(), 1.0)?;
        let all = client.since(start).await;
        let ours: Vec<_> = all.answers().iter().filter(|a| a.has_failed() && a.image != image).collect();
        ensure!(ours.is_empty(), "{version}: requests failed that the bad build did not answer: {ours:?}");
    }
    ensure!(shop.bans().await?.len() == 2, "bans are {:?}", shop.bans().await?);

    let good = shop.deliver("1.3.0", 3, Cue::Good).await?;
    let start = client.mark();
    shop.rests("1.3.0", "production").await?;
    shop.home().await?;
    client.since(start).await.none_failed()?;
    client.over(std::time::Duration::from_secs(1)).await.image_has(&good, 1.0)
}
