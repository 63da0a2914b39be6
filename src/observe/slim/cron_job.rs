//! A CronJob: whether suites may make Jobs from it; and as a workload, which has no pods of its own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::controller::Controller;
use super::template::Template;
use super::writers::image_writers;
use crate::api::labels::RUNNABLE;

/// What is kept of a CronJob.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::batch::v1::CronJob")]
#[serde(from = "Wire")]
pub struct CronJob {
    pub metadata: ObjectMeta,
    pub runnable: bool,
    pub own: Controller,
}

impl CronJob {
    /// Names of its containers and init containers.
    pub fn containers(&self) -> Vec<String> {
        self.own.template.containers.iter().map(|container| container.name.clone()).collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: WireSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    suspend: Option<bool>,
    #[serde(default)]
    job_template: Value,
}

impl From<Wire> for CronJob {
    fn from(mut wire: Wire) -> Self {
        let labelled = wire.metadata.labels.iter().flatten().any(|(key, value)| key == RUNNABLE && value == "true");
        let pods = wire.spec.job_template.get_mut("spec").and_then(|spec| spec.get_mut("template"));
        let own = Controller {
            template: Template::read(pods.map(Value::take).unwrap_or_default()),
            writers: image_writers(wire.metadata.managed_fields.as_deref().unwrap_or_default()),
            // nothing follows a new template until its next Job
            observed_generation: wire.metadata.generation.unwrap_or(0),
            ..Controller::default()
        };
        let runnable = labelled && wire.spec.suspend == Some(true);
        Self { runnable, own, metadata: super::pruned(wire.metadata) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn runnable_needs_the_label_and_suspension() {
        let read = |label: &str, suspend: bool| -> CronJob {
            serde_json::from_value(json!({
                "metadata": {"name": "smoke", "labels": {"windlass.dev/runnable": label}},
                "spec": {"suspend": suspend, "jobTemplate": {"spec": {"template": {"spec": {
                    "initContainers": [{"name": "wait"}], "containers": [{"name": "test"}]}}}}},
            }))
            .unwrap()
        };
        assert!(read("true", true).runnable);
        assert!(!read("true", false).runnable);
        assert!(!read("false", true).runnable);
        assert_eq!(read("true", true).containers(), ["wait", "test"]);
    }
}
