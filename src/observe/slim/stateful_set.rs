//! A StatefulSet without its pod template.

use k8s_openapi::api::apps::v1::StatefulSetStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;
use super::controller::Controller;
use super::template::Template;
use super::writers::image_writers;
use crate::observe::snapshot::Rolls;

/// What is kept of a StatefulSet.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::StatefulSet")]
#[serde(from = "Wire<WireSpec, StatefulSetStatus>")]
pub struct StatefulSet {
    pub metadata: ObjectMeta,
    pub own: Controller,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    replicas: Option<i32>,
    #[serde(default)]
    update_strategy: Strategy,
    #[serde(default)]
    template: Value,
}

/// How its controller brings a new template to its pods.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    r#type: Option<String>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Deserialize)]
struct RollingUpdate {
    partition: Option<i32>,
}

impl Strategy {
    /// Whether a new template reaches all pods by itself.
    pub fn rolls(&self) -> Rolls {
        let partition = self.rolling_update.as_ref().and_then(|rolling| rolling.partition).unwrap_or(0);
        if self.r#type.as_deref() == Some("OnDelete") {
            Rolls::OnDelete
        } else if partition > 0 {
            Rolls::Partition(partition)
        } else {
            Rolls::Freely
        }
    }
}

impl From<Wire<WireSpec, StatefulSetStatus>> for StatefulSet {
    fn from(wire: Wire<WireSpec, StatefulSetStatus>) -> Self {
        let Wire { metadata, spec, status, .. } = wire;
        let own = Controller {
            writers: image_writers(metadata.managed_fields.as_deref().unwrap_or_default()),
            template: Template::read(spec.template),
            rolls: spec.update_strategy.rolls(),
            obstacle: None,
            // The server fills in 1.
            wanted: spec.replicas.unwrap_or(1),
            observed_generation: status.observed_generation.unwrap_or(0),
            replicas: status.replicas,
            updated: status.updated_replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            refused: None,
        };
        Self { metadata: super::pruned(metadata), own }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_keeps_it_from_rolling_is_read() {
        let of = |strategy: Value| {
            let set =
                json!({"metadata": {"name": "db"}, "spec": {"updateStrategy": strategy}, "status": {"replicas": 0}});
            serde_json::from_value::<StatefulSet>(set).unwrap().own.rolls
        };
        assert_eq!(of(json!({})), Rolls::Freely);
        assert_eq!(of(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})), Rolls::Freely);
        assert_eq!(of(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})), Rolls::Partition(2));
        assert_eq!(of(json!({"type": "OnDelete"})), Rolls::OnDelete);
    }

    #[test]
    fn an_empty_one_decodes() {
        let bare: StatefulSet = serde_json::from_str(r#"{"metadata": {"name": "a"}}"#).unwrap();
        assert_eq!((bare.own.wanted, bare.own.replicas), (1, 0));
    }
}
