//! A Service: what it selects, and its ports.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;

/// What is kept of a Service.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Service")]
#[serde(from = "Wire<WireSpec, Value>")]
pub struct Service {
    pub metadata: ObjectMeta,
    /// A name elsewhere, and no pods.
    pub is_external: bool,
    pub selector: BTreeMap<String, String>,
    /// Without what the server gave them on their nodes.
    pub ports: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    r#type: Option<String>,
    #[serde(default)]
    selector: BTreeMap<String, String>,
    #[serde(default)]
    ports: Vec<Value>,
}

impl From<Wire<WireSpec, Value>> for Service {
    fn from(wire: Wire<WireSpec, Value>) -> Self {
        let Wire { metadata, spec, status: _ } = wire;
        let mut ports = spec.ports;
        ports.iter_mut().filter_map(Value::as_object_mut).for_each(|port| drop(port.remove("nodePort")));
        let is_external = spec.r#type.as_deref() == Some("ExternalName");
        Self { metadata: super::pruned(metadata), is_external, selector: spec.selector, ports }
    }
}
