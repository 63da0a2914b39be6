//! A ReplicaSet: which Deployment's, and of which template.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::template::{TEMPLATE_HASH, Template};

/// What is kept of a ReplicaSet.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::ReplicaSet")]
#[serde(from = "Wire")]
pub struct ReplicaSet {
    pub metadata: ObjectMeta,
    pub template: Template,
    /// What its pods carry under `pod-template-hash`.
    pub hash: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: WireSpec,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    #[serde(default)]
    template: Value,
}

impl From<Wire> for ReplicaSet {
    fn from(wire: Wire) -> Self {
        let hash = wire.metadata.labels.as_ref().and_then(|labels| labels.get(TEMPLATE_HASH)).cloned();
        Self { metadata: super::pruned(wire.metadata), template: Template::read(wire.spec.template), hash }
    }
}

impl ReplicaSet {
    /// Only those of Deployments are looked at.
    pub fn is_of_interest(&self) -> bool {
        super::owner(&self.metadata, "Deployment").is_some()
    }
}
