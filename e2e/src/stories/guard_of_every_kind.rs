//! The field guard keeps the images of every kind of workload, of containers and of init containers, through the updates of a GitOps
//! tool; what the tool changes beside them arrives, so do containers that are not the pipeline's, and a person is not bound.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::chart;
use crate::objects::Objects;
use crate::shop::SOON;
use crate::story::Story;

const TOOL: &str = "system:serviceaccount:flux-system:kustomize-controller";

pub async fn run(t: &Story) -> Result<()> {
    chart::helm(t.cluster(), "install", &[]).await?;
    chart::in_force(t.cluster()).await?;
    let ns = t.ns("guarded").await?;
    let tool = t.cluster().objects().through(t.cluster().client_for_user(TOOL, Some("system:masters")).await?);
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "CronJob"] {
        let ours = workload(kind, &ns, "ours", "ours", "one").to_string();
        let git = workload(kind, &ns, "git", "git", "two");
        // the server takes a moment to put a policy in force
        t.eventually(SOON, &format!("the images of a {kind} to be kept"), || async {
            t.apply(&ours).await.with_context(|| format!("a {kind}"))?;
            let now = written(&tool, kind, &ns, &git).await?;
            ensure!(now == ["ours", "ours", "git", "two"], "app, init, sidecar and setting are {now:?}");
            Ok(Some(()))
        })
        .await?;
        let person = t.cluster().objects();
        let now = written(person, kind, &ns, &workload(kind, &ns, "theirs", "theirs", "three")).await?;
        ensure!(now == ["theirs", "theirs", "theirs", "three"], "{kind}: a person is kept from {now:?}");
    }
    Ok(())
}

/// A workload with a container and an init container of the pipeline's, another container, and a setting; as Windlass leaves it.
fn workload(kind: &str, ns: &str, image: &str, other: &str, setting: &str) -> Value {
    let image = |name: &str| format!("registry.example/shop/{name}:of-{image}");
    let labels = json!({"app": "checkout"});
    let restart = if kind == "CronJob" { "Never" } else { "Always" };
    let pod = json!({"metadata": {"labels": labels}, "spec": {
        "restartPolicy": restart,
        "initContainers": [{"name": "init", "image": image("init")}],
        "containers": [
            {"name": "app", "image": image("app"), "env": [{"name": "SETTING", "value": setting}]},
            {"name": "sidecar", "image": format!("registry.example/shop/sidecar:of-{other}")},
        ],
    }});
    let spec = match kind {
        "CronJob" => json!({"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": {"template": pod}}}),
        "StatefulSet" => json!({"replicas": 0, "serviceName": "checkout", "selector": {"matchLabels": labels}, "template": pod}),
        "DaemonSet" => json!({"selector": {"matchLabels": labels}, "template": pod}),
        _ => json!({"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}),
    };
    let version = if kind == "CronJob" { "batch/v1" } else { "apps/v1" };
    let annotations = json!({"windlass.dev/containers": "app,init"});
    json!({"apiVersion": version, "kind": kind, "spec": spec,
        "metadata": {"name": "checkout", "namespace": ns, "annotations": annotations}})
}

/// Writes it as that client; then the images of app, init and sidecar by their word, and the setting.
async fn written(client: &Objects, kind: &str, ns: &str, wanted: &Value) -> Result<Vec<String>> {
    let patch = json!({"spec": wanted["spec"]});
    let now = client.merge(&kind.to_lowercase(), ns, "checkout", &patch, false).await?;
    let pod = now.pointer("/spec/jobTemplate/spec/template/spec").or_else(|| now.pointer("/spec/template/spec"));
    let pod = pod.context("a pod template")?;
    let word = |pointer: &str| {
        let text = pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        text.rsplit(['-', ':']).next().unwrap_or_default().to_owned()
    };
    Ok(vec![word("/containers/0/image"), word("/initContainers/0/image"), word("/containers/1/image"), word("/containers/0/env/0/value")])
}
