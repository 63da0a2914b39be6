//! A pod as it is judged: by what owns it, either as a workload's or as a Job's.

use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use super::controller_revision::REVISION_HASH;
use super::{job_pod, trouble};
use crate::api::Time;
use crate::observe::snapshot;

/// What is kept of a pod.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::core::v1::Pod")]
#[serde(from = "Wire")]
pub struct Pod {
    pub metadata: ObjectMeta,
    pub view: View,
    /// Which revision of its StatefulSet or DaemonSet it is of.
    pub revision: Option<String>,
}

/// What a pod tells, by the kind of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// Of a ReplicaSet, a StatefulSet or a DaemonSet.
    Replica(Box<snapshot::Pod>),
    /// Of a Job.
    Job(Box<snapshot::JobPod>),
    /// Of anything else: not kept.
    Other,
}

impl Pod {
    /// Pods of nobody, and of what is no workload here, are not kept.
    pub fn is_of_interest(&self) -> bool {
        self.view != View::Other
    }
}

/// The parts of a pod that judging needs.
#[derive(Default, Deserialize)]
pub struct Wire {
    #[serde(default)]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: WireSpec,
    #[serde(default)]
    pub status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    #[serde(default)]
    init_containers: Vec<WireContainer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireContainer {
    name: String,
    restart_policy: Option<String>,
}

impl Wire {
    /// When the server made it.
    pub fn created(&self) -> Time {
        self.metadata.creation_timestamp.as_ref().map(Time::from).unwrap_or_default()
    }

    /// The condition of that type.
    pub fn condition(&self, r#type: &str) -> Option<&PodCondition> {
        self.status.conditions.iter().flatten().find(|condition| condition.type_ == r#type)
    }

    /// When that condition changed last; else when the pod was made.
    pub fn since(&self, r#type: &str) -> Time {
        let at = self.condition(r#type).and_then(|condition| condition.last_transition_time.as_ref());
        at.map_or_else(|| self.created(), Time::from)
    }

    /// Init containers that end before the others start, then the others.
    pub fn init_containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.init_container_statuses.iter().flatten().filter(|status| !self.is_sidecar(&status.name))
    }

    /// The containers, and the init containers that go on running beside them.
    pub fn containers(&self) -> impl Iterator<Item = &ContainerStatus> {
        let sidecars = self.status.init_container_statuses.iter().flatten();
        sidecars.filter(|status| self.is_sidecar(&status.name)).chain(self.status.container_statuses.iter().flatten())
    }

    /// An init container with `restartPolicy: Always` is stopped at the end: its exit code says nothing.
    fn is_sidecar(&self, name: &str) -> bool {
        let mut containers = self.spec.init_containers.iter();
        containers.any(|container| container.name == name && container.restart_policy.as_deref() == Some("Always"))
    }

    /// Evicted, preempted, drained, or lost with its node.
    pub fn is_disrupted(&self) -> bool {
        let reason = self.status.reason.as_deref().unwrap_or_default();
        self.condition("DisruptionTarget").is_some_and(|condition| condition.status == "True")
            || matches!(reason, "Evicted" | "NodeLost" | "Preempting" | "Shutdown" | "NodeShutdown" | "Terminated")
    }

    fn replica(&self) -> snapshot::Pod {
        snapshot::Pod {
            name: self.metadata.name.clone().unwrap_or_default(),
            created: self.created(),
            ready: self.condition("Ready").is_some_and(|condition| condition.status == "True"),
            // The kubelet restarts the containers of such a pod: it is Failed only if its node refused or removed it.
            going: self.metadata.deletion_timestamp.is_some()
                || self.status.phase.as_deref() == Some("Failed")
                || self.is_disrupted(),
            restarts: self.restarts(),
            trouble: trouble::trouble(self),
            address: self.status.pod_ip.clone().filter(|address| !address.is_empty()),
        }
    }

    /// Restarts of the container that restarted most.
    pub fn restarts(&self) -> i32 {
        self.init_containers().chain(self.containers()).map(|status| status.restart_count).max().unwrap_or(0)
    }
}

impl From<Wire> for Pod {
    fn from(wire: Wire) -> Self {
        let is_of = |kind: &&str| super::owner(&wire.metadata, kind).is_some();
        let view = if ["ReplicaSet", "StatefulSet", "DaemonSet"].iter().any(is_of) {
            View::Replica(Box::new(wire.replica()))
        } else if super::owner(&wire.metadata, "Job").is_some() {
            View::Job(Box::new(job_pod::result(&wire)))
        } else {
            View::Other
        };
        let revision = wire.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_HASH)).cloned();
        Self { metadata: super::pruned(wire.metadata), view, revision }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn replica(status: Value) -> snapshot::Pod {
        let pod = json!({"metadata": {"name": "a-1", "creationTimestamp": "2026-01-01T00:00:00Z", "ownerReferences":
            [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a", "uid": "u", "controller": true}]}, "status": status});
        match serde_json::from_value::<Pod>(pod).unwrap().view {
            View::Replica(pod) => *pod,
            View::Job(_) | View::Other => panic!("not a replica"),
        }
    }

    #[test]
    fn an_evicted_or_disrupted_pod_is_going() {
        assert!(replica(json!({"phase": "Failed", "reason": "Evicted"})).going);
        assert!(replica(json!({"phase": "Running", "reason": "NodeLost"})).going);
        assert!(replica(json!({"conditions": [{"type": "DisruptionTarget", "status": "True"}]})).going);
        let fine = replica(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}));
        assert!(!fine.going && fine.ready && fine.trouble.is_none());
    }

    #[test]
    fn pods_of_others_are_not_kept() {
        let pod: Pod = serde_json::from_value(json!({"metadata": {"name": "daemon"}})).unwrap();
        assert!(!pod.is_of_interest());
    }
}
