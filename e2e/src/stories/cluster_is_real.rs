//! The cluster is what it says: the version, an OpenAPI document that is whole, a Deployment that becomes available
//! through scheduler, controllers and kwok, and every cue of a pod and of a Job's pod.

mod cues;
mod jobs;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cue::{self, Cue};
use crate::story::{Story, number, text};
use crate::tools::{self, KUBERNETES_VERSION};

pub async fn run(t: &Story) -> Result<()> {
    version(t).await?;
    openapi(t).await?;
    let ns = t.ns("real").await?;
    first_deployment(t, &ns).await?;
    futures::try_join!(cues::behave(t, &ns), jobs::behave(t, &ns))?;
    Ok(())
}

async fn version(t: &Story) -> Result<()> {
    let version = t.client().apiserver_version().await?;
    if tools::are_ready_made() {
        return Ok(()); // whoever brings programs decides their version
    }
    ensure!(version.git_version == KUBERNETES_VERSION, "/version says {}", version.git_version);
    let kubectl = t.kubectl(["version", "-o", "json"]).await?.ok()?;
    let kubectl: Value = serde_json::from_str(&kubectl)?;
    ensure!(text(&kubectl, "/clientVersion/gitVersion") == KUBERNETES_VERSION, "kubectl says {kubectl}");
    let helm = t.helm(["version", "--short"]).await?.ok()?;
    ensure!(helm.starts_with("v4."), "helm says {helm}");
    Ok(())
}

/// Built with a JSON package that the API server's sources do not expect, the document has Go field names in it.
async fn openapi(t: &Story) -> Result<()> {
    let request = http::Request::get("/openapi/v2").body(Vec::new()).context("failed to build a request")?;
    let document = t.client().request_text(request).await?;
    ensure!(!document.contains("\"Extensions\""), "/openapi/v2 is corrupt: it has a key \"Extensions\"");
    let document: Value = serde_json::from_str(&document).context("/openapi/v2 is not JSON")?;
    let deployment = document.pointer("/definitions/io.k8s.api.apps.v1.Deployment");
    let deployment = deployment.context("/openapi/v2 does not define Deployment")?;
    let kind = text(deployment, "/x-kubernetes-group-version-kind/0/kind");
    ensure!(kind == "Deployment", "its extension names the kind {kind:?}");
    ensure!(text(deployment, "/properties/spec/$ref").ends_with("DeploymentSpec"), "its spec is {deployment}");
    Ok(())
}

async fn first_deployment(t: &Story, ns: &str) -> Result<()> {
    t.apply_in(ns, &deployment("first", 3, &cue::image("app", Cue::Good, "first"))).await?;
    let available = |seen: &Value| number(seen, "/status/availableReplicas") == 3;
    t.until(Duration::from_secs(120), "three pods are available", ("deployment", ns, "first"), available).await?;
    for pod in t.pods(ns, "app=first").await? {
        ensure!(text(&pod, "/status/podIP").starts_with("10.244."), "a pod's address is {pod}");
    }
    Ok(())
}

/// A Deployment of one container, named as its label `app`.
fn deployment(name: &str, replicas: u32, image: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: \"{image}\"}}, {{name: side, image: registry.test/side}}]}}
"
    )
}
