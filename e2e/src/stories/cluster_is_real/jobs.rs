//! Each cue of a Job's pod: by its image, and by the variable `BEHAVE`.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cue::{self, Cue};
use crate::story::{Story, condition, number, text};

const SOON: Duration = Duration::from_secs(60);
/// Each with the exit code that it ends with; the others do not end.
const CUES: [(Cue, Option<i64>); 7] = [
    (Cue::Good, Some(0)),
    (Cue::JobFails, Some(1)),
    (Cue::JobOom, Some(137)),
    (Cue::JobExit126, Some(126)),
    (Cue::JobDisrupted, Some(143)),
    (Cue::JobPullError, None),
    (Cue::JobHangs, None),
];

pub(super) async fn behave(t: &Story, ns: &str) -> Result<()> {
    for (cue, _) in CUES {
        let by_image = cue::image("tests", cue, "1");
        t.apply_in(ns, &job(&format!("image-{}", cue.word()), &by_image, "[]")).await?;
        let by_word = format!("[{{name: BEHAVE, value: {}}}, {{name: TAKES, value: 300ms}}]", cue.word());
        t.apply_in(ns, &job(&format!("word-{}", cue.word()), "registry.test/tests", &by_word)).await?;
    }
    for (cue, code) in CUES {
        for way in ["image", "word"] {
            ends(t, ns, &format!("{way}-{}", cue.word()), code).await?;
        }
    }
    reports(t, ns).await?;
    job_is_killed(t, ns).await
}

fn job(name: &str, image: &str, env: &str) -> String {
    format!(
        "
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  backoffLimit: 0
  template:
    spec: {{restartPolicy: Never, containers: [{{name: tests, image: \"{image}\", env: {env}}}]}}
"
    )
}

/// The pod of a Job, once `holds`.
async fn pod(t: &Story, ns: &str, job: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let (holds, selector) = (&holds, format!("job-name={job}"));
    let selector = selector.as_str();
    t.eventually(SOON, &format!("{job}: {what}"), || async move {
        let pods = t.pods(ns, selector).await?;
        let found = pods.iter().find(|pod| holds(pod)).cloned();
        ensure!(found.is_some(), "seen: {pods:?}");
        Ok(found)
    })
    .await
}

async fn ends(t: &Story, ns: &str, job: &str, code: Option<i64>) -> Result<()> {
    let exit = "/status/containerStatuses/0/state/terminated/exitCode";
    let Some(code) = code else {
        let seen = pod(t, ns, job, "began", |pod| pod.pointer("/status/startTime").is_some()).await?;
        ensure!(seen.pointer(exit).is_none(), "it ended: {seen}");
        return Ok(());
    };
    let seen = pod(t, ns, job, "ended", |pod| pod.pointer(exit).is_some()).await?;
    ensure!(number(&seen, exit) == code, "{job} ended with {}", number(&seen, exit));
    let disrupted = condition(&seen, "DisruptionTarget", "status") == "True";
    ensure!(disrupted == (code == 143), "{job}: DisruptionTarget is {disrupted}");
    let ended = if code == 0 { "Complete" } else { "Failed" };
    let holds = |seen: &Value| condition(seen, ended, "status") == "True";
    t.until(SOON, &format!("the Job is {ended}"), ("job", ns, job), holds).await.map(|_| ())
}

/// The termination messages, and a pull error that is called so.
async fn reports(t: &Story, ns: &str) -> Result<()> {
    let message = "/status/containerStatuses/0/state/terminated/message";
    for (job, report) in [
        ("image-pass", r#"{"total":3,"passed":3,"failed":0}"#),
        ("image-fail", r#"{"total":3,"passed":2,"failed":1,"failing":["login"]}"#),
    ] {
        pod(t, ns, job, "its report", |pod| text(pod, message) == report).await?;
    }
    let reason = "/status/containerStatuses/0/state";
    pod(t, ns, "image-oom", "OOMKilled", |pod| text(pod, &format!("{reason}/terminated/reason")) == "OOMKilled").await?;
    let pulls = |pod: &Value| text(pod, &format!("{reason}/waiting/reason")) == "ImagePullBackOff";
    pod(t, ns, "word-pull", "ImagePullBackOff", pulls).await.map(|_| ())
}

/// A Job that hangs is ended by its deadline: its pod is gone or failed, and the Job says so.
async fn job_is_killed(t: &Story, ns: &str) -> Result<()> {
    let deadline = serde_json::json!({ "spec": { "activeDeadlineSeconds": 1 } });
    t.patch("job", ns, "image-hang", &deadline).await?;
    let failed = |seen: &Value| condition(seen, "Failed", "reason") == "DeadlineExceeded";
    t.until(SOON, "the deadline ended it", ("job", ns, "image-hang"), failed).await.map(|_| ())
}
