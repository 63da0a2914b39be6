//! Hooks of the shop: their CronJobs, and which of their Jobs have run.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Shop, stage_of};
use crate::story::text;

/// A hook made from the CronJob of its name, with the build's image in the container `test`.
pub fn hook(name: &str) -> Value {
    json!({"name": name, "job": {"cronJob": name, "containers": [{"name": "test", "imageName": "app"}]}})
}

impl Shop<'_> {
    /// The hooks of a release in an environment as it tells them: `before/migrate Passed`.
    pub async fn hooks(&self, version: &str, environment: &str) -> Result<Vec<String>> {
        let release = self.t.get_json("release", &self.home, &format!("checkout-{version}")).await?;
        let told = stage_of(&release, environment)["hooks"].as_array().cloned().unwrap_or_default();
        let line = |h: &Value| format!("{}/{} {}", text(h, "/point"), text(h, "/name"), text(h, "/phase"));
        Ok(told.iter().map(line).collect())
    }

    /// The Jobs that got a pod in a namespace, in that order, by the hook or suite that they were for.
    pub async fn jobs_run(&self, ns: &str) -> Result<Vec<String>> {
        let mut events = self.t.list_json("events.events.k8s.io", ns, "").await?;
        events.retain(|e| text(e, "/regarding/kind") == "Job" && text(e, "/reason") == "SuccessfulCreate");
        events.sort_by_key(version_of);
        let name = |e: &Value| text(e, "/regarding/name").rsplitn(3, '-').last().map(str::to_owned).unwrap_or_default();
        Ok(events.iter().map(name).collect())
    }
}

/// Events carry whole seconds; the order in which the server took them is in their versions.
fn version_of(event: &Value) -> u64 {
    text(event, "/metadata/resourceVersion").parse().unwrap_or_default()
}
