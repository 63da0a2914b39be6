//! What a failed story leaves in `target/e2e/NAME`: its objects, events and the operators' logs.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Story;
use super::look::{number, text};
use crate::dirs;
use crate::locked::lock;
use crate::tools::Program;

const KINDS: [&str; 19] = [
    "deliverypipeline",
    "release",
    "environment",
    "testrun",
    "decision",
    "deployment",
    "replicaset",
    "statefulset",
    "daemonset",
    "cronjob",
    "job",
    "pod",
    "configmap",
    "resourcequota",
    "service",
    "endpointslice",
    "httproute",
    "hpa",
    "lease",
];

impl Story {
    /// Writes the evidence and tells where.
    pub(crate) async fn leave_evidence(&self, reason: &str) -> Result<PathBuf> {
        let dir = dirs::evidence(self.name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        let mut told = format!("{}: {reason}\n", self.name);
        for namespace in self.namespaces() {
            let _ = writeln!(told, "\n=== namespace {namespace}: events\n{}", self.events(&namespace).await);
            for kind in KINDS {
                for mut object in self.list_json(kind, &namespace, "").await.unwrap_or_default() {
                    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
                        metadata.remove("managedFields");
                    }
                    let name = text(&object, "/metadata/name");
                    let _ = writeln!(told, "\n--- {namespace} {kind} {name}\n{object:#}");
                }
            }
        }
        let controllers = self.cluster.log_tail(Program::ControllerManager, 60);
        let _ = writeln!(told, "\n=== the end of kube-controller-manager's log\n{controllers}");
        std::fs::write(dir.join("evidence.txt"), told).context("failed to write the evidence")?;
        for log in lock(&self.logs).clone() {
            if let Some(name) = log.file_name() {
                let _ = std::fs::copy(&log, dir.join(name));
            }
        }
        Ok(dir.canonicalize().unwrap_or(dir))
    }

    async fn events(&self, namespace: &str) -> String {
        let mut events = self.list_json("events", namespace, "").await.unwrap_or_default();
        let when = |event: &Value| {
            let times = ["/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
            times.map(|pointer| text(event, pointer).to_owned()).into_iter().find(|time| !time.is_empty())
        };
        events.sort_by_key(when);
        let line = |event: &Value| {
            format!(
                "{} {}/{} {} x{}: {}",
                when(event).unwrap_or_default(),
                text(event, "/involvedObject/kind"),
                text(event, "/involvedObject/name"),
                text(event, "/reason"),
                number(event, "/count").max(1),
                text(event, "/message"),
            )
        };
        events.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
