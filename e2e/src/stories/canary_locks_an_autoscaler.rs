//! A real autoscaler that does not count the clone's pods: while there is a clone it does not shrink the workload, though
//! its load falls; afterwards it is as it was before, and shrinks. So it is when the pipeline is deleted in mid-canary.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{A_WHILE, SOON, Shop, labelled};
use crate::story::{Story, number};
use crate::traffic::Metrics;

const LOCK: &str = "windlass.dev/scale-down";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let ns = shop.production.as_str();
    replace_workload(t, &shop).await?;
    let metrics = t.traffic()?.metrics(t.cluster()).await?;
    load(metrics, ns, 200);
    let before = scaled(t, ns, &json!({"scaleDown": {"stabilizationWindowSeconds": 5}})).await?;
    pods(t, ns, "4 pods of the workload", |pods| pods == 4).await?;
    shop.adopt(|pipeline| crate::shop::canary(pipeline, &json!([{"weight": 50, "pause": "1h"}]))).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 50 50").await?;
    locked(t, ns).await?;

    // half of the load has gone to the clone's pods, which the autoscaler does not see
    load(metrics, ns, 100);
    let shrinks = || async {
        let pods = number(&t.get_json("deploy", ns, "checkout").await?, "/spec/replicas");
        Ok((pods < 4).then(|| format!("{pods} pods")))
    };
    t.never(A_WHILE * 6, "the workload shrinks beside its clone", shrinks).await?;
    let promote = shop.decide_on("1.8.0", "production", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    unlocked(t, ns, &before).await?;
    pods(t, ns, "the workload to shrink when it may", |pods| pods == 2).await?;

    // one without any behavior
    t.delete("hpa", ns, "checkout").await?;
    let before = scaled(t, ns, &Value::Null).await?;
    shop.deliver("1.9.0", 2, Cue::Good).await?;
    shop.shows("1.9.0", "1/2 50 50").await?;
    locked(t, ns).await?;
    t.delete("dp", &shop.home, "checkout").await?;
    shop.gone("dp", &shop.home, "checkout").await?;
    shop.home().await?;
    unlocked(t, ns, &before).await
}

/// The workload under a selector that its clone does not match.
async fn replace_workload(t: &Story, shop: &Shop<'_>) -> Result<()> {
    let ns = shop.production.as_str();
    t.delete("deploy", ns, "checkout").await?;
    shop.gone("deploy", ns, "checkout").await?;
    let mut workload = labelled(4, &cue::image("app", Cue::Good, "revision-0"));
    workload["spec"]["selector"]["matchLabels"]["windlass.dev/track"] = json!("stable");
    t.apply_in(ns, &workload.to_string()).await?;
    shop.available(ns, "checkout").await
}

/// What the pods that the autoscaler counts use, all of them together.
fn load(metrics: &Metrics, ns: &str, millicores: u64) {
    metrics.load(ns, &[("app", "checkout"), ("windlass.dev/track", "stable")], millicores);
}

/// Makes the autoscaler, with that behavior; gives it as it stands once it has seen its metrics.
async fn scaled(t: &Story, ns: &str, behavior: &Value) -> Result<Value> {
    t.autoscaler(ns, "checkout", behavior).await?;
    let sees = |v: &Value| v["status"]["currentMetrics"].is_array();
    t.until(SOON, "the autoscaler to see its metrics", ("hpa", ns, "checkout"), sees).await
}

async fn pods(t: &Story, ns: &str, what: &str, is_so: impl Fn(i64) -> bool) -> Result<()> {
    let serve = |v: &Value| {
        is_so(number(v, "/spec/replicas")) && v["status"]["availableReplicas"] == v["spec"]["replicas"]
    };
    t.until(SOON, what, ("deploy", ns, "checkout"), serve).await.map(drop)
}

/// The lock stands, and what it is put back from.
async fn locked(t: &Story, ns: &str) -> Result<()> {
    let found = t.get_json("hpa", ns, "checkout").await?;
    let policy = &found["spec"]["behavior"]["scaleDown"]["selectPolicy"];
    ensure!(policy == "Disabled" && found["metadata"]["annotations"][LOCK].is_string(), "no lock: {found}");
    Ok(())
}

/// Waits until the lock is off, and sees that all is as it was.
async fn unlocked(t: &Story, ns: &str, before: &Value) -> Result<()> {
    let is_off = |v: &Value| v["metadata"]["annotations"][LOCK].is_null();
    let after = t.until(SOON, "the lock to be off", ("hpa", ns, "checkout"), is_off).await?;
    ensure!(after["spec"] == before["spec"], "it is {} and was {}", after["spec"], before["spec"]);
    let claim = &after["metadata"]["annotations"]["windlass.dev/claimed-by"];
    ensure!(claim.is_null(), "the claim stays: {claim}");
    Ok(())
}
