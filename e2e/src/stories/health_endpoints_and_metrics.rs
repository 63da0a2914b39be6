//! What the kubelet and Prometheus ask: live and ready are different questions, the documented metrics are there, and
//! the log is JSON without what is secret. A watch that goes silent makes a replica unready, and no more than that.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::operator::Operator;
use crate::proxy::Proxy;
use crate::settings::Settings;
use crate::shop::Shop;
use crate::story::Story;

const SECRET: &str = "correct-horse-battery-staple";

pub async fn run(t: &Story) -> Result<()> {
    let (told, silent) = tokio::join!(what_is_told(t), a_silent_watch(t));
    told.and(silent)
}

async fn what_is_told(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let secret = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "app", "image": Shop::revision_0(), "env": [{"name": "PASSWORD", "value": SECRET}]},
    ]}}}});
    t.patch("deploy", &shop.staging, "checkout", &secret).await?;
    shop.available(&shop.staging, "checkout").await?;
    shop.adopt(|_| {}).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    let operator = t.operator()?;
    for path in ["/livez", "/readyz"] {
        let (code, body) = operator.get(path).await?;
        ensure!(code == 200 && body.starts_with("ok"), "{path}: {code} {body}");
    }
    ensure!(operator.get("/nothing").await?.0 == 404, "a path that is not there answers");
    let metrics = operator.metrics().await?;
    let documented = include_str!("../../../README.md").lines().filter(|line| line.starts_with("| `windlass_"));
    let names: Vec<&str> = documented.flat_map(|line| line.split('`')).filter(|word| word.starts_with("windlass_")).collect();
    ensure!(names.len() > 8, "the README names only {names:?}");
    for name in names {
        ensure!(metrics.contains(&format!("\n{name}")) || metrics.starts_with(name), "/metrics has no {name}");
    }
    let log = std::fs::read_to_string(operator.log()).context("the operator's log")?;
    for line in log.lines().filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        ensure!(line["level"].is_string() && line["timestamp"].is_string(), "no level or time: {line}");
    }
    for word in [SECRET, "PRIVATE KEY", "client-key-data", "Bearer "] {
        ensure!(!log.contains(word), "the log has {word:?}");
    }
    Ok(())
}

async fn a_silent_watch(t: &Story) -> Result<()> {
    let proxy = Proxy::start(t.cluster().server()).await?;
    let namespace = t.ns("standby").await?;
    // someone else leads for as long as this takes: it must not act beside the shared operator
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "held", "namespace": namespace},
        "spec": {"holderIdentity": "a story", "leaseDurationSeconds": 3600, "leaseTransitions": 0,
            "acquireTime": "2126-01-01T00:00:00.000000Z", "renewTime": "2126-01-01T00:00:00.000000Z"},
    });
    t.apply(&lease.to_string()).await?;
    let settings = Settings {
        kubeconfig: Some(t.cluster().kubeconfig_at(&proxy.server)?),
        lease_namespace: namespace.clone(),
        lease_name: "held".to_owned(),
        lease_duration: Duration::from_secs(600),
        extra: vec!["--watch-silence".to_owned(), "10s".to_owned()],
        ..Settings::default()
    };
    let operator = t.start_operator(&settings).await?;
    let ready = |operator| async move { Ok((Operator::get(operator, "/readyz").await?.0 != 200).then(|| "unready".to_owned())) };
    t.never(Duration::from_secs(13), "a quiet watch is taken for a dead one", || ready(&operator)).await?;
    proxy.be_silent(true);
    let body = t.eventually(Duration::from_secs(60), "a silent watch to make it unready", || async {
        let (code, body) = operator.get("/readyz").await?;
        Ok((code == 503).then_some(body))
    });
    let body = body.await?;
    ensure!(body.contains("watch of") && body.contains("is dead"), "/readyz says {body}");
    ensure!(operator.get("/livez").await?.0 == 200, "it counts as dead itself");
    proxy.be_silent(false);
    operator.ready(Duration::from_secs(60)).await?;
    ensure!(operator.sum("windlass_leader", &[]).await? == 0.0, "it leads");
    Ok(())
}
