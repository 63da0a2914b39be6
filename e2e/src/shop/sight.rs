//! Waiting for a state of the shop, and writing its images behind the operator's back.

use anyhow::Result;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{SOON, Shop, stage_of};
use crate::story::{condition, text};

impl Shop<'_> {
    /// Waits for a state of one stage in the pipeline's status; gives the stage.
    pub async fn stage_until(&self, environment: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let seen = self.pipeline_until(what, |v| holds(stage_of(v, environment))).await?;
        Ok(stage_of(&seen, environment).clone())
    }

    /// Waits until an object is Stalled for that reason; gives the message.
    pub async fn stalled(&self, kind: &str, name: &str, reason: &str) -> Result<String> {
        let what = format!("{kind} {name} to be Stalled for {reason}");
        let is_so =
            |v: &Value| condition(v, "Stalled", "status") == "True" && condition(v, "Stalled", "reason") == reason;
        let seen = self.t.until(SOON, &what, (kind, &self.home, name), is_so).await?;
        Ok(condition(&seen, "Stalled", "message").to_owned())
    }

    /// Waits until the Deployment `checkout` of that namespace is to run the image.
    pub async fn comes_to_run(&self, ns: &str, image: &str) -> Result<()> {
        let what = format!("{ns} to run {image}");
        let of = ("deploy", ns, "checkout");
        self.t.until(SOON, &what, of, |v| text(v, "/spec/template/spec/containers/0/image") == image).await.map(drop)
    }

    /// Writes the image of container `app` of the Deployment `checkout` as `manager`, the way GitOps tools do.
    pub async fn write_image(&self, ns: &str, manager: &str, image: &str) -> Result<()> {
        let spec = json!({"template": {"spec": {"containers": [{"name": "app", "image": image}]}}});
        let body =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "checkout"}, "spec": spec});
        let api = self.t.cluster().objects().api("deploy", ns).await?;
        api.patch("checkout", &PatchParams::apply(manager).force(), &Patch::Apply(&body)).await?;
        Ok(())
    }
}

/// The lines of a stage's history that say how a rollout ended: release and outcome.
pub fn endings(stage: &Value) -> Vec<(String, String)> {
    let lines = stage["history"].as_array().cloned().unwrap_or_default();
    let is_ending = |line: &&Value| !["Adopted", "ConfigChanged", "Restored"].contains(&text(line, "/outcome"));
    let pair = |line: &Value| (text(line, "/release").to_owned(), text(line, "/outcome").to_owned());
    lines.iter().filter(is_ending).map(pair).collect()
}
