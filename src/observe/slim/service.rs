//! A Service: what it selects, and where its ports lead to.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;
use crate::observe::snapshot::{self, TargetPort};

/// What is kept of a Service.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Service")]
#[serde(from = "Wire<WireSpec, Value>")]
pub struct Service {
    pub metadata: ObjectMeta,
    /// For checks: the port that they ask. No traffic goes through the Service.
    pub view: snapshot::Service,
    /// For copies of it: its ports as they stand, without what the server gave them on their nodes.
    pub ports: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    r#type: Option<String>,
    selector: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ports: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePort {
    port: u16,
    protocol: Option<String>,
    target_port: Option<WireTarget>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireTarget {
    Number(u16),
    Name(String),
}

impl From<Wire<WireSpec, Value>> for Service {
    fn from(wire: Wire<WireSpec, Value>) -> Self {
        let Wire { metadata, spec: WireSpec { r#type, selector, mut ports }, .. } = wire;
        ports.iter_mut().filter_map(Value::as_object_mut).for_each(|port| drop(port.remove("nodePort")));
        let is_tcp = |port: &WirePort| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
        let lead = |port: WirePort| match port.target_port {
            Some(WireTarget::Name(name)) => (port.port, TargetPort::Name(name)),
            Some(WireTarget::Number(number)) if number > 0 => (port.port, TargetPort::Number(number)),
            Some(WireTarget::Number(_)) | None => (port.port, TargetPort::Number(port.port)),
        };
        let read = ports.iter().filter_map(|port| WirePort::deserialize(port).ok());
        let view = snapshot::Service {
            external: r#type.as_deref() == Some("ExternalName"),
            selector: selector.unwrap_or_default(),
            ports: read.filter(is_tcp).map(lead).collect(),
        };
        Self { metadata: super::pruned(metadata), view, ports }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_ports_lead_to_numbers_and_names() {
        let service: Service = serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": {
            "selector": {"app": "a"},
            "ports": [{"port": 80, "targetPort": "web", "nodePort": 30000}, {"port": 81, "targetPort": 8081}, {"port": 82},
                {"port": 53, "protocol": "UDP"}]}}))
        .unwrap();
        let number = TargetPort::Number;
        let wanted = [(80, TargetPort::Name("web".into())), (81, number(8081)), (82, number(82))];
        assert_eq!(service.view.ports, wanted.into());
        assert!(!service.view.external);
        assert_eq!(service.ports.first(), Some(&json!({"port": 80, "targetPort": "web"})));
    }

    #[test]
    fn one_that_leads_elsewhere_says_so() {
        let service: Service = serde_json::from_value(
            json!({"metadata": {"name": "a"}, "spec": {"type": "ExternalName", "externalName": "x.example"}}),
        )
        .unwrap();
        assert!(service.view.external && service.view.selector.is_empty());
    }
}
