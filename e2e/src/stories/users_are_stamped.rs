//! The policies of the chart with real identities, stamping and demanding: who asked is the name of who asked the API
//! server; it cannot be forged, changed or lost, and nobody but the operator bans.

mod desk;
mod head;
mod report;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::chart::{self, OPERATOR};
use crate::story::Story;
use desk::{Desk, has, refused};

pub async fn run(t: &Story) -> Result<()> {
    chart::helm(t.cluster(), "install", &["admission.user=stamp"]).await?;
    chart::in_force(t.cluster()).await?;
    let home = t.ns("shop").await?;
    for (role, user) in [("deliver", "joe"), ("promote", "joe"), ("edit", "joe"), ("edit", "jim"), ("report", "joe"), ("report", "jim")] {
        t.apply(&chart::bound(&home, role, user).to_string()).await?;
    }
    let desk = Desk { t, home };
    stamped(&desk).await.context("stamp")?;
    head::stamped(&desk).await.context("stamp, head")?;
    report::stamped(&desk).await.context("stamp, report")?;
    nobody_bans(&desk).await.context("stamp")?;

    for kind in ["release", "decision", "deliverypipeline", "testrun"] {
        t.kubectl(["delete", kind, "--all", "-n", &desk.home]).await?.ok()?;
    }
    chart::helm(t.cluster(), "upgrade", &["admission.user=demand"]).await?;
    chart::in_force(t.cluster()).await?;
    demanded(&desk).await.context("demand")?;
    head::demanded(&desk).await.context("demand, head")?;
    report::demanded(&desk).await.context("demand, report")?;
    nobody_bans(&desk).await.context("demand")
}

fn release(requested_by: Option<&str>) -> Value {
    let image = crate::cue::image("app", crate::cue::Cue::Good, "1");
    json!({"pipeline": "checkout", "requestedBy": requested_by,
        "build": {"version": "1.8.0", "createdAt": "2026-01-01T00:00:00Z", "images": [{"name": "app", "ref": image}]}})
}

fn promote(user: Option<&str>) -> Value {
    json!({"type": "Promote", "pipeline": "checkout", "environment": "production", "release": "r1", "user": user})
}

async fn stamped(desk: &Desk<'_>) -> Result<()> {
    let by = "/spec/requestedBy";
    has(desk.creates("joe", "Release", "r1", release(None)).await?, by, "joe")?;
    has(desk.creates("joe", "Release", "r2", release(Some("mallory"))).await?, by, "joe")?;
    has(desk.creates(OPERATOR, "Release", "r3", release(Some("maria"))).await?, by, "maria")?;
    refused(desk.patches("joe", "release", "r1", json!({"requestedBy": "mallory"})).await?, "requestedBy: cannot be changed")?;
    has(desk.patches("jim", "release", "r1", json!({"requestedBy": null, "paused": true})).await?, by, "joe")?;
    refused(desk.patches(OPERATOR, "release", "r1", json!({"requestedBy": "maria"})).await?, "cannot be changed")?;
    has(desk.creates("joe", "Decision", "d1", promote(None)).await?, "/spec/user", "joe")?;
    has(desk.creates("joe", "Decision", "d2", promote(Some("mallory"))).await?, "/spec/user", "joe")
}

async fn demanded(desk: &Desk<'_>) -> Result<()> {
    let by = "/spec/requestedBy";
    refused(desk.creates("joe", "Release", "r1", release(None)).await?, "spec.requestedBy: must be joe")?;
    refused(desk.creates("joe", "Release", "r1", release(Some("mallory"))).await?, "spec.requestedBy: must be joe")?;
    has(desk.creates("joe", "Release", "r1", release(Some("joe"))).await?, by, "joe")?;
    has(desk.creates(OPERATOR, "Release", "r2", release(Some("maria"))).await?, by, "maria")?;
    refused(desk.patches("joe", "release", "r1", json!({"requestedBy": null})).await?, "requestedBy: cannot be changed")?;
    refused(desk.creates("joe", "Decision", "d1", promote(None)).await?, "spec.user: must be joe")?;
    refused(desk.creates("joe", "Decision", "d1", promote(Some("mallory"))).await?, "spec.user: must be joe")?;
    has(desk.creates("joe", "Decision", "d1", promote(Some("joe"))).await?, "/spec/user", "joe")
}

/// Not even a cluster administrator writes the operator's record.
async fn nobody_bans(desk: &Desk<'_>) -> Result<()> {
    let ban = |user: &str| json!({"type": "Ban", "user": user, "pipeline": "checkout", "environment": "staging",
        "release": "r1", "buildHash": "0".repeat(40), "attempt": "20261121t093000123z"});
    refused(desk.creates("joe", "Decision", "ban", ban("joe")).await?, "Ban is the operator's record")?;
    let admin = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "Decision",
        "metadata": {"name": "ban", "namespace": desk.home}, "spec": ban("windlass-e2e-admin")});
    let said = desk.t.cluster().objects().create(&admin).await.map_err(|error| format!("{error:#}"));
    refused(said, "Ban is the operator's record")?;
    has(desk.creates(OPERATOR, "Decision", "ban", ban("windlass")).await?, "/spec/type", "Ban")?;
    desk.t.delete("decision", &desk.home, "ban").await
}
