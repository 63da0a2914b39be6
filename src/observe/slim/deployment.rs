//! A Deployment without its pod template.

use k8s_openapi::api::apps::v1::DeploymentStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use kube::core::Selector;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;
use super::cloneable;
use super::controller::Controller;
use super::template::Template;
use super::writers::image_writers;
use crate::api::Time;
use crate::observe::snapshot::Rolls;

/// What is kept of a Deployment.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::Deployment")]
#[serde(from = "Wire<WireSpec, DeploymentStatus>")]
pub struct Deployment {
    pub metadata: ObjectMeta,
    pub own: Controller,
    /// Which pods it, and an autoscaler of it, counts as its own.
    pub selector: Option<Selector>,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    replicas: Option<i32>,
    #[serde(default)]
    paused: bool,
    selector: Option<LabelSelector>,
    #[serde(default)]
    strategy: Strategy,
    #[serde(default)]
    template: Value,
}

#[derive(Default, Deserialize)]
struct Strategy {
    r#type: Option<String>,
}

impl From<Wire<WireSpec, DeploymentStatus>> for Deployment {
    fn from(wire: Wire<WireSpec, DeploymentStatus>) -> Self {
        let Wire { metadata, spec, status, .. } = wire;
        let own = Controller {
            writers: image_writers(metadata.managed_fields.as_deref().unwrap_or_default()),
            obstacle: cloneable::obstacle(spec.strategy.r#type.as_deref(), &spec.template),
            template: Template::read(spec.template),
            rolls: if spec.paused { Rolls::Paused } else { Rolls::Freely },
            // The server fills in 1.
            wanted: spec.replicas.unwrap_or(1),
            observed_generation: status.observed_generation.unwrap_or(0),
            replicas: status.replicas.unwrap_or(0),
            updated: status.updated_replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            refused: refused(&status),
        };
        Self { metadata: super::pruned(metadata), own, selector: spec.selector.and_then(|s| s.try_into().ok()) }
    }
}

/// Condition ReplicaFailure.
fn refused(status: &DeploymentStatus) -> Option<(Time, String)> {
    let condition = status
        .conditions
        .iter()
        .flatten()
        .find(|c| c.type_.as_deref() == Some("ReplicaFailure") && c.status.as_deref() == Some("True"))?;
    let since = condition.last_transition_time.as_ref().map(Time::from).unwrap_or_default();
    let texts = [condition.reason.as_deref(), condition.message.as_deref()];
    Some((since, texts.into_iter().flatten().collect::<Vec<_>>().join(": ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_one_decodes_and_a_refusal_is_read() {
        let bare: Deployment = serde_json::from_str(r#"{"metadata": {"name": "a"}}"#).unwrap();
        assert_eq!((bare.own.wanted, bare.own.refused), (1, None));
        let refused: Deployment = serde_json::from_str(
            r#"{"metadata": {"name": "a", "managedFields": [], "labels": {"x": "y"}}, "status": {"conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota",
             "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}"#,
        )
        .unwrap();
        assert_eq!(refused.own.refused.unwrap().1, "FailedCreate: exceeded quota");
        assert_eq!(refused.metadata.managed_fields, None);
    }
}
