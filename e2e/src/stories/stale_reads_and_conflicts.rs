//! Someone else writes the Deployment (scales, annotates) all the time while a rollout goes on: it comes to its end, and
//! what the operator tries stays bounded.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, endings};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"] = json!([p["spec"]["stages"][0]])).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    let done = async {
        shop.delivered("1.0.0").await?;
        shop.settled().await
    };
    let pipeline = tokio::select! {
        pipeline = done => pipeline?,
        error = meddle(t, &shop.staging) => return error.map(|never| match never {}),
    };
    shop.runs(&shop.staging, &image).await?;
    let stage = crate::shop::stage_of(&pipeline, "staging");
    ensure!(endings(stage) == [("checkout-1.0.0".to_owned(), "Delivered".to_owned())], "history: {}", stage["history"]);
    ensure!(stage["held"].is_null(), "their writes were taken for an image's: {stage}");
    let deployment = t.get_json("deploy", &shop.staging, "checkout").await?;
    let meddled = &deployment["metadata"]["annotations"]["story/meddled"];
    ensure!(meddled.as_str().and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n > 3), "it was left alone: {meddled}");
    let entries = deployment["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let ours = entries.iter().filter(|entry| entry["manager"] == "windlass").count();
    ensure!(ours == 1, "{ours} entries of managed fields are ours: {entries:?}");
    Ok(())
}

/// Writes four times a second; ends with an error only.
async fn meddle(t: &Story, ns: &str) -> Result<std::convert::Infallible> {
    for number in 0_u32.. {
        let annotation = json!({"metadata": {"annotations": {"story/meddled": number.to_string()}}});
        t.patch("deploy", ns, "checkout", &annotation).await?;
        if number % 2 == 0 {
            let replicas = 2 + (number / 2) % 2;
            t.patch("deploy", ns, "checkout", &json!({"spec": {"replicas": replicas}})).await?;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    anyhow::bail!("out of numbers")
}
