//! An EndpointSlice: how many ready endpoints it lists, and of which Service.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use crate::api::labels::{STABLE, TRACKS};

/// The label that names a slice's Service.
const SERVICE: &str = "kubernetes.io/service-name";

/// What is kept of an EndpointSlice.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::discovery::v1::EndpointSlice")]
#[serde(from = "Wire")]
pub struct EndpointSlice {
    pub metadata: ObjectMeta,
    pub service: String,
    /// UIDs of the pods that are ready.
    pub ready: Vec<String>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    #[serde(default)]
    conditions: Conditions,
    #[serde(default)]
    addresses: Vec<String>,
    target_ref: Option<TargetRef>,
}

#[derive(Default, Deserialize)]
struct Conditions {
    ready: Option<bool>,
}

#[derive(Deserialize)]
struct TargetRef {
    uid: Option<String>,
}

impl Endpoint {
    /// A pod has an endpoint in a slice of each address family.
    fn pod(&self) -> Option<String> {
        // absent means ready, as the API has it
        let is_ready = self.conditions.ready != Some(false);
        let uid = self.target_ref.as_ref().and_then(|pod| pod.uid.clone());
        uid.or_else(|| self.addresses.first().cloned()).filter(|_| is_ready)
    }
}

impl From<Wire> for EndpointSlice {
    fn from(wire: Wire) -> Self {
        let ready = wire.endpoints.iter().flatten().filter_map(Endpoint::pod).collect();
        let service = wire.metadata.labels.as_ref().and_then(|all| all.get(SERVICE)).cloned().unwrap_or_default();
        Self { metadata: super::pruned(wire.metadata), service, ready }
    }
}

impl EndpointSlice {
    /// Only those of the Services that Windlass derives are counted.
    pub fn is_of_interest(&self) -> bool {
        let is_of = |track: &str| self.service.strip_suffix(track).is_some_and(|rest| rest.ends_with('-'));
        is_of(STABLE) || TRACKS.into_iter().any(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_pods_are_counted_and_those_that_end_are_not() {
        let slice: EndpointSlice = serde_json::from_str(
            r#"{"metadata": {"name": "a", "labels": {"kubernetes.io/service-name": "web-canary"}}, "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": {"uid": "u1"}},
            {"addresses": ["10.0.0.2"], "conditions": {}, "targetRef": {"uid": "u2"}},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": false, "serving": true, "terminating": true}}]}"#,
        )
        .unwrap();
        assert_eq!((slice.service.as_str(), slice.ready.len()), ("web-canary", 2));
        assert!(slice.is_of_interest());
        let none: EndpointSlice = serde_json::from_str(r#"{"metadata": {"name": "a"}, "endpoints": null}"#).unwrap();
        assert!(none.ready.is_empty() && !none.is_of_interest());
    }
}
