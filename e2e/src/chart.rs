//! Windlass as `charts/windlass` installs it. Its pods are played by kwok and run nothing; so the operator is started
//! beside them, as its Deployment describes it: the same ServiceAccount's token, the same variables.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::dirs;
use crate::operator::Operator;
use crate::story::text;

/// Where it is installed.
pub const NAMESPACE: &str = "windlass-system";
/// The operator as the API server names it.
pub const OPERATOR: &str = "system:serviceaccount:windlass-system:windlass";
/// An image that is never pulled: kwok plays the pods.
pub const IMAGE: &str = "registry.invalid/windlass-operator:unset";

/// `helm install`, or `upgrade`, with these `--set` values; gives what Helm says.
pub async fn helm(cluster: &Cluster, verb: &str, sets: &[&str]) -> Result<String> {
    let chart = dirs::repository().join("charts/windlass").display().to_string();
    let image = format!("image={IMAGE}");
    let mut args = vec![verb, "windlass", &chart, "--namespace", NAMESPACE, "--create-namespace", "--set", &image];
    args.extend(sets.iter().flat_map(|set| ["--set", set]));
    cluster.helm(&args).await?.ok().with_context(|| format!("helm {verb} failed"))
}

/// The operator's ServiceAccount and its rights as the chart renders them, with one namespace that it may write to.
pub async fn rights(cluster: &Cluster, target: &str) -> Result<String> {
    let chart = dirs::repository().join("charts/windlass").display().to_string();
    let (image, targets) = (format!("image={IMAGE}"), format!("targetNamespaces={{{target}}}"));
    let mut args = vec!["template", "windlass", &chart, "--namespace", NAMESPACE, "--set", &image, "--set", &targets];
    let files = ["serviceaccount", "rbac-operator", "rbac-target"].map(|file| format!("templates/{file}.yaml"));
    args.extend(files.iter().flat_map(|file| ["--show-only", file]));
    cluster.helm(&args).await?.ok().context("helm template failed")
}

/// A role of the chart for a user, in a namespace.
pub fn bound(namespace: &str, role: &str, user: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": format!("{user}-{role}"), "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("windlass-{role}")},
        "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]})
}

/// Starts the operator that the Deployment `windlass` describes, and waits until it is ready.
pub async fn operator(cluster: &Cluster) -> Result<Operator> {
    let deployment = cluster.objects().get("deployment", NAMESPACE, "windlass").await?;
    let account = text(&deployment, "/spec/template/spec/serviceAccountName");
    let token = cluster.service_account_token(NAMESPACE, account).await?;
    let container = deployment.pointer("/spec/template/spec/containers/0").cloned().unwrap_or_default();
    let variables = container.pointer("/env").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut env: Vec<_> =
        variables.iter().map(|v| (text(v, "/name").to_owned(), text(v, "/value").to_owned())).collect();
    if let Some((_, path)) = env.iter_mut().find(|(name, _)| name == "WINDLASS_IDENTITIES") {
        *path = mounted(cluster, "windlass-identities", "identities.yaml").await?;
    }
    let declared = container.pointer("/args").and_then(Value::as_array).cloned().unwrap_or_default();
    let args = |http: u16| {
        let mut args: Vec<String> = declared.iter().filter_map(|a| a.as_str().map(str::to_owned)).collect();
        // what a pod knows by itself: its namespace; and a free port, since several run on one machine
        args.extend(["--namespace".into(), NAMESPACE.into(), "--http".into(), format!("127.0.0.1:{http}")]);
        args
    };
    let operator = Operator::launch(cluster, &cluster.kubeconfig_with_token(&token)?, args, &env)?;
    operator.ready(Duration::from_secs(60)).await?;
    Ok(operator)
}

/// A key of a ConfigMap as a file, as a pod has it mounted.
async fn mounted(cluster: &Cluster, name: &str, key: &str) -> Result<String> {
    let map = cluster.objects().get("configmap", NAMESPACE, name).await?;
    let text = map.pointer(&format!("/data/{key}")).and_then(Value::as_str).context("the ConfigMap lacks its key")?;
    let path = cluster.dir().join(key);
    std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path.display().to_string())
}

/// Waits until the chart's admission policies answer: the server takes a second or two to put them in force.
pub async fn in_force(cluster: &Cluster) -> Result<()> {
    let probes = probes();
    let stamp = cluster.objects().find("mutatingadmissionpolicy", "", "windlass-stamp-release").await?;
    let started = Instant::now();
    loop {
        let mut open: Vec<String> = Vec::new();
        for (what, probe) in &probes {
            let is_stamped = stamp.is_some() && *what != "Ban";
            open.extend(silence(cluster, probe, is_stamped).await?.map(|why| format!("{what} ({why})")));
        }
        if open.is_empty() {
            return Ok(());
        }
        if started.elapsed() > Duration::from_secs(60) {
            bail!("not in force after 20 s: the policies about {}", open.join(" and "));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One object for each policy that must answer. They are sent as dry runs.
fn probes() -> [(&'static str, Value); 4] {
    let of = |kind: &str, spec: Value| json!({"apiVersion": "windlass.dev/v1alpha1", "kind": kind, "metadata": {"name": "probe", "namespace": "default"}, "spec": spec});
    let images = json!([{"name": "app", "ref": format!("registry.test/app@sha256:{}", "0".repeat(64))}]);
    let ban = json!({"type": "Ban", "pipeline": "probe", "environment": "probe", "release": "probe", "user": "probe",
        "buildHash": "0".repeat(40), "attempt": "20260101t000000000z"});
    let promote =
        json!({"type": "Promote", "pipeline": "probe", "environment": "probe", "release": "probe", "user": "probe"});
    let release = json!({"pipeline": "probe", "requestedBy": "probe",
        "build": {"version": "1", "createdAt": "2026-01-01T00:00:00Z", "images": images}});
    let head = json!({
        "images": [{"name": "app", "repository": "registry.test/app"}],
        "workloads": [{"kind": "Deployment", "name": "app", "containers": [{"name": "app", "imageName": "app"}]}],
        "stages": [{"environment": "probe"}],
        "release": {"version": "1", "requestedBy": "probe", "images": images},
    });
    [
        ("Ban", of("Decision", ban)),
        ("Decisions", of("Decision", promote)),
        ("Releases", of("Release", release)),
        ("heads", of("DeliveryPipeline", head)),
    ]
}

/// Why the policy has not answered yet: it overwrites the user named `probe`, or refuses the object.
async fn silence(cluster: &Cluster, probe: &Value, is_stamped: bool) -> Result<Option<String>> {
    let api = cluster.objects().api(&text(probe, "/kind").to_lowercase(), "default").await?;
    let object: DynamicObject = serde_json::from_value(probe.clone())?;
    match api.create(&PostParams { dry_run: true, ..PostParams::default() }, &object).await {
        Ok(made) if is_stamped && !is_forged(&made.data) => Ok(None),
        Ok(_) => Ok(Some("it was taken".to_owned())),
        Err(kube::Error::Api(status)) if !is_stamped && status.message.contains("ValidatingAdmissionPolicy") => {
            Ok(None)
        }
        Err(kube::Error::Api(status)) => Ok(Some(status.message.clone())),
        Err(error) => Err(error.into()),
    }
}

fn is_forged(data: &Value) -> bool {
    ["/spec/user", "/spec/requestedBy", "/spec/release/requestedBy"].iter().any(|at| text(data, at) == "probe")
}
