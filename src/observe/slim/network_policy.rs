//! A NetworkPolicy: which pods it is for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use kube::core::Selector;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;

/// What is kept of a NetworkPolicy.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::networking::v1::NetworkPolicy")]
#[serde(from = "Wire<WireSpec, Value>")]
pub struct NetworkPolicy {
    pub metadata: ObjectMeta,
    /// One without requirements, as where nothing is said, matches all pods.
    pub selector: Option<Selector>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    #[serde(default)]
    pod_selector: LabelSelector,
}

impl From<Wire<WireSpec, Value>> for NetworkPolicy {
    fn from(wire: Wire<WireSpec, Value>) -> Self {
        let Wire { metadata, spec, .. } = wire;
        Self { metadata: super::pruned(metadata), selector: spec.pod_selector.try_into().ok() }
    }
}
