//! The world of a story: namespaces of its own, what it applies there, and the limits it sets.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Story;
use crate::locked::lock;

impl Story {
    /// A new namespace whose name starts with `prefix`, such as `shop-4f2a`.
    pub async fn ns(&self, prefix: &str) -> Result<String> {
        self.ns_with(prefix, &[]).await
    }

    /// A new namespace with annotations, such as the consent of its owner.
    pub async fn ns_with(&self, prefix: &str, annotations: &[(&str, &str)]) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0x1000);
        // An odd step walks through all numbers of sixteen bits before one returns.
        let number = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37) & 0xffff;
        let name = format!("{prefix}-{number:04x}");
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        let metadata =
            json!({ "name": name, "annotations": annotations, "labels": { "windlass.test/story": self.name } });
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata });
        self.cluster.objects().create(&namespace).await.with_context(|| format!("failed to create {name}"))?;
        lock(&self.namespaces).push(name.clone());
        Ok(name)
    }

    /// The names of this story's namespaces so far.
    pub fn namespaces(&self) -> Vec<String> {
        lock(&self.namespaces).clone()
    }

    /// Applies every document of a YAML text on the server side (those with `generateName` are created) and returns
    /// them as the server has them. Each names its namespace.
    pub async fn apply(&self, yaml: &str) -> Result<Vec<Value>> {
        self.cluster.objects().apply(yaml, None).await
    }

    /// The same, into `namespace` where a document names none.
    pub async fn apply_in(&self, namespace: &str, yaml: &str) -> Result<Vec<Value>> {
        self.cluster.objects().apply(yaml, Some(namespace)).await
    }

    /// `kubectl apply --server-side -f -`, where it matters that it is kubectl.
    pub async fn kubectl_apply(&self, yaml: &str) -> Result<String> {
        self.kubectl_with_input(["apply", "--server-side", "-f", "-"], yaml).await?.ok()
    }

    /// What the server says against these objects; an error if it takes them.
    pub async fn refused(&self, namespace: &str, yaml: &str) -> Result<String> {
        match self.apply_in(namespace, yaml).await {
            Ok(_) => anyhow::bail!("the API server took what it should refuse:\n{yaml}"),
            Err(error) => Ok(format!("{error:#}")),
        }
    }

    /// A JSON merge patch.
    pub async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: &Value) -> Result<Value> {
        self.cluster.objects().merge(kind, namespace, name, patch, false).await
    }

    /// A JSON merge patch of the status.
    pub async fn patch_status(&self, kind: &str, namespace: &str, name: &str, patch: &Value) -> Result<Value> {
        self.cluster.objects().merge(kind, namespace, name, patch, true).await
    }

    /// Deletes in the background; an object that is not there is fine.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<()> {
        self.cluster.objects().delete(kind, namespace, name).await
    }

    /// Allows at most `pods` pods in a namespace, and returns once that is in force.
    pub async fn quota(&self, namespace: &str, pods: u32) -> Result<()> {
        let limit = pods.to_string();
        let spec = json!({ "hard": { "pods": limit } });
        let metadata = json!({ "name": "pods", "namespace": namespace });
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec });
        self.apply(&quota.to_string()).await?;
        let in_force = |seen: &Value| seen.pointer("/status/hard/pods").is_some_and(|hard| *hard == *limit);
        let of = ("resourcequota", namespace, "pods");
        self.until(Duration::from_secs(60), "the quota is in force", of, in_force).await.map(|_| ())
    }

    /// Cordons every node, or lets pods come again. Only for a story with a cluster of its own.
    pub async fn cordon_all(&self, cordoned: bool) -> Result<()> {
        for node in self.list_json("node", "", "").await? {
            let patch = json!({ "spec": { "unschedulable": cordoned } });
            self.patch("node", "", super::look::text(&node, "/metadata/name"), &patch).await?;
        }
        Ok(())
    }

    /// Lets go of this story's namespaces, without waiting.
    pub(crate) async fn leave(&self) {
        for namespace in self.namespaces() {
            let _ = self.delete("namespace", "", &namespace).await;
        }
    }
}
