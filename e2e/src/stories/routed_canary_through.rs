//! A canary by the weights of a route, with a user who asks all the while: what the user sees is each step's weight; no
//! request fails from the first step to the clone's end; and a release that is aborted in the middle costs none either.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let client = shop.adopt_routed(json!([{"weight": 10, "pause": "6s"}, {"weight": 50, "pause": "6s"}])).await?;
    let generation = shop.generation().await?;
    let old = shop.image(&shop.production, "checkout").await?;
    let from = client.mark();

    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.seen_at(&client, "1.8.0", "1/3 10 10", 0.1).await?;
    shop.exposed(1).await?;
    shop.untouched(&old, generation).await?;
    let counts = shop.seen_at(&client, "1.8.0", "2/3 50 50", 0.5).await?;
    shop.exposed(2).await?;
    ensure!(counts.by_pod().len() == 5, "not every pod answers: {:?}", counts.by_pod());
    shop.delivered("1.8.0").await?;
    shop.weighs(0).await?;
    shop.home().await?;
    shop.rests("1.8.0", "production").await?;
    shop.runs(&shop.production, &new).await?;
    let through = client.over(Duration::from_secs(2)).await;
    through.image_has(&new, 1.0)?;
    through.track_has("stable", 1.0)?;
    let all = client.since(from).await;
    all.none_failed()?;
    ensure!(all.total() > 1000, "only {} requests were sent", all.total());

    let bad = shop.deliver("1.8.1", 2, Cue::Good).await?;
    shop.seen_at(&client, "1.8.1", "2/3 50 50", 0.5).await?;
    let aborted = client.mark();
    shop.decide("Abort", json!({"environment": "production"})).await?;
    shop.weighs(0).await?;
    shop.home().await?;
    shop.settled().await?;
    let back = client.over(Duration::from_secs(1)).await;
    back.image_has(&new, 1.0)?;
    client.since(aborted).await.none_failed()?;
    client.since(from).await.none_failed()?;
    let now = t.get_json("deploy", &shop.production, "checkout").await?;
    ensure!(text(&now, "/spec/template/spec/containers/0/image") != bad, "the workload runs what was aborted");
    shop.is_still("something is written after the abort").await
}
