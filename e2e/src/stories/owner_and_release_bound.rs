//! What the owner of production asks for beyond the pipeline (a suite, a check of health), and how far a release itself is to go: each
//! keeps it out, says who asks for it and what would change it, and lets it in when that is so.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, gate, with_external_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;
    let before = shop.image(&shop.production, "checkout").await?;
    shop.rules(json!({"policy": {"requiredSuites": ["api", "scan"]}})).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.report("1.0.0", "staging", "Passed").await?;
    let why = "no stage before has passed scan for this build (policy.requiredSuites)";
    closed(&shop, "1.0.0", "requiredSuites", "policy", why).await?;
    shop.keeps(&shop.production, "checkout", &before).await?;

    shop.rules(json!({"policy": {"requiredSuites": ["api"], "checksRequired": true}})).await?;
    let why = "production asks for checks of health, and the stage has none (policy.checksRequired)";
    let release = closed(&shop, "1.0.0", "checks", "policy", why).await?;
    ensure!(gate(&release, "production", "requiredSuites")?["state"] == "Open", "api has passed: {}", release["status"]);
    shop.rules(json!({"policy": {"requiredSuites": ["api"], "checksRequired": null}})).await?;
    shop.delivered("1.0.0").await?;
    let now = shop.image(&shop.production, "checkout").await?;

    let mut manifest = shop.release("1.1.0", 2, &crate::cue::image("app", Cue::Good, "1.1.0"));
    manifest["spec"]["lastStage"] = json!("staging");
    t.apply(&manifest.to_string()).await?;
    shop.report("1.1.0", "staging", "Passed").await?;
    let release = shop.delivered("1.1.0").await?;
    ensure!(text(&release, "/status/stage") == "staging", "it is delivered at {}", release["status"]["stage"]);
    shop.rests("1.1.0", "staging").await?;
    shop.keeps(&shop.production, "checkout", &now).await?;
    // its owner lets it go on
    let on = json!({"spec": {"lastStage": "production"}});
    t.patch("release", &shop.home, "checkout-1.1.0", &on).await?;
    shop.rests("1.1.0", "production").await.map(drop)
}

/// Waits until it waits for that, and the gate says so with its source.
async fn closed(shop: &Shop<'_>, version: &str, name: &str, source: &str, why: &str) -> Result<Value> {
    let release = shop.waits(version, why).await?;
    let closed = gate(&release, "production", name)?;
    let is_so = closed["state"] == "Closed" && closed["source"] == source && closed["reason"] == why;
    ensure!(is_so && !text(&closed, "/change").is_empty(), "the gate is {closed}");
    Ok(release)
}
