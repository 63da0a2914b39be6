//! A PodDisruptionBudget: which pods it is for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use kube::core::Selector;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;

/// What is kept of a PodDisruptionBudget.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::policy::v1::PodDisruptionBudget")]
#[serde(from = "Wire<WireSpec, Value>")]
pub struct PodDisruptionBudget {
    pub metadata: ObjectMeta,
    /// None matches no pods; one without requirements matches all.
    pub selector: Option<Selector>,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    selector: Option<LabelSelector>,
}

impl From<Wire<WireSpec, Value>> for PodDisruptionBudget {
    fn from(wire: Wire<WireSpec, Value>) -> Self {
        let Wire { metadata, spec, .. } = wire;
        Self { metadata: super::pruned(metadata), selector: spec.selector.and_then(|s| s.try_into().ok()) }
    }
}
