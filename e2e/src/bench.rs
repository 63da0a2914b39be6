//! How fast exposure falls: from the moment at which a failing pod of a clone is on the API server to the write there that
//! leaves the clone without pods. Played pods, real API server and controllers.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::WatchParams;
use kube::core::WatchEvent;
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::cluster::{Cluster, Options};
use crate::cue::Cue;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::{CLONE, Shop, canary};
use crate::story::{Break, Story};

/// Pipelines that run beside each other; each has its canaries one after the other.
const SHOPS: u32 = 4;

/// Runs so many canaries that fail at their first step, and prints the times.
pub async fn failure_to_exposure_0(runs: u32) -> Result<()> {
    ensure!((SHOPS..=SHOPS * 59).contains(&runs), "--runs must be between {SHOPS} and {}", SHOPS * 59);
    let cluster = std::sync::Arc::new(Cluster::start(Options::default()).await?);
    let operator = std::sync::Arc::new(Operator::start(&cluster, &Settings::default()).await?);
    let story = Story::new("bench", std::sync::Arc::clone(&cluster), Some(std::sync::Arc::clone(&operator)), None);
    let each = runs.div_ceil(SHOPS);
    let shops = (0..SHOPS).map(|_| one_shop(&story, each));
    let times: Vec<Vec<Duration>> = futures::future::try_join_all(shops).await?;
    let mut times: Vec<Duration> = times.into_iter().flatten().collect();
    times.sort();
    let at = |percent: usize| {
        times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    };
    println!("{} runs, longest {} ms", times.len(), at(100).as_millis());
    println!("failure to exposure 0: p50 {} ms, p99 {} ms", at(50).as_millis(), at(99).as_millis());
    Ok(())
}

async fn one_shop(story: &Story, runs: u32) -> Result<Vec<Duration>> {
    let shop = Shop::open(story).await?;
    shop.adopt(|pipeline| {
        canary(pipeline, &json!([{"weight": 25, "pause": "1h"}]));
        pipeline["spec"]["stages"].as_array_mut().into_iter().for_each(|stages| drop(stages.remove(0)));
    })
    .await?;
    let mut times = Vec::new();
    for run in 1..=runs {
        let version = format!("1.{run}.0");
        shop.deliver(&version, run, Cue::Good).await?;
        shop.shows(&version, "1/2 25 33").await?;
        times.push(fall(&shop).await?);
        shop.phase(&version, "production", "Reverted").await?;
        shop.home().await?;
        println!("{}: run {run} of {runs}", shop.production);
    }
    Ok(times)
}

/// Breaks the clone's pod and waits for the write that cuts it.
async fn fall(shop: &Shop<'_>) -> Result<Duration> {
    let api: Api<Deployment> = Api::namespaced(shop.story().client(), &shop.production);
    let clone = api.get(CLONE).await?;
    let version = clone.resource_version().context("a clone has a version")?;
    let only = WatchParams::default().fields(&format!("metadata.name={CLONE}"));
    let mut events = api.watch(&only, &version).await?.boxed();
    let cut = async {
        while let Some(event) = events.try_next().await? {
            let is_cut = |d: &Deployment| d.spec.replicas == Some(0);
            match event {
                WatchEvent::Modified(clone) if is_cut(&clone) => return Ok(Instant::now()),
                WatchEvent::Deleted(_) => anyhow::bail!("the clone was deleted before it was cut"),
                WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
            }
        }
        anyhow::bail!("the watch ended")
    };
    let broken = async {
        shop.story().break_pods(&shop.production, "windlass.dev/track=canary", Break::CrashLoop).await?;
        Ok(Instant::now())
    };
    let (broken, cut) = futures::try_join!(broken, cut)?;
    Ok(cut.saturating_duration_since(broken))
}
