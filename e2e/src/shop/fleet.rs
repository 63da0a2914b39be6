//! Many pipelines of one stage in one Environment, each with a Deployment of its own.

use anyhow::Result;
use serde_json::{Value, json};

use super::{SOON, Shop, deployment};
use crate::cue::{self, Cue};
use crate::story::Story;

/// `p00`, `p01` and so on, in production.
#[derive(Debug)]
pub struct Fleet<'a> {
    t: &'a Story,
    /// Where pipelines and releases live.
    pub home: String,
    /// Where they run.
    pub ns: String,
    size: usize,
}

impl<'a> Fleet<'a> {
    /// The namespaces and the Environment; nothing in them yet.
    pub async fn open(t: &'a Story, size: usize) -> Result<Self> {
        let home = t.ns("shop").await?;
        let ns = Shop::place(t, &home, "production").await?;
        Ok(Self { t, home, ns, size })
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.size).map(|number| format!("p{number:02}"))
    }

    /// Deployments that serve revision 0, and pipelines whose only stage says so beside its name; all have adopted.
    pub async fn adopt(&self, stage: &Value) -> Result<()> {
        let old = cue::image("app", Cue::Good, "revision-0");
        self.each(|name| deployment(&self.ns, name, 1, &old)).await?;
        self.all("deploy", &self.ns, "the Deployments to be available", |v| v["status"]["availableReplicas"] == 1)
            .await?;
        self.each(|name| self.pipeline(name, stage)).await?;
        let is_adopted = |v: &Value| v["status"]["stages"][0]["current"]["healthy"] == true;
        self.all("dp", &self.home, "the pipelines to adopt", is_adopted).await
    }

    /// A release for each, under its name.
    pub async fn release(&self) -> Result<()> {
        let image = cue::image("app", Cue::Good, "1.0.0");
        let spec = |name: &str| {
            json!({"pipeline": name, "requestedBy": "maria", "build": {"version": "1.0.0",
            "createdAt": "2026-01-01T10:00:00Z", "images": [{"name": "app", "ref": image}]}})
        };
        self.each(|name| self.object("Release", name, &spec(name))).await
    }

    /// Waits until each object of that kind is so.
    pub async fn all(&self, kind: &str, ns: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
        for name in self.names() {
            self.t.until(SOON, what, (kind, ns, &name), &is_so).await?;
        }
        Ok(())
    }

    async fn each(&self, object: impl Fn(&str) -> Value) -> Result<()> {
        let all: Vec<String> = self.names().map(|name| object(&name).to_string()).collect();
        self.t.apply(&all.join("\n---\n")).await.map(drop)
    }

    fn pipeline(&self, name: &str, stage: &Value) -> Value {
        let mut stage = stage.clone();
        stage["environment"] = json!("production");
        let spec = json!({
            "images": [{"name": "app", "repository": cue::repository("app")}],
            "workloads": [{"kind": "Deployment", "name": name, "containers": [{"name": "app", "imageName": "app"}]}],
            "stages": [stage],
        });
        self.object("DeliveryPipeline", name, &spec)
    }

    fn object(&self, kind: &str, name: &str, spec: &Value) -> Value {
        json!({"apiVersion": "windlass.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": self.home}, "spec": spec})
    }
}
