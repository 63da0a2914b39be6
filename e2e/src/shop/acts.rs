//! What people do in the shop, and what they look at afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{SOON, Shop, merge, stage_of, stage_phase};
use crate::cue::{self, Cue};
use crate::story::{Story, text};

/// How long a story watches that something does not happen.
pub const A_WHILE: Duration = Duration::from_millis(2000);

impl Shop<'_> {
    /// A Decision by `joe` about one environment. Gives its name.
    pub async fn decide_in(&self, environment: &str, r#type: &str, fields: Value) -> Result<String> {
        let mut all = json!({"environment": environment});
        merge(&mut all, &fields);
        self.decide(r#type, all).await
    }

    /// A Decision about a release in one environment. Gives its name.
    pub async fn decide_on(&self, version: &str, environment: &str, r#type: &str) -> Result<String> {
        self.decide_in(environment, r#type, json!({"release": format!("checkout-{version}")})).await
    }

    /// Waits until a Decision is refused in words that contain `why`.
    pub async fn refused(&self, decision: &str, why: &str) -> Result<()> {
        let reason = self.decided(decision, "Refused").await?;
        ensure!(reason.contains(why), "{decision} is refused with: {reason}");
        Ok(())
    }

    /// The story that is told here.
    pub fn story(&self) -> &Story {
        self.t
    }

    /// `kubectl create -f -`; gives `kind/name` of what it made.
    pub async fn kubectl_create(&self, yaml: &str) -> Result<String> {
        self.t.kubectl_with_input(["create", "-o", "name", "-f", "-"], yaml).await?.ok()
    }

    /// `kubectl set image` of the container `app`: a person's own change.
    pub async fn set_image(&self, ns: &str, name: &str, image: &str) -> Result<()> {
        let (what, how) = (format!("deployment/{name}"), format!("app={image}"));
        self.t.kubectl(["set", "image", "-n", ns, &what, &how]).await?.ok().map(drop)
    }

    /// Sets or clears `spec.paused` of a release.
    pub async fn pause(&self, version: &str, paused: bool) -> Result<()> {
        let name = format!("checkout-{version}");
        self.t.patch("release", &self.home, &name, &json!({"spec": {"paused": paused}})).await.map(drop)
    }

    /// The release as it is now.
    pub async fn look(&self, version: &str) -> Result<Value> {
        self.t.get_json("release", &self.home, &format!("checkout-{version}")).await
    }

    /// Waits until a release is what runs in an environment, and nothing is under way there.
    pub async fn rests(&self, version: &str, environment: &str) -> Result<Value> {
        let what = format!("{version} to be what runs in {environment}, with nothing under way there");
        let is_at_rest = |v: &Value| {
            let stage = stage_of(v, environment);
            text(stage, "/current/version") == version && stage["rollout"].is_null()
        };
        self.t.until(SOON, &what, ("dp", &self.home, "checkout"), is_at_rest).await
    }

    /// Waits until a release says that it waits for something that contains `what`.
    pub async fn waits(&self, version: &str, what: &str) -> Result<Value> {
        let told = format!("release {version} to wait for: {what}");
        let of = ("release", self.home.as_str(), &*format!("checkout-{version}"));
        self.t.until(SOON, &told, of, |v| text(v, "/status/waitingFor").contains(what)).await
    }

    /// Watches for a while that the container `app` of a Deployment keeps its image.
    pub async fn keeps(&self, ns: &str, name: &str, image: &str) -> Result<()> {
        let check = || async {
            let now = self.image(ns, name).await?;
            Ok((now != image).then_some(now))
        };
        self.t.never(A_WHILE, &format!("{name} in {ns} gets another image than {image}"), check).await
    }

    /// Release and outcome of each line of history, oldest first; without the adoption.
    pub async fn history(&self, environment: &str) -> Result<Vec<(String, String)>> {
        let stage = self.stage(environment).await?;
        let lines = stage["history"].as_array().cloned().unwrap_or_default();
        let lines = lines.iter().filter(|line| text(line, "/outcome") != "Adopted");
        Ok(lines.map(|line| (text(line, "/release").to_owned(), text(line, "/outcome").to_owned())).collect())
    }

    /// The Decisions of a type.
    pub async fn decisions(&self, r#type: &str) -> Result<Vec<Value>> {
        let mut all = self.t.list_json("decision", &self.home, "").await?;
        all.retain(|d| text(d, "/spec/type") == r#type);
        Ok(all)
    }

    /// Reports the open TestRun of a release in an environment, as CI does, once it is there.
    pub async fn report(&self, version: &str, environment: &str, phase: &str) -> Result<String> {
        self.reports(version, environment, json!({"phase": phase})).await
    }

    /// The same with more than a phase. Gives the TestRun's name.
    pub async fn reports(&self, version: &str, environment: &str, status: Value) -> Result<String> {
        let release = format!("checkout-{version}");
        let is_open = |v: &Value| {
            text(v, "/spec/release") == release
                && text(v, "/spec/environment") == environment
                && matches!(text(v, "/status/phase"), "" | "Pending" | "Running")
        };
        let is_open = &is_open;
        let find = || async move {
            let runs = self.t.list_json("testrun", &self.home, "").await?;
            Ok(runs.iter().find(|v| is_open(v)).map(|v| text(v, "/metadata/name").to_owned()))
        };
        let name = self.t.eventually(SOON, &format!("an open TestRun of {version} in {environment}"), find).await?;
        self.t.patch_status("testrun", &self.home, &name, &json!({"status": status})).await?;
        Ok(name)
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, kind: &str, ns: &str, name: &str) -> Result<()> {
        let find = || async { Ok(self.t.find_json(kind, ns, name).await?.is_none().then_some(())) };
        self.t.eventually(SOON, &format!("{kind} {name} to be gone"), find).await
    }

    /// A second workload `worker` of the same image in both places. Add it to the pipeline with `with_worker`.
    pub async fn hire_worker(&self) -> Result<()> {
        for ns in [&self.staging, &self.production] {
            self.deployment(ns, "worker", 1, &cue::image("app", Cue::Good, "revision-0")).await?;
        }
        for ns in [&self.staging, &self.production] {
            self.available(ns, "worker").await?;
        }
        Ok(())
    }

    /// Kind, name and resource version of all that the operator writes. A write anywhere changes it.
    pub async fn versions(&self) -> Result<BTreeMap<String, String>> {
        let mut seen = BTreeMap::new();
        for kind in ["dp", "release", "environment", "testrun", "decision", "event"] {
            self.note_versions(kind, &self.home, &mut seen).await?;
        }
        for ns in [&self.staging, &self.production] {
            self.note_versions("deploy", ns, &mut seen).await?;
        }
        Ok(seen)
    }

    async fn note_versions(&self, kind: &str, ns: &str, seen: &mut BTreeMap<String, String>) -> Result<()> {
        for object in self.t.list_json(kind, ns, "").await? {
            let name = format!("{kind} {ns}/{}", text(&object, "/metadata/name"));
            seen.insert(name, text(&object, "/metadata/resourceVersion").to_owned());
        }
        Ok(())
    }

    /// Waits until nothing has been written for a moment.
    pub async fn quiet(&self) -> Result<BTreeMap<String, String>> {
        let two_looks = || async {
            let before = self.versions().await?;
            tokio::time::sleep(A_WHILE / 3).await;
            let after = self.versions().await?;
            Ok((after == before).then_some(after))
        };
        self.t.eventually(SOON, "a moment in which nothing is written", two_looks).await
    }

    /// Watches for a while that nothing is written, once what was under way has been.
    pub async fn is_still(&self, what: &str) -> Result<()> {
        let before = self.quiet().await?;
        let before = &before;
        let check = || async move {
            let now = self.versions().await?;
            let changed = now.iter().find(|(name, version)| before.get(*name) != Some(*version));
            Ok(changed.map(|(name, _)| name.clone()))
        };
        self.t.never(A_WHILE, what, check).await
    }

    /// The phase of a release in an environment, as it is now.
    pub async fn phase_now(&self, version: &str, environment: &str) -> Result<String> {
        Ok(stage_phase(&self.look(version).await?, environment).to_owned())
    }

    /// A field of the pipeline's stage, which must be there.
    pub async fn stage_text(&self, environment: &str, pointer: &str) -> Result<String> {
        let stage = self.stage(environment).await?;
        let found = stage.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("{environment} has no {pointer}: {stage}"))
    }
}

/// Lets the pipeline deliver `worker` after `checkout`.
pub fn with_worker(pipeline: &mut Value) {
    let worker = json!({"kind": "Deployment", "name": "worker", "containers": [{"name": "app", "imageName": "app"}]});
    if let Some(workloads) = pipeline["spec"]["workloads"].as_array_mut() {
        workloads.push(worker);
    }
}

/// Gives a stage one suite that CI reports.
pub fn with_external_suite(pipeline: &mut Value, stage: usize) {
    pipeline["spec"]["stages"][stage]["tests"] = json!([{"suite": "api", "external": {}}]);
}
