//! A ControllerRevision: which StatefulSet's or DaemonSet's, which pods carry it, and which images stand in it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::template::{Container, Template};

/// Label of pods that tells their revision: its name for a StatefulSet, its hash for a DaemonSet.
pub const REVISION_HASH: &str = "controller-revision-hash";

/// What is kept of a ControllerRevision.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::apps::v1::ControllerRevision")]
#[serde(from = "Wire")]
pub struct ControllerRevision {
    pub metadata: ObjectMeta,
    /// The newest is that of the present template: a template that returns gets a new number.
    pub revision: i64,
    /// What its pods carry under `controller-revision-hash`, where that is not its name.
    pub hash: Option<String>,
    pub containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    revision: i64,
    #[serde(default)]
    data: Value,
}

impl From<Wire> for ControllerRevision {
    fn from(mut wire: Wire) -> Self {
        let template = wire.data.pointer_mut("/spec/template").map(Value::take).unwrap_or_default();
        Self {
            revision: wire.revision,
            hash: wire.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_HASH)).cloned(),
            containers: Template::read(template).containers,
            metadata: super::pruned(wire.metadata),
        }
    }
}

impl ControllerRevision {
    /// Whether a pod with that label is of this revision.
    pub fn is_of(&self, label: &str) -> bool {
        self.metadata.name.as_deref() == Some(label) || self.hash.as_deref() == Some(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_images_and_its_pods_are_known() {
        let revision: ControllerRevision = serde_json::from_str(
            r#"{"metadata": {"name": "db-7d4", "labels": {"controller-revision-hash": "7d4"}}, "revision": 3, "data":
            {"spec": {"template": {"$patch": "replace", "spec": {"containers": [{"name": "app", "image": "r/a:1"}]}}}}}"#,
        )
        .unwrap();
        assert_eq!((revision.revision, revision.containers[0].image.as_str()), (3, "r/a:1"));
        assert!(revision.is_of("db-7d4") && revision.is_of("7d4") && !revision.is_of("db-1"));
    }
}
