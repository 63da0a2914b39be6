//! What is named and not there is waited for, then Stalled with its name; its appearance clears it: pipeline,
//! Environment, workload, container, CronJob. A Decision about a pipeline that does not come is Refused.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop, cron_job};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let (pipeline, environment, workload) = tokio::join!(pipeline(t), environment(t), workload_and_cron_job(t));
    pipeline.and(environment).and(workload)
}

/// First Reconciling for that reason, then Stalled; gives the message.
async fn waits_then_stalls(shop: &Shop<'_>, t: &Story, of: (&str, &str), reason: &str) -> Result<String> {
    let (kind, name) = of;
    let says = |v: &Value| condition(v, "Ready", "reason") == reason;
    let seen = t.until(SOON, &format!("{kind} {name} to say {reason}"), (kind, &shop.home, name), says).await?;
    ensure!(condition(&seen, "Reconciling", "status") == "True", "{kind} is Stalled at once: {}", seen["status"]);
    shop.stalled(kind, name, reason).await
}

async fn pipeline(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let promote = shop.decide("Promote", json!({"release": "checkout-1.0.0", "environment": "production"})).await?;
    let said = waits_then_stalls(&shop, t, ("release", "checkout-1.0.0"), "PipelineMissing").await?;
    ensure!(said.contains("DeliveryPipeline checkout"), "it does not name the pipeline: {said}");
    let why = shop.decided(&promote, "Refused").await?;
    ensure!(why.contains("DeliveryPipeline checkout"), "{why}");
    shop.adopt(|p| p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    shop.phase("1.0.0", "staging", "Delivered").await?;
    let release = shop.until("1.0.0", "to be Ready", |v| condition(v, "Ready", "status") == "True").await?;
    let production = crate::shop::stage_phase(&release, "production");
    ensure!(production == "Waiting", "the refused Promote acted: {production}");
    Ok(())
}

async fn environment(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.delete("environment", &shop.home, "production").await?;
    t.apply(&shop.pipeline().to_string()).await?;
    let said = waits_then_stalls(&shop, t, ("dp", "checkout"), "EnvironmentMissing").await?;
    ensure!(said.contains("Environment production"), "{said}");
    // the rest goes on
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.phase("1.0.0", "staging", "Delivered").await?;
    let is_told = |v: &Value| text(v, "/status/waitingFor").contains("Environment production does not exist");
    shop.until("1.0.0", "it to say what it waits for", is_told).await?;
    let object = json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": "Environment",
        "metadata": {"name": "production", "namespace": shop.home}, "spec": {"targetNamespace": shop.production},
    });
    t.apply(&object.to_string()).await?;
    shop.delivered("1.0.0").await?;
    is_ready(&shop).await
}

async fn workload_and_cron_job(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.delete("deploy", &shop.staging, "checkout").await?;
    let mut pipeline = shop.pipeline();
    pipeline["spec"]["workloads"][0]["containers"][0]["name"] = json!("server");
    pipeline["spec"]["stages"][0]["tests"] = json!([{"suite": "api", "job": {"cronJob": "api-tests"}}]);
    t.apply(&pipeline.to_string()).await?;
    let said = waits_then_stalls(&shop, t, ("dp", "checkout"), "WorkloadMissing").await?;
    ensure!(said.contains("Deployment/checkout does not exist in staging"), "{said}");
    shop.deployment(&shop.staging, "checkout", 2, &cue::image("app", Cue::Good, "revision-0")).await?;
    let said = shop.stalled("dp", "checkout", "ContainerNotFound").await?;
    ensure!(said.contains("container server") && said.contains("staging"), "{said}");
    pipeline["spec"]["workloads"][0]["containers"][0]["name"] = json!("app");
    t.apply(&pipeline.to_string()).await?;
    let said = shop.stalled("dp", "checkout", "CronJobMissing").await?;
    ensure!(said.contains("api-tests") && said.contains("staging"), "{said}");
    t.apply(&cron_job(&shop.staging, "api-tests", &json!([])).to_string()).await?;
    is_ready(&shop).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await.map(drop)
}

async fn is_ready(shop: &Shop<'_>) -> Result<()> {
    let is_ready = |v: &Value| condition(v, "Ready", "status") == "True";
    shop.pipeline_until("the pipeline to be Ready", is_ready).await.map(drop)
}
