//! An object that the operator cannot read delays no other: it is counted and named, and when it is mended it goes on.
//! Also after a restart it is not taken for deleted: its rollout stays open, its releases keep their pipeline.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::{SOON, Shop, endings};
use crate::story::{Story, condition};

pub async fn run(t: &Story) -> Result<()> {
    for (crd, field) in [("releases", "paused"), ("deliverypipelines", "suspend")] {
        loosen(t, &format!("{crd}.windlass.dev"), field).await?;
    }
    let operator = t.start_operator(&Settings::default()).await?;
    let (first, second, other) = tokio::try_join!(Shop::open(t), Shop::open(t), Shop::open(t))?;
    first.adopt(|p| p["spec"]["stages"][0]["progressDeadline"] = json!("10m")).await?;
    second.adopt(|_| {}).await?;
    other.adopt(|_| {}).await?;
    let open = first.deliver("1.0.0", 1, Cue::Hang).await?;
    first.comes_to_run(&first.staging, &open).await?;
    garble(t, ("release", &first.home, "checkout-1.0.0"), "paused").await?;
    garble(t, ("dp", &second.home, "checkout"), "suspend").await?;
    counted(t, &operator, 1.0).await?;
    for name in ["checkout-1.0.0", "DeliveryPipeline"] {
        let log = std::fs::read_to_string(operator.log())?;
        let is_told = |line: &str| line.contains("cannot be read") && line.contains(name);
        ensure!(log.lines().any(is_told), "the log does not name {name}");
    }
    other.deliver("1.0.0", 1, Cue::Good).await?;
    other.delivered("1.0.0").await?;

    operator.stop().await?;
    let waiting = second.deliver("1.0.0", 1, Cue::Good).await?;
    let decision = second.decide("Abort", json!({"environment": "staging"})).await?;
    let operator = t.start_operator(&Settings::default()).await?;
    other.deliver("1.0.1", 2, Cue::Good).await?;
    other.delivered("1.0.1").await?;
    counted(t, &operator, 1.0).await?;
    // longer than a missing reference is waited for
    tokio::time::sleep(Duration::from_secs(4)).await;
    let stage = first.stage("staging").await?;
    ensure!(stage["rollout"].is_object() && endings(&stage).is_empty(), "it was taken for deleted: {stage}");
    first.runs(&first.staging, &open).await?;
    let release = second.look("1.0.0").await?;
    ensure!(condition(&release, "Stalled", "reason").is_empty(), "its pipeline was taken for missing: {release}");
    let asked = t.get_json("decision", &second.home, &decision).await?;
    ensure!(asked["status"]["phase"].is_null(), "a Decision was answered: {}", asked["status"]);

    mend(t, ("release", &first.home, "checkout-1.0.0"), "paused").await?;
    mend(t, ("dp", &second.home, "checkout"), "suspend").await?;
    counted(t, &operator, 0.0).await?;
    let abort = first.decide("Abort", json!({"environment": "staging"})).await?;
    first.decided(&abort, "Applied").await?;
    first.comes_to_run(&first.staging, &Shop::revision_0()).await?;
    second.delivered("1.0.0").await?;
    second.runs(&second.production, &waiting).await
}

/// Lets anything be stored in a field of the spec.
async fn loosen(t: &Story, crd: &str, field: &str) -> Result<()> {
    let path = format!("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/{field}");
    let patch = json!([{"op": "replace", "path": path, "value": {"x-kubernetes-preserve-unknown-fields": true}}]);
    t.kubectl(["patch", "crd", crd, "--type=json", "-p", &patch.to_string()]).await?.ok().map(drop)
}

/// Stores what no operator can read; the loosened schema takes a moment to be in force.
async fn garble(t: &Story, of: (&str, &str, &str), field: &str) -> Result<()> {
    let (kind, ns, name) = of;
    let spec = json!({"spec": {field: "often"}});
    t.eventually(SOON, "the loosened schema to be in force", || async {
        t.patch(kind, ns, name, &spec).await.map(Some)
    })
    .await
    .map(drop)
}

async fn mend(t: &Story, of: (&str, &str, &str), field: &str) -> Result<Value> {
    t.patch(of.0, of.1, of.2, &json!({"spec": {field: false}})).await
}

async fn counted(t: &Story, operator: &Operator, wanted: f64) -> Result<()> {
    t.eventually(SOON, "what cannot be read to be counted", || async {
        let of = |kind: &'static str| async move { operator.sum("windlass_undecodable_objects", &[("kind", kind)]).await };
        let (releases, pipelines) = (of("Release").await?, of("DeliveryPipeline").await?);
        Ok((releases == wanted && pipelines == wanted).then_some(()))
    })
    .await
}
