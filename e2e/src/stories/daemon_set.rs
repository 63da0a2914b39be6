//! A DaemonSet rolls node by node and is judged by its own counts; a bad image in it is taken back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for ns in [&shop.staging, &shop.production] {
        let labels = json!({"app": "agent"});
        let set = json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": ns},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": Shop::revision_0()}]}}},
        });
        t.apply(&set.to_string()).await?;
        serving(t, ns, &Shop::revision_0()).await?;
    }
    let workload = json!({"kind": "DaemonSet", "name": "agent", "containers": [{"name": "app", "imageName": "app"}]});
    shop.adopt(|p| p["spec"]["workloads"] = json!([workload])).await?;
    let good = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    serving(t, &shop.staging, &good).await?;
    serving(t, &shop.production, &good).await?;

    shop.deliver("1.9.0", 2, Cue::PullError).await?;
    let release = shop.phase("1.9.0", "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("DaemonSet/agent: container app: ") && why.contains("ImagePull"), "it says {why}");
    serving(t, &shop.staging, &good).await?;
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);
    Ok(())
}

/// Waits until one pod a node is available with that image.
async fn serving(t: &Story, ns: &str, image: &str) -> Result<()> {
    let what = format!("all pods of agent in {ns} to run {image}");
    let is_full = |v: &Value| {
        let status = &v["status"];
        let wanted = status["desiredNumberScheduled"].as_i64().filter(|wanted| *wanted > 0);
        text(v, "/spec/template/spec/containers/0/image") == image
            && status["observedGeneration"] == v["metadata"]["generation"]
            && wanted.is_some_and(|n| status["updatedNumberScheduled"] == n && status["numberAvailable"] == n)
    };
    t.until(SOON, &what, ("daemonset", ns, "agent"), is_full).await.map(drop)
}
