//! What is wrong with a workload's pod, and since when: the worst of its containers' troubles.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus};

use super::pod::Wire;
use crate::api::{Span, Time};
use crate::observe::snapshot::{Trouble, TroubleKind};

/// The gravest trouble, if there is one.
pub fn trouble(pod: &Wire) -> Option<Trouble> {
    crash_loop(pod).or_else(|| stuck(pod)).or_else(|| unschedulable(pod)).or_else(|| not_ready(pod))
}

/// An image that cannot be pulled, or a container that cannot be made.
pub fn stuck(pod: &Wire) -> Option<Trouble> {
    let all = pod.init_containers().chain(pod.containers());
    let (status, text) = all.filter_map(|status| Some((status, stuck_text(status)?))).next()?;
    // A container that ran before is stuck since it ended, not since the pod was given its node.
    let since = last_end(pod).map_or_else(|| pod.since("PodScheduled"), |end| end.max(pod.since("PodScheduled")));
    Some(Trouble { kind: TroubleKind::Pull, since, message: format!("container {}: {text}", status.name) })
}

fn stuck_text(status: &ContainerStatus) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let is_stuck = matches!(
        reason,
        "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed"
            | "CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError"
    );
    is_stuck.then(|| waiting.message.as_ref().map_or_else(|| reason.to_owned(), |text| format!("{reason}: {text}")))
}

/// A container that ran for so long before it ended is in no loop: the kubelet starts it again without a back-off.
const STEADY: Span = Span::seconds(600);

fn crash_loop(pod: &Wire) -> Option<Trouble> {
    let looping = |status: &&ContainerStatus| {
        let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
        status.restart_count >= 2 && !was_steady(status)
            || waiting.is_some_and(|w| w.reason.as_deref() == Some("CrashLoopBackOff"))
    };
    let status = pod.init_containers().chain(pod.containers()).find(looping)?;
    let end = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let since = end.and_then(|end| end.finished_at.as_ref()).map_or_else(|| pod.since("Ready"), Time::from);
    let code = end.map(|end| format!(", exit code {}", end.exit_code)).unwrap_or_default();
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref()).and_then(|w| w.reason.as_deref());
    let waiting = waiting.map(|reason| format!("{reason}, ")).unwrap_or_default();
    let times = if status.restart_count == 1 { "once".to_owned() } else { format!("{} times", status.restart_count) };
    let message = format!("container {}: {waiting}restarted {times}{code}", status.name);
    Some(Trouble { kind: TroubleKind::CrashLoop, since, message })
}

fn was_steady(status: &ContainerStatus) -> bool {
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    let times = last.and_then(|last| last.started_at.as_ref().zip(last.finished_at.as_ref()));
    times.is_some_and(|(started, finished)| Time::from(finished).since(Time::from(started)) >= STEADY)
}

fn unschedulable(pod: &Wire) -> Option<Trouble> {
    let condition = pod.condition("PodScheduled")?;
    if condition.status != "False" || condition.reason.as_deref() != Some("Unschedulable") {
        return None;
    }
    let message = condition.message.clone().unwrap_or_else(|| "no node takes the pod".to_owned());
    Some(Trouble { kind: TroubleKind::Unschedulable, since: pod.since("PodScheduled"), message })
}

fn not_ready(pod: &Wire) -> Option<Trouble> {
    if let Some(name) = pod.containers().find_map(|status| starting(pod, status)) {
        let message = format!("container {name}: runs and is not ready yet");
        return Some(Trouble { kind: TroubleKind::Starting, since: pod.since("Ready"), message });
    }
    let of_init = pod.init_containers().find_map(|status| Some((status, ended_badly(status.state.as_ref()?)?)));
    let of_main = || pod.containers().find_map(|status| Some((status, idle_or_ended(status)?)));
    let (status, text) = of_init.or_else(of_main)?;
    let message = format!("container {}: {text}", status.name);
    Some(Trouble { kind: TroubleKind::NotReady, since: pod.since("Ready"), message })
}

/// A container that was never ready: it has not restarted, and the pod has been unready since before it ran.
fn starting<'p>(pod: &Wire, status: &'p ContainerStatus) -> Option<&'p str> {
    let running = status.state.as_ref()?.running.as_ref().filter(|_| !status.ready && status.restart_count == 0)?;
    let started = running.started_at.as_ref().map(Time::from)?;
    (pod.since("Ready") <= started).then_some(status.name.as_str())
}

fn idle_or_ended(status: &ContainerStatus) -> Option<String> {
    let state = status.state.as_ref()?;
    if state.running.is_some() && !status.ready {
        return Some("runs and is not ready".to_owned());
    }
    ended_badly(state)
}

fn ended_badly(state: &ContainerState) -> Option<String> {
    let ended = state.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    Some(format!("ended with exit code {}", ended.exit_code))
}

/// When a container of the pod ended last.
fn last_end(pod: &Wire) -> Option<Time> {
    let all = pod.init_containers().chain(pod.containers());
    let states = all.flat_map(|status| [status.state.as_ref(), status.last_state.as_ref()]).flatten();
    states.filter_map(|state| state.terminated.as_ref()?.finished_at.as_ref().map(Time::from)).max()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(status: Value) -> Option<(TroubleKind, String, String)> {
        let pod = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "status": status});
        let found = trouble(&serde_json::from_value::<Wire>(pod).unwrap())?;
        Some((found.kind, found.since.to_string(), found.message))
    }

    fn waiting(reason: &str) -> Value {
        json!({"name": "app", "restartCount": 0, "ready": false, "state": {"waiting": {"reason": reason}}})
    }

    #[test]
    fn waiting_containers_are_told_apart_by_reason() {
        let of = |reason| judged(json!({"containerStatuses": [waiting(reason)]})).map(|found| found.0);
        assert_eq!(of("CrashLoopBackOff"), Some(TroubleKind::CrashLoop));
        assert_eq!(of("ImagePullBackOff"), Some(TroubleKind::Pull));
        assert_eq!(of("CreateContainerConfigError"), Some(TroubleKind::Pull));
        assert_eq!(of("ContainerCreating"), None);
        assert_eq!(of("PodInitializing"), None);
    }

    #[test]
    fn restarts_that_are_far_apart_are_no_loop() {
        let of = |started: &str| {
            let end = json!({"exitCode": 1, "startedAt": started, "finishedAt": "2026-01-02T00:10:00Z"});
            let app = json!({"name": "app", "restartCount": 2, "ready": true, "state": {"running": {}}, "lastState": {"terminated": end}});
            judged(json!({"containerStatuses": [app]})).map(|found| found.0)
        };
        assert_eq!(of("2026-01-02T00:00:01Z"), Some(TroubleKind::CrashLoop));
        assert_eq!(of("2026-01-02T00:00:00Z"), None);
    }

    #[test]
    fn init_containers_count() {
        let found = judged(json!({"initContainerStatuses": [waiting("ErrImagePull")]})).unwrap();
        assert_eq!((found.0, found.2.as_str()), (TroubleKind::Pull, "container app: ErrImagePull"));
        let running = json!({"name": "init", "ready": false, "state": {"running": {}}});
        assert_eq!(judged(json!({"initContainerStatuses": [running]})), None, "it has not ended yet");
    }

    #[test]
    fn a_pull_error_is_as_old_as_the_placement_or_the_last_end() {
        let placed = json!([{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:05Z"}]);
        let fresh = judged(json!({"conditions": placed, "containerStatuses": [waiting("ErrImagePull")]})).unwrap();
        assert_eq!(fresh.1, "2026-01-01T00:00:05Z");
        let mut again = waiting("ErrImagePull");
        again["lastState"] = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-01-02T00:00:00Z"}});
        let again = judged(json!({"conditions": placed, "containerStatuses": [again]})).unwrap();
        assert_eq!(again.1, "2026-01-02T00:00:00Z");
    }

    #[test]
    fn no_node_not_ready_and_two_restarts() {
        let at = "2026-01-01T00:01:00Z";
        let no_node = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "lastTransitionTime": at, "message": "0/3 nodes"}]);
        let found = judged(json!({"conditions": no_node})).unwrap();
        assert_eq!(found, (TroubleKind::Unschedulable, at.to_owned(), "0/3 nodes".to_owned()));
        let ready = json!([{"type": "Ready", "status": "False", "lastTransitionTime": at}]);
        let mut app = json!({"name": "app", "restartCount": 0, "ready": false, "state": {"running": {}}});
        let found = judged(json!({"conditions": ready, "containerStatuses": [app]})).unwrap();
        assert_eq!(found, (TroubleKind::NotReady, at.to_owned(), "container app: runs and is not ready".to_owned()));
        app = json!({"name": "app", "restartCount": 2, "ready": true, "state": {"running": {}}});
        assert_eq!(judged(json!({"containerStatuses": [app]})).unwrap().0, TroubleKind::CrashLoop);
    }

    #[test]
    fn what_was_never_ready_starts_and_what_was_ready_once_is_not() {
        let of = |unready: &str, restarts: i32| {
            let ready = json!([{"type": "Ready", "status": "False", "lastTransitionTime": unready}]);
            let app = json!({"name": "app", "restartCount": restarts, "ready": false,
                "state": {"running": {"startedAt": "2026-01-01T00:00:05Z"}}});
            judged(json!({"conditions": ready, "containerStatuses": [app]})).unwrap().0
        };
        assert_eq!(of("2026-01-01T00:00:01Z", 0), TroubleKind::Starting, "unready since before it ran");
        assert_eq!(of("2026-01-01T00:01:00Z", 0), TroubleKind::NotReady, "it was ready for a while");
        assert_eq!(of("2026-01-01T00:00:01Z", 1), TroubleKind::NotReady, "it has ended once");
    }
}
