//! A suspended pipeline starts nothing and raises no exposure, and goes back all the same when health fails.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::kstatus::{Status, kstatus};
use crate::shop::{A_WHILE, Shop, with_worker};
use crate::story::{Break, Story, condition};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.hire_worker().await?;
    shop.adopt(with_worker).await?;
    let before = shop.image(&shop.staging, "worker").await?;

    // idle: nothing changes
    let versions = deployments(&shop).await?;
    shop.edit(json!({"suspend": true})).await?;
    let of = ("dp", shop.home.as_str(), "checkout");
    let suspended = t
        .until(crate::shop::SOON, "the pipeline to say Suspended", of, |v| condition(v, "Ready", "reason") == "Suspended")
        .await?;
    ensure!(kstatus(&suspended) == Status::Current, "a suspended pipeline is not Current");
    shop.deliver("1.0.0", 1, Cue::Slow).await?;
    shop.waits("1.0.0", "the pipeline is suspended").await?;
    tokio::time::sleep(A_WHILE).await;
    ensure!(deployments(&shop).await? == versions, "a Deployment was written to while suspended");

    // in mid-rollout: the second workload waits
    shop.edit(json!({"suspend": false})).await?;
    shop.phase("1.0.0", "staging", "Progressing").await?;
    shop.edit(json!({"suspend": true})).await?;
    shop.waits("1.0.0", "paused; Deployment/worker").await?;
    shop.available(&shop.staging, "checkout").await?;
    shop.keeps(&shop.staging, "worker", &before).await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == cue::image("app", Cue::Slow, "1.0.0"), "it went back");

    // and goes back while suspended
    t.break_pods(&shop.staging, "app=checkout", Break::CrashLoop).await?;
    shop.phase("1.0.0", "staging", "Reverted").await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == before, "the failed build still runs");

    // another one waits until the pipeline goes on
    let next = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.waits("1.1.0", "the pipeline is suspended").await?;
    shop.edit(json!({"suspend": false})).await?;
    shop.delivered("1.1.0").await?;
    ensure!(shop.image(&shop.production, "worker").await? == next, "the worker of production does not run it");
    Ok(())
}

async fn deployments(shop: &Shop<'_>) -> Result<Vec<(String, String)>> {
    Ok(shop.versions().await?.into_iter().filter(|(name, _)| name.starts_with("deploy")).collect())
}
