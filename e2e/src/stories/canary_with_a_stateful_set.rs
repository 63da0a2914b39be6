//! A StatefulSet in a pipeline with a canary is a worker: it keeps its build until the canary is proven, and is rolled then.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for ns in [&shop.staging, &shop.production] {
        let labels = json!({"app": "queue"});
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "queue", "namespace": ns},
            "spec": {"replicas": 2, "serviceName": "queue", "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": Shop::revision_0()}]}}},
        });
        t.apply(&set.to_string()).await?;
        serving(t, ns, &Shop::revision_0()).await?;
    }
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 50, "pause": "3s"}]));
        let queue = json!({"kind": "StatefulSet", "name": "queue", "containers": [{"name": "app", "imageName": "app"}]});
        pipeline["spec"]["workloads"].as_array_mut().into_iter().for_each(|all| all.push(queue.clone()));
    })
    .await?;
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 50 50").await?;
    serving(t, &shop.production, &Shop::revision_0()).await?;
    ensure!(t.find_json("statefulset", &shop.production, "queue-canary").await?.is_none(), "it was cloned");
    shop.rests("1.8.0", "production").await?;
    serving(t, &shop.production, &new).await?;
    shop.runs(&shop.production, &new).await?;
    shop.home().await
}

/// Waits until both pods of the set are ready with that image.
async fn serving(t: &Story, ns: &str, image: &str) -> Result<()> {
    let is_full = |v: &Value| {
        let status = &v["status"];
        text(v, "/spec/template/spec/containers/0/image") == image
            && status["observedGeneration"] == v["metadata"]["generation"]
            && status["updatedReplicas"] == 2
            && status["availableReplicas"] == 2
    };
    t.until(SOON, &format!("queue in {ns} to run {image}"), ("statefulset", ns, "queue"), is_full).await.map(drop)
}
