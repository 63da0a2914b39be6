//! A Job of ours: whether it runs, and how it ended.

use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;

use crate::api::Time;

/// What is kept of a Job.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::batch::v1::Job")]
#[serde(from = "Wire")]
pub struct Job {
    pub metadata: ObjectMeta,
    pub suspended: bool,
    pub complete: bool,
    /// Reason of the condition Failed or FailureTarget.
    pub failed: Option<String>,
    /// When it ended.
    pub ended: Option<Time>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: WireSpec,
    #[serde(default)]
    status: JobStatus,
}

#[derive(Default, Deserialize)]
struct WireSpec {
    suspend: Option<bool>,
}

impl From<Wire> for Job {
    fn from(wire: Wire) -> Self {
        let holds = |r#type: &str| {
            let mut conditions = wire.status.conditions.iter().flatten();
            conditions.find(|condition| condition.type_ == r#type && condition.status == "True")
        };
        let failed = holds("Failed").or_else(|| holds("FailureTarget"));
        let end = failed.or_else(|| holds("Complete"));
        Self {
            ended: end.and_then(|condition| condition.last_transition_time.as_ref()).map(Time::from),
            suspended: wire.spec.suspend.unwrap_or(false),
            complete: holds("Complete").is_some(),
            failed: failed.map(|condition| condition.reason.clone().unwrap_or_else(|| "Failed".to_owned())),
            metadata: super::pruned(wire.metadata),
        }
    }
}
