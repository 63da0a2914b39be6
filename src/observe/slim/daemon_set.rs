//! A DaemonSet without its pod template. One pod per node counts as wanted.

use k8s_openapi::api::apps::v1::DaemonSetStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;
use super::controller::Controller;
use super::stateful_set::Strategy;
use super::template::Template;
use super::writers::image_writers;

/// What is kept of a DaemonSet.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::DaemonSet")]
#[serde(from = "Wire<WireSpec, DaemonSetStatus>")]
pub struct DaemonSet {
    pub metadata: ObjectMeta,
    pub own: Controller,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    #[serde(default)]
    update_strategy: Strategy,
    #[serde(default)]
    template: Value,
}

impl From<Wire<WireSpec, DaemonSetStatus>> for DaemonSet {
    fn from(wire: Wire<WireSpec, DaemonSetStatus>) -> Self {
        let Wire { metadata, spec, status, .. } = wire;
        let own = Controller {
            writers: image_writers(metadata.managed_fields.as_deref().unwrap_or_default()),
            template: Template::read(spec.template),
            rolls: spec.update_strategy.rolls(),
            obstacle: None,
            wanted: status.desired_number_scheduled,
            observed_generation: status.observed_generation.unwrap_or(0),
            replicas: status.current_number_scheduled,
            updated: status.updated_number_scheduled.unwrap_or(0),
            ready: status.number_ready,
            available: status.number_available.unwrap_or(0),
            refused: None,
        };
        Self { metadata: super::pruned(metadata), own }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::snapshot::Rolls;

    #[test]
    fn its_own_counts_are_read() {
        let set = json!({"metadata": {"name": "agent"}, "spec": {"updateStrategy": {"type": "OnDelete"}}, "status": {
            "desiredNumberScheduled": 5, "currentNumberScheduled": 4, "updatedNumberScheduled": 3, "numberReady": 2,
            "numberAvailable": 1, "numberMisscheduled": 0, "observedGeneration": 7}});
        let own = serde_json::from_value::<DaemonSet>(set).unwrap().own;
        assert_eq!((own.wanted, own.replicas, own.updated, own.ready, own.available), (5, 4, 3, 2, 1));
        assert_eq!((own.observed_generation, own.rolls), (7, Rolls::OnDelete));
        assert!(serde_json::from_value::<DaemonSet>(json!({"metadata": {"name": "agent"}})).is_ok());
    }
}
