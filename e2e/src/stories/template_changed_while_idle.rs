//! Nothing is under way and the template changes: history says so and health is watched for another bake. A failure is
//! told; images stay, and no build is condemned.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, readiness};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    shop.settled().await?;
    shop.edit(json!({"stages": [
        {"environment": "staging", "bake": "1s", "progressDeadline": "30s"},
        {"environment": "production", "bake": "60s", "progressDeadline": "30s"},
    ]}))
    .await?;
    let annotate = |behave: &str| json!({"spec": {"template": {"metadata": {"annotations": {"windlass.test/behave": behave}}}}});
    t.patch("deploy", &shop.production, "checkout", &annotate("ready")).await?;
    let pipeline = shop.pipeline_until("the change to be recorded", |v| v.to_string().contains("ConfigChanged")).await?;
    ensure!(!pipeline["status"]["stages"][1]["watchUntil"].is_null(), "it is not watched: {}", pipeline["status"]);
    ensure!(readiness(&pipeline).starts_with("True/False/False"), "a change alone: {}", readiness(&pipeline));
    shop.available(&shop.production, "checkout").await?;

    t.patch("deploy", &shop.production, "checkout", &annotate("crash-loop")).await?;
    let pipeline = shop.pipeline_until("an alert", |v| condition(v, "Stalled", "status") == "True").await?;
    ensure!(readiness(&pipeline) == "False/False/True HealthLost", "{}", readiness(&pipeline));
    let said = condition(&pipeline, "Stalled", "message");
    ensure!(said.contains("production: health lost after the template changed") && said.contains("container app"), "{said}");
    let note = shop.told("1.8.0", "HealthLost").await?;
    ensure!(note.contains("images stay as they are"), "it is told: {note}");
    shop.runs(&shop.production, &image).await?;
    let ended = shop.last("production").await?;
    ensure!(ended["outcome"] == "ConfigChanged" && text(&ended, "/release") == "checkout-1.8.0", "history: {ended}");
    ensure!(shop.bans().await?.is_empty(), "a build was condemned for its template");
    ensure!(shop.stage("production").await?["rollout"].is_null(), "a rollout was started");

    t.patch("deploy", &shop.production, "checkout", &annotate("ready")).await?;
    shop.pipeline_until("the alert to go", |v| readiness(v).starts_with("True/False/False")).await.map(drop)
}
