//! Each cue of a running pod, and pods that a story breaks while they run.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::deployment;
use crate::cue::{self, Cue};
use crate::story::{Break, Story, condition, number, text};

const SOON: Duration = Duration::from_secs(60);
const CUES: [Cue; 8] = [
    Cue::NeverReady,
    Cue::CrashLoop,
    Cue::Flap,
    Cue::PullError,
    Cue::LosesReady,
    Cue::Hang,
    Cue::ConfigError,
    Cue::Slow,
];

pub(super) async fn behave(t: &Story, ns: &str) -> Result<()> {
    for cue in CUES {
        t.apply_in(ns, &deployment(cue.word(), 1, &cue::image("app", cue, "1"))).await?;
    }
    futures::try_join!(
        stuck(t, ns, Cue::PullError, "ImagePullBackOff"),
        stuck(t, ns, Cue::Hang, "ContainerCreating"),
        stuck(t, ns, Cue::ConfigError, "CreateContainerConfigError"),
        crashes(t, ns),
        flaps(t, ns),
        turns(t, ns),
        never_ready(t, ns),
        broken_and_mended(t, ns),
    )?;
    Ok(())
}

/// The pod of a cue's Deployment, once `holds`.
async fn pod(t: &Story, ns: &str, cue: Cue, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
    let (holds, selector) = (&holds, format!("app={}", cue.word()));
    let selector = selector.as_str();
    t.eventually(SOON, &format!("{}: {what}", cue.word()), || async move {
        let pods = t.pods(ns, selector).await?;
        let found = pods.iter().find(|pod| holds(pod)).cloned();
        ensure!(found.is_some(), "seen: {pods:?}");
        Ok(found)
    })
    .await
}

/// The status of the container that has the cue; the other one is fine.
fn app<'a>(pod: &'a Value, pointer: &str) -> &'a str {
    text(pod, &format!("/status/containerStatuses/0{pointer}"))
}

fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready", "status") == "True"
}

async fn stuck(t: &Story, ns: &str, cue: Cue, reason: &str) -> Result<()> {
    let seen = pod(t, ns, cue, reason, |pod| app(pod, "/state/waiting/reason") == reason).await?;
    ensure!(text(&seen, "/status/phase") == "Pending" && !is_ready(&seen), "it is {seen}");
    ensure!(seen.pointer("/status/containerStatuses/1/ready") == Some(&Value::Bool(true)), "the other one is fine");
    Ok(())
}

async fn crashes(t: &Story, ns: &str) -> Result<()> {
    let loops = |pod: &Value| {
        app(pod, "/state/waiting/reason") == "CrashLoopBackOff" && number(pod, "/status/containerStatuses/0/restartCount") >= 2
    };
    let seen = pod(t, ns, Cue::CrashLoop, "CrashLoopBackOff after two restarts", loops).await?;
    ensure!(app(&seen, "/lastState/terminated/reason") == "Error" && !is_ready(&seen), "it is {seen}");
    Ok(())
}

async fn flaps(t: &Story, ns: &str) -> Result<()> {
    for round in 1..=2 {
        pod(t, ns, Cue::Flap, "ready", is_ready).await?;
        let down = |pod: &Value| !is_ready(pod) && number(pod, "/status/containerStatuses/0/restartCount") >= round - 1;
        pod(t, ns, Cue::Flap, "not ready", down).await?;
    }
    Ok(())
}

async fn turns(t: &Story, ns: &str) -> Result<()> {
    let good = async {
        pod(t, ns, Cue::LosesReady, "ready at first", is_ready).await?;
        pod(t, ns, Cue::LosesReady, "then not", |pod| !is_ready(pod)).await
    };
    let slow = async {
        let running = |pod: &Value| text(pod, "/status/phase") == "Running" && !is_ready(pod);
        pod(t, ns, Cue::Slow, "running and not ready", running).await?;
        pod(t, ns, Cue::Slow, "then ready", is_ready).await
    };
    futures::try_join!(good, slow)?;
    Ok(())
}

async fn never_ready(t: &Story, ns: &str) -> Result<()> {
    let running = |pod: &Value| text(pod, "/status/phase") == "Running" && !is_ready(pod);
    pod(t, ns, Cue::NeverReady, "running and not ready", running).await?;
    t.never(Duration::from_secs(3), "it became ready", || async {
        let pods = t.pods(ns, "app=never-ready").await?;
        Ok(pods.iter().find(|pod| is_ready(pod)).map(Value::to_string))
    })
    .await
}

/// Three ready pods: one is broken and stays so, then all crash, then all are mended.
async fn broken_and_mended(t: &Story, ns: &str) -> Result<()> {
    t.apply_in(ns, &deployment("broken", 3, &cue::image("app", Cue::Good, "1"))).await?;
    let ready = |count: i64| move |seen: &Value| number(seen, "/status/readyReplicas") == count;
    let of = ("deployment", ns, "broken");
    t.until(SOON, "three are ready", of, ready(3)).await?;
    t.break_some(ns, "app=broken", Break::Unready, 1).await?;
    t.until(SOON, "two are ready", of, ready(2)).await?;
    t.break_pods(ns, "app=broken", Break::CrashLoop).await?;
    t.until(SOON, "none is ready", of, ready(0)).await?;
    let healed = || async { Ok((number(&t.status_of("deployment", ns, "broken").await?, "/readyReplicas") > 0).then(String::new)) };
    t.never(Duration::from_secs(2), "they healed by themselves", healed).await?;
    t.break_pods(ns, "app=broken", Break::Mended).await?;
    t.until(SOON, "three are ready again", of, ready(3)).await.map(|_| ())
}
