//! What is to be seen in the shop, and the suites that stories put there.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{SOON, Shop, cron_job, stage_of};
use crate::cue::{self, Cue};
use crate::story::{condition, text};

impl Shop<'_> {
    /// The image that runs before any release.
    pub fn revision_0() -> String {
        cue::image("app", Cue::Good, "revision-0")
    }

    /// A suspended CronJob for suites, whose container `test` behaves as `BEHAVE` says, else as its image does.
    pub async fn suite(&self, ns: &str, name: &str, behave: Option<Cue>) -> Result<()> {
        let env = behave.map_or(json!([]), |cue| json!([{"name": "BEHAVE", "value": cue.word()}]));
        self.t.apply(&cron_job(ns, name, &env).to_string()).await.map(drop)
    }

    /// Waits until something holds of a release.
    pub async fn until(&self, version: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let what = format!("{version}: {what}");
        self.t.until(SOON, &what, ("release", &self.home, &format!("checkout-{version}")), holds).await
    }

    /// Waits until something holds of the pipeline.
    pub async fn pipeline_until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        self.t.until(SOON, what, ("dp", &self.home, "checkout"), holds).await
    }

    /// Waits until nothing is under way in one stage.
    pub async fn calm(&self, environment: &str) -> Result<Value> {
        let what = format!("the rollout in {environment} to have ended");
        let pipeline = self.pipeline_until(&what, |v| stage_of(v, environment)["rollout"].is_null()).await?;
        Ok(stage_of(&pipeline, environment).clone())
    }

    /// The newest line of a stage's history.
    pub async fn last(&self, environment: &str) -> Result<Value> {
        Ok(last(&self.stage(environment).await?))
    }

    /// The records of builds that failed.
    pub async fn bans(&self) -> Result<Vec<Value>> {
        let mut all = self.t.list_json("decision", &self.home, "").await?;
        all.retain(|d| text(d, "/spec/type") == "Ban");
        Ok(all)
    }

    /// Makes sure that `checkout` is to run that image.
    pub async fn runs(&self, ns: &str, image: &str) -> Result<()> {
        let found = self.image(ns, "checkout").await?;
        ensure!(found == image, "{ns} runs {found}, not {image}");
        Ok(())
    }

    /// Makes sure that nobody has written to `checkout` since the shop opened.
    pub async fn is_untouched(&self, ns: &str) -> Result<()> {
        let found = self.t.get_json("deploy", ns, "checkout").await?;
        ensure!(found["metadata"]["generation"] == 1, "{ns} was written to: {}", found["spec"]);
        ensure!(!found["metadata"]["annotations"].to_string().contains("windlass.dev"), "{}", found["metadata"]);
        Ok(())
    }

    /// The TestRuns of a release in an environment.
    pub async fn test_runs(&self, version: &str, environment: &str) -> Result<Vec<Value>> {
        let selector = format!("windlass.dev/release=checkout-{version},windlass.dev/environment={environment}");
        self.t.list_json("testrun", &self.home, &selector).await
    }

    /// Makes sure that an event with that reason is told of a release.
    pub async fn told(&self, version: &str, reason: &str) -> Result<String> {
        let name = format!("checkout-{version}");
        let what = format!("an event {reason} of {name}");
        let found = self.t.eventually(SOON, &what, || async {
            let events = self.t.list_json("events.events.k8s.io", &self.home, "").await?;
            let is_it = |e: &&Value| text(e, "/regarding/name") == name && text(e, "/reason") == reason;
            Ok(events.iter().find(is_it).map(|e| text(e, "/note").to_owned()))
        });
        found.await
    }
}

/// A suite run as a Job from a CronJob of that name, in which the build's image `app` is tested.
pub fn job_suite(name: &str) -> Value {
    json!({"suite": name, "job": {"cronJob": name, "containers": [{"name": "test", "imageName": "app"}]}})
}

/// The newest line of history in a stage's status; null where there is none.
pub fn last(stage: &Value) -> Value {
    stage["history"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default()
}

/// What kstatus goes by: `Ready`, `Reconciling` and `Stalled`, as `True/False/False`, and the reason of the first.
pub fn readiness(object: &Value) -> String {
    let status = |kind| condition(object, kind, "status");
    format!(
        "{}/{}/{} {}",
        status("Ready"),
        status("Reconciling"),
        status("Stalled"),
        condition(object, "Ready", "reason")
    )
}
