//! The digests of one version come again under another: a rollout without an image write, whose suites run. And a ban
//! on a build binds whatever version its digests come under.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, job_suite, stage_of, stage_phase};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.suite(&shop.staging, "api", None).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([job_suite("api")])).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    shop.settled().await?;
    let before = workload(t, &shop).await?;

    t.apply(&shop.release("1.8.1", 2, &image).to_string()).await?;
    shop.delivered("1.8.1").await?;
    ensure!(workload(t, &shop).await? == before, "a workload was written to");
    let (first, second) = (shop.test_runs("1.8.0", "staging").await?, shop.test_runs("1.8.1", "staging").await?);
    ensure!(first.len() == 1 && second.len() == 1, "the suites did not run again: {first:?} {second:?}");
    ensure!(text(&second[0], "/status/phase") == "Passed", "{}", second[0]["status"]);
    let old = shop.phase("1.8.0", "production", "Superseded").await?;
    ensure!(condition(&old, "Delivered", "status") == "False", "{}", old["status"]["conditions"]);

    let bad = shop.deliver("1.9.0", 3, Cue::JobFails).await?;
    shop.phase("1.9.0", "staging", "Reverted").await?;
    t.apply(&shop.release("1.9.1", 4, &bad).to_string()).await?;
    let banned = shop.until("1.9.1", "to wait for the ban", |v| text(v, "/status/waitingFor").contains("banned")).await?;
    let gates = stage_of(&banned, "staging")["gates"].as_array().cloned().unwrap_or_default();
    let ban = gates.iter().find(|g| g["gate"] == "ban").cloned().unwrap_or_default();
    ensure!(ban["state"] == "Closed" && text(&ban, "/change").contains("Unban"), "the gate says {ban}");
    shop.deliver("1.9.2", 5, Cue::Good).await?;
    shop.delivered("1.9.2").await?;
    let banned = shop.phase("1.9.1", "staging", "Superseded").await?;
    ensure!(stage_phase(&banned, "production") == "Superseded", "it is {}", stage_phase(&banned, "production"));
    ensure!(shop.test_runs("1.9.1", "staging").await?.is_empty(), "a banned build was tested");
    Ok(())
}

async fn workload(t: &Story, shop: &Shop<'_>) -> Result<(Value, Value)> {
    let found = t.get_json("deploy", &shop.staging, "checkout").await?;
    Ok((found["metadata"]["generation"].clone(), found["spec"].clone()))
}
