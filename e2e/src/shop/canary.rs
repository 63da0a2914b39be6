//! A canary in the shop's production: its steps, its clone, and what people see of it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{SOON, Shop, stage_of};
use crate::story::{number, text};

/// The name of the clone of the shop's workload.
pub const CLONE: &str = "checkout-canary";
/// The same of blue-green.
pub const GREEN: &str = "checkout-green";

/// Makes production a canary of these steps.
pub fn canary(pipeline: &mut Value, steps: &Value) {
    pipeline["spec"]["stages"][1]["strategy"] = json!({"canary": {"steps": steps}});
}

/// The exposure of a release in production, as `step asked real`; empty where there is none.
pub fn share(release: &Value) -> String {
    let exposure = &stage_of(release, "production")["exposure"];
    match (exposure["step"].as_str(), &exposure["asked"], &exposure["real"]) {
        (Some(step), asked, Value::Null) => format!("{step} {asked} -"),
        (Some(step), asked, real) => format!("{step} {asked} {real}"),
        (None, ..) => String::new(),
    }
}

impl Shop<'_> {
    /// Adopts a pipeline whose production is a canary, beside so many pods.
    pub async fn adopt_canary(&self, pods: i64, steps: Value) -> Result<()> {
        self.scale(pods).await?;
        self.adopt(|pipeline| canary(pipeline, &steps)).await
    }

    /// Sets the number of pods of the workload in production, and waits for them.
    pub async fn scale(&self, pods: i64) -> Result<()> {
        let spec = json!({"spec": {"replicas": pods}});
        self.story().patch("deploy", &self.production, "checkout", &spec).await?;
        self.available(&self.production, "checkout").await
    }

    /// The clone in production, if there is one.
    pub async fn clone(&self) -> Result<Option<Value>> {
        self.story().find_json("deploy", &self.production, CLONE).await
    }

    /// Waits until the clone has so many pods available.
    pub async fn exposed(&self, pods: i64) -> Result<Value> {
        self.cloned(CLONE, pods).await
    }

    /// The same of a clone of that name.
    pub async fn cloned(&self, name: &str, pods: i64) -> Result<Value> {
        let is_so = |v: &Value| number(v, "/spec/replicas") == pods && number(v, "/status/availableReplicas") == pods;
        let what = format!("{name} to have {pods} pods");
        self.story().until(SOON, &what, ("deploy", &self.production, name), is_so).await
    }

    /// Waits until a release shows that share in production.
    pub async fn shows(&self, version: &str, wanted: &str) -> Result<Value> {
        let what = format!("{version} to show the share {wanted}");
        let of = ("release", self.home.as_str(), &*format!("checkout-{version}"));
        self.story().until(SOON, &what, of, |v| share(v) == wanted).await
    }

    /// Waits until there is no clone, and none of its pods.
    pub async fn home(&self) -> Result<()> {
        for name in [CLONE, GREEN] {
            self.gone("deploy", &self.production, name).await?;
        }
        let none = || async {
            let left = self.story().pods(&self.production, "windlass.dev/track in (canary,green)").await?;
            Ok(left.is_empty().then_some(()))
        };
        self.story().eventually(SOON, "the clone's pods to be gone", none).await
    }

    /// The workload in production was not written: image and generation are those.
    pub async fn untouched(&self, image: &str, generation: i64) -> Result<()> {
        let stable = self.story().get_json("deploy", &self.production, "checkout").await?;
        let (now, at) =
            (text(&stable, "/spec/template/spec/containers/0/image"), number(&stable, "/metadata/generation"));
        ensure!(
            now == image && at == generation,
            "the workload runs {now} at generation {at}, not {image} at {generation}"
        );
        Ok(())
    }

    /// Waits until the workload in production is on its way home: written with that image, and not yet rolled to it.
    pub async fn rolls_home(&self, image: &str) -> Result<()> {
        let rolls = || async {
            let state = self.stage("production").await?["rollout"]["state"].clone();
            Ok((state["homing"].is_object() && self.is_rolling(image).await?).then_some(()))
        };
        self.story().eventually(SOON, "the workload to be rolled on its way home", rolls).await
    }

    /// Whether the workload in production is to run that image, and is not all of it yet.
    pub async fn is_rolling(&self, image: &str) -> Result<bool> {
        let now = self.story().get_json("deploy", &self.production, "checkout").await?;
        let wanted = number(&now, "/spec/replicas");
        let counts = ["/status/replicas", "/status/updatedReplicas", "/status/availableReplicas"];
        let is_seen = now["status"]["observedGeneration"] == now["metadata"]["generation"];
        let is_whole = is_seen && counts.iter().all(|count| number(&now, count) == wanted);
        Ok(text(&now, "/spec/template/spec/containers/0/image") == image && !is_whole)
    }

    /// The generation of the workload in production.
    pub async fn generation(&self) -> Result<i64> {
        Ok(number(&self.story().get_json("deploy", &self.production, "checkout").await?, "/metadata/generation"))
    }
}
