//! The user of `spec.release`: who changed version, source or images, carried on by every other edit.

use anyhow::Result;
use serde_json::{Value, json};

use super::desk::{Desk, has, refused};
use crate::chart::OPERATOR;
use crate::cue::{self, Cue};

const BY: &str = "/spec/release/requestedBy";

fn images(seed: &str) -> Value {
    json!([{"name": "app", "ref": cue::image("app", Cue::Good, seed)}])
}

fn pipeline(requested_by: Option<&str>) -> Value {
    json!({
        "images": [{"name": "app", "repository": cue::repository("app")}],
        "workloads": [{"kind": "Deployment", "name": "checkout", "containers": [{"name": "app", "imageName": "app"}]}],
        "stages": [{"environment": "staging"}],
        "release": {"version": "1.8.1", "images": images("1"), "requestedBy": requested_by},
    })
}

pub(super) async fn stamped(desk: &Desk<'_>) -> Result<()> {
    let patch = async |user: &str, spec: Value| desk.patches(user, "dp", "checkout", spec).await;
    has(desk.creates("joe", "DeliveryPipeline", "checkout", pipeline(Some("mallory"))).await?, BY, "joe")?;
    has(patch("jim", json!({"historyLimit": 9})).await?, BY, "joe")?;
    has(patch("jim", json!({"release": {"requestedBy": "mallory"}})).await?, BY, "joe")?;
    has(patch("jim", json!({"release": {"requestedBy": null}})).await?, BY, "joe")?;
    has(patch("jim", json!({"release": {"version": "1.8.2", "requestedBy": "mallory"}})).await?, BY, "jim")?;
    has(patch("joe", json!({"release": {"images": images("2")}})).await?, BY, "joe")?;
    has(patch(OPERATOR, json!({"historyLimit": 8})).await?, BY, "joe")?;
    has(patch("joe", json!({"release": null})).await?, BY, "")?;
    has(patch("jim", json!({"release": pipeline(None)["release"]})).await?, BY, "jim")
}

pub(super) async fn demanded(desk: &Desk<'_>) -> Result<()> {
    let patch = async |user: &str, spec: Value| desk.patches(user, "dp", "checkout", spec).await;
    let create = async |by| desk.creates("joe", "DeliveryPipeline", "checkout", pipeline(by)).await;
    refused(create(None).await?, "spec.release.requestedBy: must be joe")?;
    refused(create(Some("mallory")).await?, "spec.release.requestedBy: must be joe")?;
    has(create(Some("joe")).await?, BY, "joe")?;
    has(patch("jim", json!({"historyLimit": 9})).await?, BY, "joe")?;
    refused(patch("jim", json!({"release": {"requestedBy": "jim"}})).await?, "must stay joe")?;
    refused(patch("jim", json!({"release": {"version": "1.8.2"}})).await?, "must be jim")?;
    has(patch("jim", json!({"release": {"version": "1.8.2", "requestedBy": "jim"}})).await?, BY, "jim")
}
