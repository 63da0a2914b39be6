//! Pods that change on cue while they run. A story writes their status as a kubelet would, and takes them over from
//! kwok by the condition that its stages go by.

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::Story;
use super::look::text;

/// What becomes of a running pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Readiness fails, and stays so.
    Unready,
    /// `CrashLoopBackOff` with two more restarts, and stays so. No stage of kwok goes by its cue: one under way would
    /// write over what a story says next.
    CrashLoop,
    /// Ready again.
    Mended,
}

impl Story {
    /// The pods of a namespace that match a label selector.
    pub async fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<Value>> {
        self.list_json("pod", namespace, selector).await
    }

    /// Breaks (or mends) every pod that matches; there must be one. Pods that come later behave as their image says.
    pub async fn break_pods(&self, namespace: &str, selector: &str, how: Break) -> Result<()> {
        self.break_some(namespace, selector, how, usize::MAX).await
    }

    /// The same for at most `count` of them, by name order.
    pub async fn break_some(&self, namespace: &str, selector: &str, how: Break, count: usize) -> Result<()> {
        // a kubelet keeps whole seconds: a pod that breaks in the second in which it started was never seen ready
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let mut pods = self.pods(namespace, selector).await?;
        pods.retain(|pod| pod.pointer("/metadata/deletionTimestamp").is_none());
        ensure!(!pods.is_empty(), "no pod in {namespace} matches {selector}");
        for pod in pods.iter().take(count) {
            self.patch_status("pod", namespace, text(pod, "/metadata/name"), &changed(pod, how)).await?;
        }
        Ok(())
    }
}

/// The patch of a pod's status.
fn changed(pod: &Value, how: Break) -> Value {
    let now = jiff::Timestamp::now();
    let list = |pointer| pod.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let containers: Vec<Value> = list("/status/containerStatuses").into_iter().map(|c| container(c, how)).collect();
    let names: Vec<&str> = containers.iter().map(|container| text(container, "/name")).collect();
    let (cue, half) = match how {
        Break::Unready => ("never-ready", "True"),
        Break::CrashLoop => ("crashed", "False"),
        Break::Mended => ("ready", "True"),
    };
    let ready = if how == Break::Mended { "True" } else { "False" };
    let mut conditions = list("/status/conditions");
    let ours = ["windlass.test/cue", "Ready", "ContainersReady"];
    conditions.retain(|condition| !ours.contains(&text(condition, "/type")));
    conditions.push(json!({
        "type": "windlass.test/cue", "status": half, "reason": cue, "message": names.join(","), "lastTransitionTime": now,
    }));
    for kind in ["Ready", "ContainersReady"] {
        conditions.push(json!({ "type": kind, "status": ready, "lastTransitionTime": now }));
    }
    json!({ "status": { "conditions": conditions, "containerStatuses": containers } })
}

fn container(mut status: Value, how: Break) -> Value {
    let now = jiff::Timestamp::now();
    let restarts = super::look::number(&status, "/restartCount");
    let running = json!({ "running": { "startedAt": now } });
    let waiting =
        json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off restarting failed container" } });
    let mut set: Map<String, Value> = Map::new();
    set.insert("ready".to_owned(), json!(how == Break::Mended));
    match how {
        Break::Unready => {}
        Break::Mended => {
            set.insert("state".to_owned(), running);
            set.insert("started".to_owned(), json!(true));
        }
        Break::CrashLoop => {
            let ended = json!({ "exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now });
            set.insert("state".to_owned(), waiting);
            set.insert("lastState".to_owned(), json!({ "terminated": ended }));
            set.insert("restartCount".to_owned(), json!(restarts + 2));
            set.insert("started".to_owned(), json!(false));
        }
    }
    if let Some(fields) = status.as_object_mut() {
        fields.extend(set);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pod_keeps_its_other_conditions() {
        let pod = json!({ "status": {
            "conditions": [{ "type": "PodScheduled", "status": "True" }, { "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "app", "ready": true, "restartCount": 0 }],
        } });
        let patch = changed(&pod, Break::CrashLoop);
        assert_eq!(crate::story::condition(&patch, "PodScheduled", "status"), "True");
        assert_eq!(crate::story::condition(&patch, "Ready", "status"), "False");
        assert_eq!(crate::story::condition(&patch, "windlass.test/cue", "message"), "app");
        assert_eq!(patch.pointer("/status/containerStatuses/0/restartCount"), Some(&json!(2)));
    }
}
