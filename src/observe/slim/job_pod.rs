//! The result of a Job's pod: exit code, what kept it from one, and the message that it left.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};

use super::pod::Wire;
use super::trouble;
use crate::observe::snapshot::JobPod;

/// The longest termination message, in bytes, as the kubelet cuts them.
const MESSAGE_LIMIT: usize = 4096;

/// Reads the result from the pod's containers. Sidecars (restartable init containers) do not count.
pub fn result(pod: &Wire) -> JobPod {
    let counted = || pod.init_containers().chain(pod.status.container_statuses.iter().flatten());
    let ended = || counted().filter_map(terminated);
    let failed = ended().find(|end| end.exit_code != 0);
    JobPod {
        exit_code: failed.map(|end| end.exit_code).or_else(|| all_ended_well(pod).then_some(0)),
        restarts: pod.restarts(),
        disrupted: pod.is_disrupted() || is_killed_with_its_pod(pod, failed),
        out_of_memory: ended().any(|end| end.reason.as_deref() == Some("OOMKilled")),
        stuck: trouble::stuck(pod).map(|found| (found.since, found.message)),
        message: cut(message(failed, ended())),
    }
}

fn terminated(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.state.as_ref()?.terminated.as_ref()
}

/// Somebody deleted the pod while it ran (which sets no DisruptionTarget): its end by SIGTERM or SIGKILL is no result.
fn is_killed_with_its_pod(pod: &Wire, failed: Option<&ContainerStateTerminated>) -> bool {
    pod.metadata.deletion_timestamp.is_some() && failed.is_some_and(|end| matches!(end.exit_code, 137 | 143))
}

/// The phase alone would do, but it follows the containers' states and may be missing in between.
fn all_ended_well(pod: &Wire) -> bool {
    let mut mains = pod.status.container_statuses.iter().flatten().peekable();
    pod.status.phase.as_deref() == Some("Succeeded")
        || (mains.peek().is_some() && mains.all(|status| terminated(status).is_some_and(|end| end.exit_code == 0)))
}

/// Of the container that failed; if all went well, the first that left one.
fn message<'a>(
    failed: Option<&'a ContainerStateTerminated>,
    mut ended: impl Iterator<Item = &'a ContainerStateTerminated>,
) -> &'a str {
    let text = |end: &'a ContainerStateTerminated| end.message.as_deref().filter(|text| !text.is_empty());
    failed.and_then(text).or_else(|| ended.find_map(text)).unwrap_or_default()
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MESSAGE_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ended(name: &str, code: i32, message: &str) -> Value {
        json!({"name": name, "state": {"terminated": {"exitCode": code, "message": message}}})
    }

    fn read(spec: Value, status: Value) -> JobPod {
        result(&serde_json::from_value::<Wire>(json!({"spec": spec, "status": status})).unwrap())
    }

    #[test]
    fn the_first_exit_code_that_is_not_zero_decides() {
        let pod = read(json!({}), json!({"containerStatuses": [ended("a", 0, "fine"), ended("b", 3, "broken")]}));
        assert_eq!((pod.exit_code, pod.message.as_str()), (Some(3), "broken"));
        let running = json!({"name": "b", "state": {"running": {}}});
        assert_eq!(read(json!({}), json!({"containerStatuses": [ended("a", 0, ""), running]})).exit_code, None);
        assert_eq!(read(json!({}), json!({"containerStatuses": [ended("a", 0, "{}")]})).exit_code, Some(0));
        assert_eq!(read(json!({}), json!({})).exit_code, None);
    }

    #[test]
    fn a_sidecar_that_is_stopped_at_the_end_does_not_count() {
        let spec = json!({"initContainers": [{"name": "mesh", "restartPolicy": "Always"}, {"name": "init"}]});
        let status =
            json!({"initContainerStatuses": [ended("mesh", 143, "")], "containerStatuses": [ended("a", 0, "")]});
        assert_eq!(read(spec.clone(), status).exit_code, Some(0));
        let status = json!({"initContainerStatuses": [ended("init", 1, "no database")]});
        assert_eq!(read(spec, status).message, "no database");
    }

    #[test]
    fn disruption_memory_and_pull_errors_are_told() {
        let killed = json!({"name": "a", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}});
        assert!(read(json!({}), json!({"containerStatuses": [killed]})).out_of_memory);
        assert!(read(json!({}), json!({"phase": "Failed", "reason": "Evicted"})).disrupted);
        let stuck = json!({"name": "a", "state": {"waiting": {"reason": "ErrImagePull"}}});
        assert_eq!(
            read(json!({}), json!({"containerStatuses": [stuck]})).stuck.unwrap().1,
            "container a: ErrImagePull"
        );
    }

    #[test]
    fn a_pod_deleted_while_it_ran_is_disrupted() {
        let deleted = |code| {
            let status = json!({"containerStatuses": [ended("a", code, "")]});
            let meta = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
            result(&serde_json::from_value::<Wire>(json!({"metadata": meta, "status": status})).unwrap()).disrupted
        };
        assert!(deleted(143) && deleted(137));
        assert!(!deleted(1), "that is its own verdict");
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        assert_eq!(cut(&"ä".repeat(3000)).len(), 4096);
        assert_eq!(cut(&format!("x{}", "ä".repeat(3000))).len(), 4095);
    }
}
