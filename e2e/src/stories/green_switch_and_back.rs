//! Blue-green with a user who asks all the while: a build that no suite has passed gets none of the requests, though it stands
//! in full and answers at its own Service; one that passed gets all of them at once; within the bake a person takes it back,
//! and a check does. Nothing of it costs the user a request, but for those that the bad build itself answered.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{GREEN, SOON, Shop, with_external_suite};
use crate::story::{Story, text};

fn green(pipeline: &mut Value) {
    with_external_suite(pipeline, 1);
    let stage = &mut pipeline["spec"]["stages"][1];
    stage["strategy"] = json!({"blueGreen": {}});
    stage["bake"] = json!("8s");
    let http = json!({"service": "checkout", "port": 8080, "path": "/"});
    stage["checks"] = json!([{"name": "answers", "interval": "1s", "failures": 2, "samples": 2, "http": http}]);
}

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let client = shop.adopt_behind_a_route(green).await?;
    let generation = shop.generation().await?;
    let old = shop.image(&shop.production, "checkout").await?;
    let from = client.mark();

    // it is there in full and can be looked at, and no user gets it
    let failing = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.cloned(GREEN, 3).await?;
    shop.shows("1.8.0", "1/2 0 0").await?;
    let preview = format!("preview.{}", shop.host());
    t.route(&shop.production, "preview", &preview, &[(GREEN, 100)]).await?;
    let shown = t.traffic()?.ask(&preview).await;
    ensure!((shown.status, &*shown.image) == (200, &*failing), "the preview answers {shown:?}");
    shop.report("1.8.0", "production", "Failed").await?;
    shop.phase("1.8.0", "production", "Reverted").await?;
    shop.home().await?;
    let counts = client.since(from).await;
    counts.none_failed()?;
    counts.image_has(&old, 1.0)?;
    shop.untouched(&old, generation).await?;

    // all at once, and home
    let new = shop.deliver("1.8.1", 2, Cue::Good).await?;
    shop.shows("1.8.1", "1/2 0 0").await?;
    let before = client.over(Duration::from_secs(1)).await;
    before.image_has(&old, 1.0)?;
    shop.report("1.8.1", "production", "Passed").await?;
    let after = shop.seen_in_full(&client, "1.8.1").await?;
    after.image_has(&new, 1.0)?;
    shop.untouched(&old, generation).await?;
    shop.rests("1.8.1", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    client.since(from).await.none_failed()?;

    // a person takes it back within the bake
    let unwanted = shop.deliver("1.8.2", 3, Cue::Good).await?;
    shop.report("1.8.2", "production", "Passed").await?;
    shop.seen_in_full(&client, "1.8.2").await?.image_has(&unwanted, 1.0)?;
    let generation = shop.generation().await?;
    shop.decide("Revert", json!({"environment": "production"})).await?;
    shop.weighs(0).await?;
    shop.home().await?;
    shop.settled().await?;
    client.over(Duration::from_secs(1)).await.image_has(&new, 1.0)?;
    shop.untouched(&new, generation).await?;
    client.since(from).await.none_failed()?;

    // so does its check, where its suite knew no better
    shop.decide("Unhold", json!({"environment": "production"})).await?;
    let bad = shop.deliver("1.8.3", 4, Cue::Errors).await?;
    let wrong = client.mark();
    shop.report("1.8.3", "production", "Passed").await?;
    let release = shop.phase("1.8.3", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("check answers failed: "), "it says {why}");
    shop.home().await?;
    shop.untouched(&new, generation).await?;
    let counts = client.since(wrong).await;
    let ours: Vec<_> = counts.answers().iter().filter(|a| a.has_failed() && a.image != bad).collect();
    ensure!(ours.is_empty(), "requests failed that the bad build did not answer: {ours:?}");
    let gone = || async { Ok(client.over(Duration::from_secs(1)).await.image_has(&new, 1.0).ok()) };
    t.eventually(SOON, "all requests to be answered by the build before", gone).await
}
