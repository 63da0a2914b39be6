//! The real HorizontalPodAutoscaler controller grows a Deployment under load and shrinks it when the load is gone, and
//! what users ask for meanwhile is not lost.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::cue::{self, Cue};
use crate::story::Story;

const HOST: &str = "scaled.example";
const SOON: Duration = Duration::from_secs(120);

pub async fn run(t: &Story) -> Result<()> {
    let ns = t.ns("scaled").await?;
    t.backend(&ns, "web", 2, &cue::image("app", Cue::Good, "web")).await?;
    t.route(&ns, "web", HOST, &[("web", 1)]).await?;
    let traffic = t.traffic()?;
    let metrics = traffic.metrics(t.cluster()).await?;
    // half of the 100m that each pod requests
    metrics.load(&ns, &[("app", "web")], 100);
    // quick to shrink, where a real one waits for five minutes
    t.autoscaler(&ns, "web", &json!({"scaleDown": {"stabilizationWindowSeconds": 0}})).await?;
    has(t, &ns, 2).await?;
    let client = traffic.client(HOST, 50);
    let start = client.mark();
    for (millicores, pods) in [(200, 4), (400, 8), (100, 2)] {
        metrics.load(&ns, &[("app", "web")], millicores);
        has(t, &ns, pods).await?;
    }
    client.since(start).await.none_failed()
}

/// Waits until the autoscaler has seen its metrics, wants so many pods, and they serve.
async fn has(t: &Story, ns: &str, pods: u32) -> Result<()> {
    let wants = |seen: &serde_json::Value| {
        let status = &seen["status"];
        status["currentMetrics"].is_array() && status["desiredReplicas"] == json!(pods)
    };
    t.until(SOON, &format!("{pods} pods are wanted"), ("hpa", ns, "web"), wants).await?;
    let serve = |seen: &serde_json::Value| seen["status"]["availableReplicas"] == json!(pods);
    t.until(SOON, &format!("{pods} pods serve"), ("deployment", ns, "web"), serve).await.map(drop)
}
