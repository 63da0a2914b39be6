//! With a deadline of ten minutes: a crash loop, a pull or configuration error, a quota and pods that no node takes are
//! caught within seconds, and the message names the container and the cause.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, deployment};
use crate::story::{Story, text};

/// Far below the deadline, far above what it takes.
const CAUGHT: Duration = Duration::from_secs(100);

pub async fn run(t: &Story) -> Result<()> {
    tokio::try_join!(containers(t), quota(t), no_node(t)).map(drop)
}

async fn containers(t: &Story) -> Result<()> {
    let shop = open(t).await?;
    let says = [
        (Cue::CrashLoop, "container app: CrashLoopBackOff, restarted", "exit code 1"),
        (Cue::PullError, "container app: ", "ImagePull"),
        (Cue::ConfigError, "container app: CreateContainerConfigError", "configmap not found"),
    ];
    for (minute, (cue, container, cause)) in (1..).zip(says) {
        let version = format!("1.8.{minute}");
        let started = Instant::now();
        shop.deliver(&version, minute, cue).await?;
        let release = shop.phase(&version, "staging", "Reverted").await?;
        ensure!(started.elapsed() < CAUGHT, "{cue:?} took {:?}", started.elapsed());
        let why = text(&release, "/status/waitingFor");
        let is_said = why.contains(container) && (why.contains(cause) || cause == "ImagePull" && why.contains("ErrImage"));
        ensure!(is_said, "of {cue:?} it says {why}");
    }
    ensure!(shop.bans().await?.len() == 3, "three builds are bad, bans are {:?}", shop.bans().await?);
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    shop.is_untouched(&shop.production).await
}

async fn quota(t: &Story) -> Result<()> {
    let shop = open(t).await?;
    t.quota(&shop.staging, 2).await?;
    caught(&shop, "exceeded quota").await
}

/// Three pods take the same port of all three nodes: the fourth finds none.
async fn no_node(t: &Story) -> Result<()> {
    let shop = open(t).await?;
    let mut workload = deployment(&shop.staging, "checkout", 3, &Shop::revision_0());
    let pod = &mut workload["spec"]["template"]["spec"];
    pod["containers"][0]["ports"] = json!([{"containerPort": 8080, "hostPort": 31017}]);
    workload["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    t.apply(&workload.to_string()).await?;
    shop.available(&shop.staging, "checkout").await?;
    caught(&shop, "nodes are available").await
}

async fn caught(shop: &Shop<'_>, cause: &str) -> Result<()> {
    let started = Instant::now();
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    ensure!(started.elapsed() < CAUGHT, "it took {:?}", started.elapsed());
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains(cause), "it says {why}, not {cause}");
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    ensure!(shop.last("staging").await?["cause"] == "Failed", "history: {}", shop.last("staging").await?);
    shop.is_untouched(&shop.production).await
}

async fn open(t: &Story) -> Result<Shop<'_>> {
    let shop = Shop::open(t).await?;
    let patient = |stage: &mut Value| stage["progressDeadline"] = json!("10m");
    shop.adopt(|p| p["spec"]["stages"].as_array_mut().into_iter().flatten().for_each(patient)).await?;
    Ok(shop)
}
