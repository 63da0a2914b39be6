//! A small shop to tell stories in: a pipeline `checkout` over staging and production, its Environments, namespaces with
//! consent, and a Deployment in each that runs revision 0. Stories change the pipeline before it is applied.

mod acts;
mod canary;
mod fleet;
mod guarded;
mod hooks;
mod owner;
mod routed;
mod seen;
mod sight;

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::story::{Story, condition, text};

pub use acts::{A_WHILE, with_external_suite, with_worker};
pub use canary::{CLONE, GREEN, canary, share};
pub use fleet::Fleet;
pub use guarded::{Guarded, Person};
pub use hooks::hook;
pub use owner::{full_minute, opens};
pub use routed::{ROUTE, labelled, weight_of};
pub use seen::{job_suite, last, readiness};
pub use sight::endings;

/// How long a story waits for a rollout to come where it must: patience for a busy machine, no claim.
pub const SOON: Duration = Duration::from_secs(120);

/// The shop of one story.
#[derive(Debug)]
pub struct Shop<'a> {
    t: &'a Story,
    /// Where pipeline, releases and decisions live.
    pub home: String,
    pub staging: String,
    pub production: String,
}

impl<'a> Shop<'a> {
    /// Namespaces, Environments, and revision 0 running in both. No pipeline yet.
    pub async fn open(t: &'a Story) -> Result<Self> {
        let home = t.ns("shop").await?;
        let (staging, production) =
            (Self::place(t, &home, "staging").await?, Self::place(t, &home, "production").await?);
        let shop = Self { t, home, staging, production };
        for ns in [&shop.staging, &shop.production] {
            shop.deployment(ns, "checkout", 2, &cue::image("app", Cue::Good, "revision-0")).await?;
        }
        for ns in [&shop.staging, &shop.production] {
            shop.available(ns, "checkout").await?;
        }
        Ok(shop)
    }

    /// A target namespace with consent, and the Environment that points at it.
    pub async fn place(t: &Story, home: &str, environment: &str) -> Result<String> {
        let accept = format!("{home}/{environment}");
        let ns = t.ns_with(environment, &[("windlass.dev/accept-from", &accept)]).await?;
        t.apply(&Self::environment(home, environment, &ns).to_string()).await?;
        Ok(ns)
    }

    /// The manifest of an Environment.
    pub fn environment(home: &str, name: &str, ns: &str) -> Value {
        json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": "Environment",
            "metadata": {"name": name, "namespace": home}, "spec": {"targetNamespace": ns},
        })
    }

    /// A Deployment with one container `app`.
    pub async fn deployment(&self, ns: &str, name: &str, replicas: i32, image: &str) -> Result<()> {
        self.t.apply(&deployment(ns, name, replicas, image).to_string()).await.map(drop)
    }

    /// Waits until a Deployment serves in full.
    pub async fn available(&self, ns: &str, name: &str) -> Result<()> {
        let is_full = |v: &Value| {
            v["status"]["availableReplicas"] == v["spec"]["replicas"]
                && v["status"]["observedGeneration"] == v["metadata"]["generation"]
        };
        self.t.until(SOON, "the Deployment to be available", ("deploy", ns, name), is_full).await.map(drop)
    }

    /// The pipeline as stories start from it: rolling, bakes of a second, no suites.
    pub fn pipeline(&self) -> Value {
        json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": "DeliveryPipeline",
            "metadata": {"name": "checkout", "namespace": self.home},
            "spec": {
                "images": [{"name": "app", "repository": cue::repository("app")}],
                "workloads": [{"kind": "Deployment", "name": "checkout", "containers": [{"name": "app", "imageName": "app"}]}],
                "stages": [
                    {"environment": "staging", "bake": "1s", "progressDeadline": "90s"},
                    {"environment": "production", "bake": "1s", "progressDeadline": "90s"},
                ],
            },
        })
    }

    /// Applies the pipeline after a change, and waits until it has adopted both stages.
    pub async fn adopt(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut pipeline = self.pipeline();
        change(&mut pipeline);
        self.t.apply(&pipeline.to_string()).await?;
        let is_adopted = |v: &Value| {
            let stages = v["status"]["stages"].as_array();
            stages.is_some_and(|all| {
                !all.is_empty()
                    && all.iter().all(|s| s["adopted"].is_string() && s["current"]["healthy"] != json!(false))
            })
        };
        self.t.until(SOON, "the pipeline to adopt", ("dp", &self.home, "checkout"), is_adopted).await.map(drop)
    }

    /// Changes the pipeline's spec by a merge patch.
    pub async fn edit(&self, spec: Value) -> Result<Value> {
        self.t.patch("dp", &self.home, "checkout", &json!({"spec": spec})).await
    }

    /// A Release manifest. `minute` is its place in the order.
    pub fn release(&self, version: &str, minute: u32, image: &str) -> Value {
        json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": "Release",
            "metadata": {"name": format!("checkout-{version}"), "namespace": self.home},
            "spec": {
                "pipeline": "checkout", "requestedBy": "maria",
                "build": {"version": version, "createdAt": format!("2026-01-01T10:{minute:02}:00Z"), "images": [{"name": "app", "ref": image}]},
            },
        })
    }

    /// Creates a release whose pods behave on cue; gives its image.
    pub async fn deliver(&self, version: &str, minute: u32, cue: Cue) -> Result<String> {
        let image = cue::image("app", cue, version);
        self.t.apply(&self.release(version, minute, &image).to_string()).await?;
        Ok(image)
    }

    /// Creates a Decision by `joe` on this pipeline: its type and further fields of its spec. Gives its name.
    pub async fn decide(&self, r#type: &str, fields: Value) -> Result<String> {
        self.wait_for_a_later_second().await?;
        let mut spec = json!({"type": r#type, "pipeline": "checkout", "user": "joe", "reason": "told in a story"});
        merge(&mut spec, &fields);
        let object = json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": "Decision",
            "metadata": {"generateName": format!("{}-", r#type.to_lowercase()), "namespace": self.home}, "spec": spec,
        });
        let made = self.t.apply(&object.to_string()).await?;
        made.first().map(|d| text(d, "/metadata/name").to_owned()).context("no Decision was made")
    }

    /// Creation times are whole seconds, and what was created in the second of the adoption counts as older than it.
    async fn wait_for_a_later_second(&self) -> Result<()> {
        let pipeline = self.t.find_json("dp", &self.home, "checkout").await?.unwrap_or_default();
        let Ok(adopted) = text(&pipeline, "/status/adopted").parse::<jiff::Timestamp>() else { return Ok(()) };
        while jiff::Timestamp::now().as_second() <= adopted.as_second() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Waits until a Decision has that phase; gives its reason.
    pub async fn decided(&self, name: &str, phase: &str) -> Result<String> {
        let what = format!("Decision {name} to be {phase}");
        let found =
            self.t.until(SOON, &what, ("decision", &self.home, name), |v| text(v, "/status/phase") == phase).await?;
        Ok(text(&found, "/status/reason").to_owned())
    }

    /// Waits until a release has that phase in that environment.
    pub async fn phase(&self, version: &str, environment: &str, phase: &str) -> Result<Value> {
        let what = format!("release {version} to be {phase} in {environment}");
        self.t
            .until(SOON, &what, ("release", &self.home, &format!("checkout-{version}")), |v| {
                stage_phase(v, environment) == phase
            })
            .await
    }

    /// Waits until a release is delivered at the end of its way.
    pub async fn delivered(&self, version: &str) -> Result<Value> {
        let what = format!("release {version} to be Delivered");
        self.t
            .until(SOON, &what, ("release", &self.home, &format!("checkout-{version}")), |v| {
                condition(v, "Delivered", "status") == "True"
            })
            .await
    }

    /// Waits until nothing is under way in any stage.
    pub async fn settled(&self) -> Result<Value> {
        let is_calm =
            |v: &Value| v["status"]["stages"].as_array().is_some_and(|all| all.iter().all(|s| s["rollout"].is_null()));
        self.t.until(SOON, "all rollouts to have ended", ("dp", &self.home, "checkout"), is_calm).await
    }

    /// The pipeline's stage as its status has it.
    pub async fn stage(&self, environment: &str) -> Result<Value> {
        let pipeline = self.t.get_json("dp", &self.home, "checkout").await?;
        Ok(stage_of(&pipeline, environment).clone())
    }

    /// The image that a Deployment's container `app` is to run.
    pub async fn image(&self, ns: &str, name: &str) -> Result<String> {
        let found = self.t.get_json("deploy", ns, name).await?;
        Ok(text(&found, "/spec/template/spec/containers/0/image").to_owned())
    }

    /// What `kubectl get releases` shows.
    pub async fn table(&self) -> Result<String> {
        self.t.kubectl(["get", "releases", "-n", &self.home, "--sort-by=.spec.build.createdAt"]).await?.ok()
    }
}

/// A Deployment with one container `app`.
pub fn deployment(ns: &str, name: &str, replicas: i32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": image}]}},
        },
    })
}

/// A suspended CronJob that suites may run, with one container `test`.
pub fn cron_job(ns: &str, name: &str, env: &Value) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": name, "namespace": ns, "labels": {"windlass.dev/runnable": "true"}},
        "spec": {"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "test", "image": cue::image("tests", Cue::Good, "suite"), "env": env}],
        }}}}},
    })
}

/// The phase of a release in an environment; empty where it has none.
pub fn stage_phase<'v>(release: &'v Value, environment: &str) -> &'v str {
    text(stage_of(release, environment), "/phase")
}

/// The entry of `status.stages` for an environment; null where there is none.
pub fn stage_of<'v>(object: &'v Value, environment: &str) -> &'v Value {
    let stages = object["status"]["stages"].as_array();
    stages.and_then(|all| all.iter().find(|s| s["environment"] == environment)).unwrap_or(&Value::Null)
}

/// How a gate stands for a release in an environment.
pub fn gate(release: &Value, environment: &str, name: &str) -> Result<Value> {
    let gates = stage_of(release, environment)["gates"].as_array();
    let gate = gates.and_then(|all| all.iter().find(|g| g["gate"] == name)).cloned();
    gate.with_context(|| format!("no gate {name} in {}", release["status"]))
}

/// Who decided what about a release in an environment, as the release tells it: `Approve ann`.
pub fn decided(release: &Value, environment: &str) -> Vec<String> {
    let all = stage_of(release, environment)["decisions"].as_array();
    all.into_iter().flatten().map(|d| format!("{} {}", text(d, "/type"), text(d, "/user"))).collect()
}

/// Puts the fields of one object over another's.
pub fn merge(into: &mut Value, fields: &Value) {
    if let (Some(into), Some(fields)) = (into.as_object_mut(), fields.as_object()) {
        into.extend(fields.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
}
