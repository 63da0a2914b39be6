//! Stories with traffic: backends, routes by weight, and pods that are told how to answer.

use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};

use super::Story;
use super::look::text;
use crate::cue::Cue;
use crate::traffic::{ANSWERS, Traffic, deployment, has_accepted, route, service};

const SOON: Duration = Duration::from_secs(90);

impl Story {
    /// The router and the player; only stories of `Kind::Traffic` have them.
    pub fn traffic(&self) -> Result<&Traffic> {
        self.traffic.as_deref().ok_or_else(|| anyhow!("this story has no traffic: it is not of Kind::Traffic"))
    }

    /// A Deployment and a Service of the same name, once all its pods serve. Apply again to change the image.
    pub async fn backend(&self, namespace: &str, name: &str, replicas: u32, image: &str) -> Result<()> {
        self.apply_in(namespace, &deployment(name, replicas, image).to_string()).await?;
        self.apply_in(namespace, &service(name, name).to_string()).await?;
        let serves = |seen: &Value| {
            let status = &seen["status"];
            status["observedGeneration"] == seen["metadata"]["generation"]
                && ["replicas", "availableReplicas", "updatedReplicas"]
                    .iter()
                    .all(|count| status[*count] == json!(replicas))
        };
        self.until(SOON, "the backend serves in full", ("deployment", namespace, name), serves).await.map(drop)
    }

    /// An autoscaler of a Deployment, by half of what its pods request; `behavior` as its spec has it, or null.
    pub async fn autoscaler(&self, namespace: &str, name: &str, behavior: &Value) -> Result<()> {
        let mut object = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "minReplicas": 1, "maxReplicas": 10,
                "metrics": [{"type": "Resource", "resource": {
                    "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
                }}],
            },
        });
        if !behavior.is_null() {
            object["spec"]["behavior"] = behavior.clone();
        }
        self.apply_in(namespace, &object.to_string()).await.map(drop)
    }

    /// A route for a host name to Services by weight, once it is accepted and a request comes through.
    pub async fn route(&self, namespace: &str, name: &str, host: &str, weights: &[(&str, u32)]) -> Result<()> {
        self.apply_in(namespace, &route(name, host, weights).to_string()).await?;
        self.route_accepted(namespace, name).await?;
        let traffic = self.traffic()?;
        self.eventually(SOON, "a request comes through the route", || async {
            let answer = traffic.ask(host).await;
            ensure!(!answer.pod.is_empty(), "the answer is {answer:?}");
            Ok(Some(()))
        })
        .await
    }

    /// Waits until the router says that it took a route as it is now.
    pub async fn route_accepted(&self, namespace: &str, name: &str) -> Result<Value> {
        self.until(SOON, "the route is accepted", ("httproute", namespace, name), has_accepted).await
    }

    /// Tells every pod that matches how to answer from now on, whatever its image says; `Cue::Good` for well.
    pub async fn pods_answer(&self, namespace: &str, selector: &str, how: Cue) -> Result<()> {
        let pods = self.pods(namespace, selector).await?;
        ensure!(!pods.is_empty(), "no pod in {namespace} matches {selector}");
        let patch = json!({ "metadata": { "annotations": { ANSWERS: how.word() } } });
        for pod in &pods {
            self.patch("pod", namespace, text(pod, "/metadata/name"), &patch).await?;
        }
        Ok(())
    }
}
