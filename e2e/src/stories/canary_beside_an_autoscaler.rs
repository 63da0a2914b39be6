//! The real autoscaler beside a canary: it counts the clone's pods as the application's, so the workload keeps enough of its
//! own to take everything back, and grows and shrinks with the load; the clone follows.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, number};

const HOST: &str = "scaled-canary.example";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let ns = shop.production.as_str();
    t.backend(ns, "checkout", 4, &Shop::revision_0()).await?;
    shop.available(ns, "checkout").await?;
    t.route(ns, "checkout", HOST, &[("checkout", 100)]).await?;
    let traffic = t.traffic()?;
    let metrics = traffic.metrics(t.cluster()).await?;
    let load = |millicores| metrics.load(ns, &[("app", "checkout")], millicores);
    load(200);
    t.autoscaler(ns, "checkout", &json!({"scaleDown": {"stabilizationWindowSeconds": 5}})).await?;
    stable(t, ns, 4).await?;
    shop.adopt(|pipeline| crate::shop::canary(pipeline, &json!([{"weight": 50, "pause": "1h"}]))).await?;
    let client = traffic.client(HOST, 50);
    let start = client.mark();
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 50 50").await?;

    // the same load over twice as many pods: the workload keeps what would take it all
    let shrinks = || async {
        let pods = number(&t.get_json("deploy", ns, "checkout").await?, "/spec/replicas");
        Ok((pods < 4).then(|| format!("{pods} pods")))
    };
    t.never(crate::shop::A_WHILE * 3, "the workload shrinks beside its clone", shrinks).await?;
    load(800);
    stable(t, ns, 8).await?;
    shop.exposed(8).await?;
    load(40);
    let is_small = |v: &Value| number(v, "/spec/replicas") <= 2 && v["status"]["availableReplicas"] == v["spec"]["replicas"];
    let small = t.until(SOON, "the workload to shrink", ("deploy", ns, "checkout"), is_small).await?;
    shop.exposed(number(&small, "/spec/replicas")).await?;

    load(200);
    let promote = shop.decide_on("1.8.0", "production", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    let counts = client.since(start).await;
    counts.none_failed()?;
    ensure!(counts.by_image().contains_key(new.as_str()), "no request reached the new build");
    Ok(())
}

/// Waits until the workload has at least so many pods, and they serve.
async fn stable(t: &Story, ns: &str, pods: i64) -> Result<()> {
    let is_so = |v: &Value| {
        number(v, "/spec/replicas") >= pods && v["status"]["availableReplicas"] == v["spec"]["replicas"]
    };
    t.until(SOON, &format!("{pods} pods of the workload"), ("deploy", ns, "checkout"), is_so).await.map(drop)
}
