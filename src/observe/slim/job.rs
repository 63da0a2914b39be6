//! A Job, of ours or of a CronJob: whether it runs, and how it ended.

use k8s_openapi::api::batch::v1::JobStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;
use super::template::{Container, Template};
use crate::api::Time;
use crate::api::labels::PIPELINE;

/// What is kept of a Job.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::batch::v1::Job")]
#[serde(from = "Wire<WireSpec, JobStatus>")]
pub struct Job {
    pub metadata: ObjectMeta,
    pub suspended: bool,
    pub complete: bool,
    /// Reason of the condition Failed or FailureTarget.
    pub failed: Option<String>,
    /// When it ended.
    pub ended: Option<Time>,
    /// With the images that it runs.
    pub containers: Vec<Container>,
}

impl Job {
    /// Those that Windlass made, and those of CronJobs.
    pub fn is_of_interest(&self) -> bool {
        let is_ours = self.metadata.labels.iter().flatten().any(|(key, _)| key == PIPELINE);
        is_ours || super::owner(&self.metadata, "CronJob").is_some()
    }
}

#[derive(Default, Deserialize)]
struct WireSpec {
    suspend: Option<bool>,
    #[serde(default)]
    template: Value,
}

impl From<Wire<WireSpec, JobStatus>> for Job {
    fn from(wire: Wire<WireSpec, JobStatus>) -> Self {
        let holds = |r#type: &str| {
            let mut conditions = wire.status.conditions.iter().flatten();
            conditions.find(|condition| condition.type_ == r#type && condition.status == "True")
        };
        let failed = holds("Failed").or_else(|| holds("FailureTarget"));
        let end = failed.or_else(|| holds("Complete"));
        Self {
            ended: end.and_then(|condition| condition.last_transition_time.as_ref()).map(Time::from),
            suspended: wire.spec.suspend.unwrap_or(false),
            containers: Template::read(wire.spec.template).containers,
            complete: holds("Complete").is_some(),
            failed: failed.map(|condition| condition.reason.clone().unwrap_or_else(|| "Failed".to_owned())),
            metadata: super::pruned(wire.metadata),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_word_of_a_failure_is_its_end() {
        let at = "2026-01-01T00:00:05Z";
        let of = |conditions: serde_json::Value| {
            let job = json!({"spec": {"suspend": false}, "status": {"conditions": conditions}});
            let job: Job = serde_json::from_value(job).unwrap();
            (job.complete, job.failed, job.ended.map(|end| end.to_string()))
        };
        let said = |r#type: &str| json!({"type": r#type, "status": "True", "reason": "Why", "lastTransitionTime": at});
        let end = Some(at.to_owned());
        assert_eq!(of(json!([])), (false, None, None));
        assert_eq!(of(json!([said("Complete")])), (true, None, end.clone()));
        assert_eq!(of(json!([said("FailureTarget")])), (false, Some("Why".into()), end));
        assert_eq!(of(json!([{"type": "Failed", "status": "False"}])), (false, None, None));
    }
}
