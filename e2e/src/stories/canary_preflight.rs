//! Before anything is cloned the stage's status says what in its namespace takes a clone for the application, and what
//! leaves it out is told once. It follows what is changed, and is not written while nothing does.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::shop::{A_WHILE, SOON, Shop, canary, stage_of};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let ns = shop.production.as_str();
    let app = json!({"matchLabels": {"app": "checkout"}});
    let old = json!({"matchLabels": {"app": "checkout"},
        "matchExpressions": [{"key": "windlass.dev/track", "operator": "NotIn", "values": ["canary", "green"]}]});
    for object in [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"},
            "spec": {"selector": {"app": "checkout"}, "ports": [{"port": 80}]}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"},
            "spec": {"selector": {"app": "other"}, "ports": [{"port": 80}]}}),
        budget("whole", &app),
        budget("old", &old),
        policy("whole", &app),
        policy("old", &old),
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "checkout"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
            "minReplicas": 1, "maxReplicas": 4}}),
    ] {
        t.apply_in(ns, &object.to_string()).await?;
    }
    shop.adopt(|pipeline| canary(pipeline, &json!([{"weight": 50, "pause": "1h"}]))).await?;
    let both = ["Service checkout Both", "PodDisruptionBudget whole Both", "HorizontalPodAutoscaler checkout Both", "NetworkPolicy whole Both"];
    let all = [&["PodDisruptionBudget old Stable", "NetworkPolicy old Stable"], both.as_slice()].concat();
    says(t, &shop, &all).await?;
    ensure!(stage_of(&t.get_json("dp", &shop.home, "checkout").await?, "staging")["preflight"].is_null(), "staging rolls");
    let told = "production: PodDisruptionBudget old matches pods of Deployment/checkout and not its clone's; \
                NetworkPolicy old matches pods of Deployment/checkout and not its clone's";
    let is_told = || async { Ok((left_out(t, &shop).await? == [told]).then_some(())) };
    t.eventually(SOON, "an event to tell what leaves the clone out", is_told).await?;

    t.delete("poddisruptionbudget", ns, "old").await?;
    says(t, &shop, &[&["NetworkPolicy old Stable"], both.as_slice()].concat()).await?;
    t.apply_in(ns, &policy("old", &app).to_string()).await?;
    let mut last = both.to_vec();
    last.insert(3, "NetworkPolicy old Both");
    let before = says(t, &shop, &last).await?;
    tokio::time::sleep(A_WHILE).await;
    let after = t.get_json("dp", &shop.home, "checkout").await?;
    ensure!(after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"], "it is written again: {after}");
    ensure!(left_out(t, &shop).await? == [told], "told again");
    Ok(())
}

fn budget(name: &str, selector: &Value) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": selector}})
}

fn policy(name: &str, selector: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
        "spec": {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{}]}})
}

/// Waits until the report of production is that.
async fn says(t: &Story, shop: &Shop<'_>, wanted: &[&str]) -> Result<Value> {
    let line = |entry: &Value| ["/kind", "/name", "/matches"].map(|at| text(entry, at).to_owned()).join(" ");
    let lines = |v: &Value| -> Vec<String> {
        stage_of(v, "production")["preflight"].as_array().into_iter().flatten().map(line).collect()
    };
    let what = format!("the report to be {wanted:?}");
    t.until(SOON, &what, ("dp", &shop.home, "checkout"), |v| lines(v) == wanted).await
}

/// What was told of clones that are left out.
async fn left_out(t: &Story, shop: &Shop<'_>) -> Result<Vec<String>> {
    let all = t.list_json("event", &shop.home, "").await?;
    let told = all.iter().filter(|event| text(event, "/reason") == "CloneLeftOut" && text(event, "/type") == "Warning");
    Ok(told.map(|event| text(event, "/message").to_owned()).collect())
}
