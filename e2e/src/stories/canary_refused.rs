//! What cannot run twice, and a name that is taken, are refused before anything is written, in words that name the remedy.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{CLONE, SOON, Shop};
use crate::story::{Story, condition};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let refused = shop.pipeline();
    let bad = [
        (json!([{"weight": 50}, {"weight": 50}]), "steps[].weight: must rise"),
        (json!([{"weight": 50}, {"weight": 25}]), "steps[].weight: must rise"),
        (json!([{"weight": 101}]), "weight"),
        (json!([{"weight": 5, "pause": "169h"}]), "steps[].pause: must be at most 168h"),
        (json!([]), "steps"),
    ];
    for (steps, said) in bad {
        let mut pipeline = refused.clone();
        crate::shop::canary(&mut pipeline, &steps);
        let why = t.refused(&shop.home, &pipeline.to_string()).await?;
        ensure!(why.contains(said), "{steps} is refused with: {why}");
    }
    let mut workers = refused.clone();
    crate::shop::canary(&mut workers, &json!([{"weight": 50}]));
    workers["spec"]["workloads"][0]["exposure"] = json!("Worker");
    let why = t.refused(&shop.home, &workers.to_string()).await?;
    ensure!(why.contains("strategy.canary: needs an entry of spec.workloads with kind Deployment and exposure Traffic"), "it says {why}");

    let recreate = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}});
    t.patch("deploy", &shop.production, "checkout", &recreate).await?;
    shop.adopt_canary(2, json!([{"weight": 50}])).await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.waits("1.8.0", "Deployment/checkout in production cannot run beside a clone: its strategy is Recreate").await?;
    let is_told = |v: &serde_json::Value| condition(v, "Stalled", "reason") == "CannotClone";
    t.until(SOON, "the pipeline to say so", ("dp", &shop.home, "checkout"), is_told).await?;
    ensure!(shop.clone().await?.is_none(), "a clone was made");
    shop.untouched(&old, generation).await?;

    shop.deployment(&shop.production, CLONE, 1, &Shop::revision_0()).await?;
    t.patch("deploy", &shop.production, "checkout", &json!({"spec": {"strategy": {"type": "RollingUpdate"}}})).await?;
    shop.waits("1.8.0", "Deployment/checkout-canary in production is there and is no clone of this pipeline").await?;
    let theirs = shop.clone().await?.unwrap_or_default();
    ensure!(theirs["metadata"]["labels"].is_null() && theirs["spec"]["replicas"] == 1, "it was written: {theirs}");
    t.delete("deploy", &shop.production, CLONE).await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await
}
