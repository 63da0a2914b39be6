//! A Service: what it selects, and where its ports lead to. Checks take the port from it; no traffic goes through it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use crate::observe::snapshot::{self, TargetPort};

/// What is kept of a Service.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Service")]
#[serde(from = "Wire")]
pub struct Service {
    pub metadata: ObjectMeta,
    pub view: snapshot::Service,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: WireSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    r#type: Option<String>,
    selector: Option<BTreeMap<String, String>>,
    #[serde(default)]
    ports: Vec<WirePort>,
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

impl From<Wire> for Service {
    fn from(wire: Wire) -> Self {
        let WireSpec { r#type, selector, ports } = wire.spec;
        let is_tcp = |port: &WirePort| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
        let lead = |port: WirePort| match port.target_port {
            Some(WireTarget::Name(name)) => (port.port, TargetPort::Name(name)),
            Some(WireTarget::Number(number)) if number > 0 => (port.port, TargetPort::Number(number)),
            Some(WireTarget::Number(_)) | None => (port.port, TargetPort::Number(port.port)),
        };
        let view = snapshot::Service {
            external: r#type.as_deref() == Some("ExternalName"),
            selector: selector.unwrap_or_default(),
            ports: ports.into_iter().filter(is_tcp).map(lead).collect(),
        };
        Self { metadata: super::pruned(wire.metadata), view }
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
            "ports": [{"port": 80, "targetPort": "web"}, {"port": 81, "targetPort": 8081}, {"port": 82},
                {"port": 53, "protocol": "UDP"}]}}))
        .unwrap();
        let number = TargetPort::Number;
        let wanted = [(80, TargetPort::Name("web".into())), (81, number(8081)), (82, number(82))];
        assert_eq!(service.view.ports, wanted.into());
        assert!(!service.view.external);
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
