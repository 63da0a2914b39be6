//! A Namespace: that it exists, whom it lets in, and whether it is frozen.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use crate::api::labels::{ACCEPT_FROM, FREEZE};

/// What is kept of a Namespace.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Namespace")]
#[serde(from = "Wire")]
pub struct Namespace {
    pub metadata: ObjectMeta,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
}

impl From<Wire> for Namespace {
    fn from(wire: Wire) -> Self {
        Self { metadata: super::pruned(wire.metadata) }
    }
}

impl Namespace {
    /// Namespace and name of the Environment that may write here.
    pub fn accepts(&self) -> Option<(&str, &str)> {
        self.metadata.annotations.as_ref()?.get(ACCEPT_FROM)?.trim().split_once('/')
    }

    /// Why nothing may start there, if someone says so.
    pub fn freeze(&self) -> Option<&str> {
        Some(self.metadata.annotations.as_ref()?.get(FREEZE)?.trim())
    }
}
