//! A routed canary whose build answers every second request with an error, under a user's requests. A check by http takes
//! it back: what failed was answered by that build alone, the workload was not written, and afterwards nothing fails.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, canary, labelled};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    // a pod that is deleted is gone at once: what is sent to a clone that was cut too early is lost, and seen
    let mut workload = labelled(3, &Shop::revision_0());
    workload["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = json!({});
    t.apply_in(&shop.production, &workload.to_string()).await?;
    shop.available(&shop.production, "checkout").await?;
    let client = shop
        .adopt_behind_a_route(|pipeline| {
            canary(pipeline, &json!([{"weight": 50, "pause": "1h"}]));
            let http = json!({"service": "checkout", "port": 8080, "path": "/"});
            let check = json!({"name": "answers", "interval": "1s", "failures": 3, "samples": 3, "http": http});
            pipeline["spec"]["stages"][1]["checks"] = json!([check]);
        })
        .await?;
    let (old, generation) = (Shop::revision_0(), shop.generation().await?);
    let from = client.mark();
    let bad = shop.deliver("1.1.0", 1, Cue::Errors).await?;
    shop.weighs(50).await?;
    shop.weighs(0).await?;
    // a router says that it took a route a moment before it goes by it
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = client.mark();
    let release = shop.phase("1.1.0", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("check answers failed: ") && why.contains("500"), "it says {why}");
    shop.home().await?;
    shop.untouched(&old, generation).await?;
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);

    tokio::time::sleep(Duration::from_secs(1)).await;
    let back = client.since(after).await;
    back.none_failed()?;
    back.image_has(&old, 1.0)?;
    back.track_has("stable", 1.0)?;
    let all = client.between(from, after).await;
    let others: Vec<_> = all.answers().iter().filter(|a| a.has_failed() && a.image != bad).collect();
    ensure!(others.is_empty(), "requests failed that the bad build did not answer: {others:?}");
    // it was exposed, it was bad, and that was by its step's weight
    let exposed = all.by_image().get(bad.as_str()).copied().unwrap_or_default();
    ensure!(exposed > 20 && all.failed() > 5, "the bad build answered {exposed} and failed {} times", all.failed());
    ensure!(exposed * 100 <= all.total() * 60, "the bad build answered {exposed} of {}", all.total());
    Ok(())
}
