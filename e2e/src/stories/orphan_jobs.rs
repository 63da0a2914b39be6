//! A Job of ours whose pipeline was removed by force is let go, so that its namespace can be; so is one where its
//! pipeline does not go. A Job that is not ours is left alone.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::shop::{SOON, Shop};
use crate::story::Story;

fn job(ns: &str, name: &str, labels: &Value) -> String {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": ns, "labels": labels, "finalizers": ["windlass.dev/verdict"]},
        "spec": {"suspend": true, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "test", "image": "registry.test/tests:1"}],
        }}},
    })
    .to_string()
}

async fn is_gone(t: &Story, kind: &str, ns: &str, name: &str) -> Result<()> {
    let look = || async { Ok(t.find_json(kind, ns, name).await?.is_none().then_some(())) };
    t.eventually(SOON, &format!("{kind} {name} to be gone"), look).await
}

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let elsewhere = t.ns("elsewhere").await?;
    let ours = |pipeline: &str| json!({"windlass.dev/namespace": shop.home, "windlass.dev/pipeline": pipeline});
    t.apply(&job(&elsewhere, "not-ours", &json!({"windlass.dev/pipeline": "removed"}))).await?;
    t.apply(&job(&elsewhere, "of-a-removed-one", &ours("removed"))).await?;
    is_gone(t, "job", &elsewhere, "of-a-removed-one").await?;
    shop.adopt(|_| {}).await?;
    t.apply(&job(&elsewhere, "where-it-does-not-go", &ours("checkout"))).await?;
    is_gone(t, "job", &elsewhere, "where-it-does-not-go").await?;
    ensure!(t.find_json("job", &elsewhere, "not-ours").await?.is_some(), "a Job that is not ours was removed");
    t.patch("job", &elsewhere, "not-ours", &json!({"metadata": {"finalizers": null}})).await?;
    t.delete("namespace", "", &elsewhere).await?;
    // the namespace controller comes back to one with content after its own time
    let look = || async { Ok(t.find_json("namespace", "", &elsewhere).await?.is_none().then_some(())) };
    t.eventually(Duration::from_secs(180), "the namespace to be gone", look).await
}
