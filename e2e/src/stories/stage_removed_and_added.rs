//! A stage that is taken out of the pipeline in mid-rollout goes back first and is then dropped; added again it adopts
//! without a hold. The list of workloads edited in mid-rollout changes nothing of that rollout.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop, endings, stage_of};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let (stage, workloads) = tokio::join!(stage(t), workloads(t));
    stage.and(workloads)
}

async fn stage(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let first = cue::image("app", Cue::Good, "revision-0");
    let image = shop.deliver("1.0.0", 1, Cue::Slow).await?;
    shop.comes_to_run(&shop.production, &image).await?;
    let stages = shop.pipeline()["spec"]["stages"].clone();
    shop.edit(json!({"stages": [stages[0]]})).await?;
    shop.comes_to_run(&shop.production, &first).await?;
    shop.pipeline_until("production to be dropped", |v| stage_of(v, "production").is_null()).await?;
    shop.runs(&shop.staging, &image).await?;
    ensure!(t.list_json("decision", &shop.home, "").await?.is_empty(), "the build was banned for it");
    let of = ("environment", shop.home.as_str(), "production");
    t.until(SOON, "the Environment to be let go", of, |v| v["metadata"]["finalizers"].is_null()).await?;

    // two more releases, which would make an adoption hold at first sight
    shop.deliver("1.0.1", 2, Cue::Good).await?;
    shop.delivered("1.0.1").await?;
    let last = shop.deliver("1.0.2", 3, Cue::Good).await?;
    shop.delivered("1.0.2").await?;
    shop.edit(json!({"stages": stages})).await?;
    let is_adopted = |s: &Value| s["adopted"].is_string();
    let stage = shop.stage_until("production", "production to be adopted", is_adopted).await?;
    ensure!(stage["held"].is_null(), "it is held: {stage}");
    shop.comes_to_run(&shop.production, &last).await?;
    shop.delivered("1.0.2").await.map(drop)
}

async fn workloads(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let worker = cue::image("app", Cue::Good, "revision-0");
    shop.deployment(&shop.staging, "worker", 1, &worker).await?;
    shop.deployment(&shop.production, "worker", 1, &worker).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Slow).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    let entry = |name: &str| json!({"kind": "Deployment", "name": name, "containers": [{"name": "app", "imageName": "app"}]});
    shop.edit(json!({"workloads": [entry("worker")]})).await?;
    shop.phase("1.0.0", "staging", "Delivered").await?;
    ensure!(shop.image(&shop.staging, "worker").await? == worker, "the open rollout took the new list");
    shop.runs(&shop.staging, &image).await?;
    shop.delivered("1.0.0").await?;
    // production started with the new list: the workload that is not in it stays as it was
    ensure!(shop.image(&shop.production, "worker").await? == image, "production did not take the new list");
    shop.keeps(&shop.production, "checkout", &worker).await?;
    let pipeline = shop.settled().await?;
    ensure!(condition(&pipeline, "Stalled", "status") == "False", "{}", pipeline["status"]);
    let staging = stage_of(&pipeline, "staging");
    ensure!(text(staging, "/held/kind").is_empty() && endings(staging).len() == 1, "staging: {staging}");
    Ok(())
}
