//! The Gateway that all stories share, backends and routes of theirs behind it, and when a route is in force.

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{PATIENCE, Traffic, census};
use crate::cluster::Cluster;
use crate::cue::{self, Cue};

/// Where the shared Gateway is; routes of any namespace may attach to it.
pub const GATEWAY_NAMESPACE: &str = "traffic";
/// Its name.
pub const GATEWAY: &str = "gateway";

impl Traffic {
    /// The class, the Gateway, and the proof that the router took it.
    pub(super) async fn open_gateway(&self, cluster: &Cluster) -> Result<()> {
        let spec = json!({
            "gatewayClassName": "traefik",
            "listeners": [{
                "name": "http", "protocol": "HTTP", "port": self.port,
                "allowedRoutes": {"namespaces": {"from": "All"}},
            }],
        });
        let wanted = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAY_NAMESPACE}}),
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
                "metadata": {"name": "traefik"}, "spec": {"controllerName": "traefik.io/gateway-controller"},
            }),
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "metadata": {"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}, "spec": spec,
            }),
        ];
        for object in wanted {
            cluster.objects().apply(&object.to_string(), None).await?;
        }
        Ok(())
    }

    /// A first backend behind a first route, until it answers; then both go.
    pub(super) async fn first_request(&self, cluster: &Cluster) -> Result<()> {
        let (name, host) = ("first", "first.example");
        let objects = cluster.objects();
        let image = cue::image(name, Cue::Good, name);
        for object in [deployment(name, 1, &image), service(name, name), route(name, host, &[(name, 1)])] {
            objects.apply(&object.to_string(), Some(GATEWAY_NAMESPACE)).await?;
        }
        let started = Instant::now();
        loop {
            let answer = self.ask(host).await;
            if answer.status == 200 {
                break;
            }
            self.fail_if_dead()?;
            if started.elapsed() > PATIENCE {
                bail!("no request came through to a pod; at last: {answer:?}\n{}", self.router.tail(15));
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        for kind in ["httproute", "service", "deployment"] {
            objects.delete(kind, GATEWAY_NAMESPACE, name).await?;
        }
        Ok(())
    }
}

/// A Deployment whose pods serve. They live on for four seconds when they are deleted, as pods must of which no request may
/// be lost: a router hears of it a moment after.
pub fn deployment(name: &str, replicas: u32, image: &str) -> Value {
    let container = json!({
        "name": "app", "image": image, "ports": [{"containerPort": census::PORT}],
        "resources": {"requests": {"cpu": "100m"}}, // what an autoscaler's percentages are of
        "lifecycle": {"preStop": {"sleep": {"seconds": 4}}},
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
    })
}

/// A Service for the pods with that label `app`.
pub fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": census::PORT}]},
    })
}

/// An HTTPRoute of the shared Gateway: a host name to Services by weight.
pub fn route(name: &str, host: &str, weights: &[(&str, u32)]) -> Value {
    let backends: Vec<Value> = weights
        .iter()
        .map(|(service, weight)| json!({"name": service, "port": census::PORT, "weight": weight}))
        .collect();
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}],
            "hostnames": [host],
            "rules": [{"backendRefs": backends}],
        },
    })
}

/// Whether every parent says of a route, as it is now, that it is accepted and its references are resolved.
pub fn has_accepted(route: &Value) -> bool {
    let generation = &route["metadata"]["generation"];
    let holds = |parent: &Value, kind: &str| {
        let conditions = parent["conditions"].as_array();
        conditions.into_iter().flatten().any(|condition| {
            condition["type"] == kind && condition["status"] == "True" && condition["observedGeneration"] == *generation
        })
    };
    let parents = route["status"]["parents"].as_array();
    parents.is_some_and(|parents| {
        !parents.is_empty() && parents.iter().all(|parent| holds(parent, "Accepted") && holds(parent, "ResolvedRefs"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_accepted_at_its_generation_alone() {
        let status = |seen: i64, resolved: &str| {
            json!({
                "metadata": {"generation": 2},
                "status": {"parents": [{"conditions": [
                    {"type": "Accepted", "status": "True", "observedGeneration": seen},
                    {"type": "ResolvedRefs", "status": resolved, "observedGeneration": seen},
                ]}]},
            })
        };
        assert!(has_accepted(&status(2, "True")));
        assert!(!has_accepted(&status(1, "True")) && !has_accepted(&status(2, "False")));
        assert!(!has_accepted(&json!({"metadata": {"generation": 1}, "status": {"parents": []}})));
    }
}
