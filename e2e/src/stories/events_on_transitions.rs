//! Transitions are told as events on the release and on the pipeline, each once; while nothing changes there are none.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{A_WHILE, SOON, Shop, with_external_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.report("1.0.0", "staging", "Passed").await?;
    shop.delivered("1.0.0").await?;
    shop.rests("1.0.0", "production").await?;
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.report("1.1.0", "staging", "Failed").await?;
    shop.phase("1.1.0", "staging", "Reverted").await?;
    let refused = shop.decide_in("production", "Abort", json!({})).await?;
    shop.decided(&refused, "Refused").await?;

    let wanted = [
        ("Release/checkout-1.0.0", "Started", "staging", "Normal"),
        ("Release/checkout-1.0.0", "Exposed", "staging", "Normal"),
        ("Release/checkout-1.0.0", "Delivered", "staging", "Normal"),
        ("Release/checkout-1.0.0", "Delivered", "production", "Normal"),
        ("Release/checkout-1.1.0", "Reverting", "suite api failed", "Warning"),
        ("Release/checkout-1.1.0", "Reverted", "1.0.0 back as it was", "Normal"),
        ("DeliveryPipeline/checkout", "Delivered", "production", "Normal"),
        ("DeliveryPipeline/checkout", "DecisionRefused", "Abort: nothing is under way there", "Warning"),
    ];
    for (about, reason, message, kind) in wanted {
        let find = || async {
            let told = told(t, &shop).await?;
            let is_it = |key: &&String| key.starts_with(&format!("{kind} {about} {reason}:")) && key.contains(message);
            ensure!(told.keys().any(|key| is_it(&key)), "told so far: {:#?}", told.keys());
            Ok(Some(()))
        };
        t.eventually(SOON, &format!("the event {reason} on {about}"), find).await?;
    }
    let before = told(t, &shop).await?;
    let repeated: Vec<_> = before.iter().filter(|(_, count)| **count != 1).collect();
    ensure!(repeated.is_empty(), "told more than once: {repeated:#?}");
    tokio::time::sleep(A_WHILE).await;
    ensure!(told(t, &shop).await? == before, "events repeat though nothing changes");
    Ok(())
}

/// `type kind/name reason: message` of each event, and how often it was told.
async fn told(t: &Story, shop: &Shop<'_>) -> Result<BTreeMap<String, i64>> {
    let mut told = BTreeMap::new();
    for event in t.list_json("event", &shop.home, "").await? {
        let word = |pointer| text(&event, pointer);
        let (kind, name) = (word("/involvedObject/kind"), word("/involvedObject/name"));
        let key = format!("{} {kind}/{name} {}: {}", word("/type"), word("/reason"), word("/message"));
        *told.entry(key).or_insert(0) += event["series"]["count"].as_i64().unwrap_or(1);
    }
    Ok(told)
}
