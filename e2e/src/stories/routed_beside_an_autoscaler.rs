//! The real autoscaler beside a routed canary that takes every request: the workload, which does nothing, keeps what would take
//! all of it back, grows with the load and does not shrink below it; then it does take all back, and no request fails.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{A_WHILE, SOON, Shop, canary};
use crate::story::{Story, number};

/// What one pod bears: half of the 100m that it asks for.
const BEARS: u64 = 50;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 4).await?;
    let ns = shop.production.as_str();
    let metrics = t.traffic()?.metrics(t.cluster()).await?;
    // only those who get requests have a load: by the route that is all of the one track or of the other
    let load = |track: &str, pods: u64| {
        for each in ["stable", "canary"] {
            let millicores = if each == track { pods * BEARS } else { 0 };
            metrics.load(ns, &[("app", "checkout"), ("windlass.dev/track", each)], millicores);
        }
    };
    load("stable", 4);
    t.apply_in(ns, &autoscaler().to_string()).await?;
    let sees = |v: &Value| v["status"]["currentMetrics"].is_array();
    t.until(SOON, "the autoscaler to see its metrics", ("hpa", ns, "checkout"), sees).await?;
    let client = shop
        .adopt_behind_a_route(|pipeline| {
            canary(pipeline, &json!([{"weight": 50, "pause": "1s"}]));
            pipeline["spec"]["stages"][1]["bake"] = json!("1h");
        })
        .await?;
    let from = client.mark();
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "2/2 100 100").await?;
    load("canary", 4);
    shop.exposed(4).await?;
    keeps(t, ns, 4).await?;
    load("canary", 7);
    stable(t, ns, 7).await?;
    shop.exposed(7).await?;
    keeps(t, ns, 7).await?;
    let counts = client.over(A_WHILE / 2).await;
    counts.image_has(&new, 1.0)?;
    ensure!(counts.by_pod().len() == 7, "not all of the clone's pods answer: {:?}", counts.by_pod());

    shop.decide_in("production", "Abort", json!({})).await?;
    shop.weighs(0).await?;
    let pods = number(&t.get_json("deploy", ns, "checkout").await?, "/status/availableReplicas");
    ensure!(pods >= 7, "everything goes back to {pods} pods, and 7 are needed");
    load("stable", 7);
    shop.home().await?;
    shop.settled().await?;
    keeps(t, ns, 7).await?;
    client.over(A_WHILE / 2).await.image_has(&Shop::revision_0(), 1.0)?;
    client.since(from).await.none_failed()
}

/// It would shrink the workload within a second, if it may.
fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "checkout"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "minReplicas": 1, "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": BEARS},
            }}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}},
        },
    })
}

/// Waits until the workload has so many pods, and they serve.
async fn stable(t: &Story, ns: &str, pods: i64) -> Result<()> {
    let is_so = |v: &Value| {
        number(v, "/spec/replicas") == pods && number(v, "/status/availableReplicas") == pods
    };
    t.until(SOON, &format!("{pods} pods of the workload"), ("deploy", ns, "checkout"), is_so).await.map(drop)
}

/// Watches for a while that the workload has so many pods at least.
async fn keeps(t: &Story, ns: &str, pods: i64) -> Result<()> {
    let shrinks = || async {
        let now = number(&t.get_json("deploy", ns, "checkout").await?, "/spec/replicas");
        Ok((now < pods).then(|| format!("{now} pods")))
    };
    t.never(A_WHILE * 2, &format!("the workload has fewer than {pods} pods"), shrinks).await
}
