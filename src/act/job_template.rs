//! A suspended Job out of a CronJob's template, as a pure function. It works on the raw JSON: fields that are newer than
//! this program reach the Job.

use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::api::labels::{RUNNABLE, VERDICT_FINALIZER};
use crate::plan::action::CreateJob;

use super::{Error, Object, Resource};

/// What only an indexed Job has, what would add or adopt pods, and what would delete the Job before its verdict.
const DROPPED: [&str; 8] = [
    "backoffLimitPerIndex",
    "completionMode",
    "manualSelector",
    "maxFailedIndexes",
    "podFailurePolicy",
    "selector",
    "successPolicy",
    "ttlSecondsAfterFinished",
];

/// Where a pod's containers stand.
const LISTS: [&str; 2] = ["containers", "initContainers"];

/// The Job: one pod, one try, suspended, with the build's images, our labels and finalizer, and no owner, so that
/// neither a deleted CronJob nor a clean-up of ours takes a result away.
pub(super) fn job(cron_job: &DynamicObject, want: &CreateJob) -> Result<DynamicObject, Error> {
    let object = Object::new(Resource::CronJob, &want.namespace, &want.cron_job);
    let labelled = cron_job.metadata.labels.as_ref().and_then(|labels| labels.get(RUNNABLE));
    let suspended = cron_job.data.pointer("/spec/suspend") == Some(&Value::Bool(true));
    if !suspended || labelled.map(String::as_str) != Some("true") {
        return Err(Error::NotRunnable { object });
    }
    let mut template = match cron_job.data.pointer("/spec/jobTemplate") {
        Some(Value::Object(template)) => template.clone(),
        Some(_) | None => Map::new(),
    };
    let mut metadata = take(&mut template, "metadata");
    let mut spec = take(&mut template, "spec");
    let pod = pod_template(take(&mut spec, "template"), &object, want)?;
    for key in DROPPED {
        spec.remove(key);
    }
    spec.insert("template".into(), Value::Object(pod));
    for (key, value) in [("backoffLimit", json!(0)), ("completions", json!(1)), ("parallelism", json!(1))] {
        spec.insert(key.into(), value);
    }
    spec.insert("suspend".into(), Value::Bool(true));

    let mut job = DynamicObject::new(&want.name, &Resource::Job.api_resource()).within(&want.namespace);
    job.metadata.labels = Some(strings(with(take(&mut metadata, "labels"), &want.labels)));
    job.metadata.annotations = Some(strings(with(take(&mut metadata, "annotations"), &want.annotations)));
    job.metadata.finalizers = Some(vec![VERDICT_FINALIZER.to_owned()]);
    job.data = json!({"spec": spec});
    Ok(job)
}

fn pod_template(
    mut template: Map<String, Value>,
    object: &Object,
    want: &CreateJob,
) -> Result<Map<String, Value>, Error> {
    let mut metadata = take(&mut template, "metadata");
    let mut spec = take(&mut template, "spec");
    for (key, ours) in [("labels", &want.labels), ("annotations", &want.annotations)] {
        let all = with(take(&mut metadata, key), ours);
        metadata.insert(key.into(), Value::Object(all));
    }
    keep_last_lines(&mut spec);
    spec.insert("restartPolicy".into(), "Never".into());
    for (container, image) in &want.images {
        if !put_image(&mut spec, container, image) {
            return Err(Error::ContainerNotFound { object: object.clone(), container: container.clone() });
        }
    }
    template.insert("metadata".into(), Value::Object(metadata));
    template.insert("spec".into(), Value::Object(spec));
    Ok(template)
}

/// A container that fails and says nothing about it leaves the last lines of its log as its message. What the template says
/// of that may be the server's default, which is no one's wish; where there is a message, nothing changes.
fn keep_last_lines(pod: &mut Map<String, Value>) {
    for list in LISTS {
        for entry in containers(pod, list) {
            entry.insert("terminationMessagePolicy".into(), "FallbackToLogsOnError".into());
        }
    }
}

fn containers<'a>(pod: &'a mut Map<String, Value>, list: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let entries = pod.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
    entries.filter_map(Value::as_object_mut)
}

/// Whether there was such a container.
fn put_image(pod: &mut Map<String, Value>, container: &str, image: &str) -> bool {
    for list in LISTS {
        for entry in containers(pod, list) {
            if entry.get("name").and_then(Value::as_str) == Some(container) {
                entry.insert("image".into(), image.into());
                return true;
            }
        }
    }
    false
}

/// Ours win over the template's.
fn with(mut all: Map<String, Value>, ours: &[(String, String)]) -> Map<String, Value> {
    all.extend(ours.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    all
}

/// The object under the key, taken out; an empty one if there is none.
fn take(map: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match map.remove(key) {
        Some(Value::Object(found)) => found,
        Some(_) | None => Map::new(),
    }
}

fn strings(map: Map<String, Value>) -> std::collections::BTreeMap<String, String> {
    map.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron_job(change: impl FnOnce(&mut Value)) -> DynamicObject {
        let mut value = json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": {"name": "smoke", "labels": {RUNNABLE: "true"}},
            "spec": {"suspend": true, "schedule": "0 0 1 1 *", "jobTemplate": {
                "metadata": {"labels": {"team": "shop", "suite": "theirs"}, "annotations": {"note": "n"}},
                "spec": {
                    "activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 5, "backoffLimit": 6, "parallelism": 3,
                    "template": {"metadata": {"labels": {"app": "smoke"}}, "spec": {
                        "restartPolicy": "OnFailure", "newerField": {"kept": true},
                        "initContainers": [{"name": "fetch", "image": "f:1"}],
                        "containers": [{"name": "test", "image": "t:1", "command": ["run"]}, {"name": "side", "image": "s:1", "terminationMessagePolicy": "File"}],
                    }},
                },
            }},
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn want(images: &[(&str, &str)]) -> CreateJob {
        CreateJob {
            namespace: "shop-staging".into(),
            cron_job: "smoke".into(),
            name: "checkout-1".into(),
            images: images.iter().map(|(name, image)| (name.to_string(), image.to_string())).collect(),
            labels: vec![("suite".into(), "smoke".into()), ("windlass.dev/release".into(), "checkout-1.8.0".into())],
            annotations: vec![("windlass.dev/version".into(), "1.8.0".into())],
        }
    }

    #[test]
    fn a_job_is_one_suspended_try_that_nobody_cleans_up() {
        let job = job(&cron_job(|_| ()), &want(&[("test", "t:2"), ("fetch", "f:2")])).unwrap();
        assert_eq!(
            serde_json::to_value(job).unwrap(),
            json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {
                    "name": "checkout-1", "namespace": "shop-staging",
                    "annotations": {"note": "n", "windlass.dev/version": "1.8.0"},
                    "labels": {"team": "shop", "suite": "smoke", "windlass.dev/release": "checkout-1.8.0"},
                    "finalizers": [VERDICT_FINALIZER],
                },
                "spec": {
                    "activeDeadlineSeconds": 60, "backoffLimit": 0, "parallelism": 1, "completions": 1, "suspend": true,
                    "template": {
                        "metadata": {
                            "labels": {"app": "smoke", "suite": "smoke", "windlass.dev/release": "checkout-1.8.0"},
                            "annotations": {"windlass.dev/version": "1.8.0"},
                        },
                        "spec": {
                            "restartPolicy": "Never", "newerField": {"kept": true},
                            "initContainers": [{"name": "fetch", "image": "f:2", "terminationMessagePolicy": "FallbackToLogsOnError"}],
                            "containers": [
                                {"name": "test", "image": "t:2", "command": ["run"], "terminationMessagePolicy": "FallbackToLogsOnError"},
                                {"name": "side", "image": "s:1", "terminationMessagePolicy": "FallbackToLogsOnError"},
                            ],
                        },
                    },
                },
            })
        );
    }

    #[test]
    fn only_a_suspended_and_labelled_cron_job_is_run() {
        let refused =
            |change: fn(&mut Value)| matches!(job(&cron_job(change), &want(&[])), Err(Error::NotRunnable { .. }));
        assert!(!refused(|_| ()));
        assert!(refused(|value| value["spec"]["suspend"] = json!(false)));
        assert!(refused(|value| value["spec"]["suspend"] = json!(null)));
        assert!(refused(|value| value["metadata"]["labels"] = json!({})));
        assert!(refused(|value| value["metadata"]["labels"][RUNNABLE] = json!("false")));
    }

    #[test]
    fn a_container_that_is_missing_is_named() {
        let error = job(&cron_job(|_| ()), &want(&[("tests", "t:2")])).unwrap_err();
        assert_eq!(error.to_string(), "failed to find container tests in CronJob shop-staging/smoke");
    }
}
