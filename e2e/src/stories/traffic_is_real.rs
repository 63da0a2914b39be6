//! Requests go through Traefik to the pods by the weights of an HTTPRoute; a patch of them shows at once and loses
//! nothing; a rollout loses nothing; and what does fail is counted.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::story::{Break, Story, text};
use crate::traffic::Client;

const HOST: &str = "shop.example";
const A_WHILE: Duration = Duration::from_secs(3);

pub async fn run(t: &Story) -> Result<()> {
    let ns = t.ns("traffic").await?;
    let image = |seed: &str| cue::image("app", Cue::Good, seed);
    let (stable, canary) = (image("stable"), image("canary"));
    futures::try_join!(t.backend(&ns, "stable", 3, &stable), t.backend(&ns, "canary", 2, &canary))?;
    t.route(&ns, "shop", HOST, &[("stable", 90), ("canary", 10)]).await?;
    let client = t.traffic()?.client(HOST, 150);
    settled(t, &client, &canary, 0.1).await?;
    let counts = client.over(A_WHILE).await;
    counts.none_failed()?;
    counts.image_has(&stable, 0.9)?;
    counts.image_has(&canary, 0.1)?;
    ensure!(counts.by_pod().len() == 5, "not every pod answers: {:?}", counts.by_pod());
    a_patch_shows(t, &ns, &client, &canary).await?;
    a_rollout_loses_nothing(t, &ns, &client, &image("next")).await?;
    what_fails_is_counted(t, &ns, &client).await?;
    drop(client);
    each_answers_on_cue(t, &ns).await
}

/// Weights in force: a router may take a moment for its first look at the endpoints.
async fn settled(t: &Story, client: &Client, image: &str, weight: f64) -> Result<()> {
    t.eventually(Duration::from_secs(60), "the share follows the weight", || async {
        client.over(Duration::from_secs(1)).await.image_has(image, weight).map(Some)
    })
    .await
}

async fn a_patch_shows(t: &Story, ns: &str, client: &Client, canary: &str) -> Result<()> {
    let before = client.mark();
    let api = t.cluster().objects().api("httproute", ns).await?;
    let at = |index: usize| format!("/spec/rules/0/backendRefs/{index}/weight");
    let patch = serde_json::from_value(json!([
        {"op": "test", "path": at(0), "value": 90}, {"op": "replace", "path": at(0), "value": 50},
        {"op": "test", "path": at(1), "value": 10}, {"op": "replace", "path": at(1), "value": 50},
    ]))?;
    let patched = Instant::now();
    api.patch("shop", &PatchParams::default(), &Patch::<()>::Json(patch)).await?;
    t.route_accepted(ns, "shop").await?;
    settled(t, client, canary, 0.5).await?;
    // a second of it is the second that was counted
    ensure!(patched.elapsed() < Duration::from_secs(20), "the patch took {:?} to show", patched.elapsed());
    client.over(A_WHILE).await.image_has(canary, 0.5)?;
    client.since(before).await.none_failed()
}

async fn a_rollout_loses_nothing(t: &Story, ns: &str, client: &Client, next: &str) -> Result<()> {
    let before = client.mark();
    t.backend(ns, "canary", 2, next).await?;
    settled(t, client, next, 0.5).await?;
    // the old pods end after their preStop sleep, when the rollout is over
    t.eventually(Duration::from_secs(30), "the old pods are gone", || async {
        Ok((t.pods(ns, "app=canary").await?.len() == 2).then_some(()))
    })
    .await?;
    client.over(Duration::from_secs(1)).await;
    client.since(before).await.none_failed()
}

async fn what_fails_is_counted(t: &Story, ns: &str, client: &Client) -> Result<()> {
    t.pods_answer(ns, "app=canary", Cue::Errors).await?;
    let counts = t
        .eventually(Duration::from_secs(30), "a quarter of all fails", || async {
            let counts = client.over(Duration::from_secs(1)).await;
            ensure!(counts.none_failed().is_err(), "none failed of {}", counts.total());
            ensure!(crate::traffic::is_share(counts.failed(), counts.total(), 0.25), "{} failed", counts.failed());
            Ok(Some(counts))
        })
        .await?;
    let of_canary = |pod: &str| pod.starts_with(&format!("{ns}/canary"));
    let mut failed = counts.answers().iter().filter(|answer| answer.has_failed());
    ensure!(failed.all(|answer| answer.status == 500 && of_canary(&answer.pod)), "another failed too: {counts:?}");
    t.pods_answer(ns, "app=canary", Cue::Good).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.over(A_WHILE).await.none_failed()
}

/// Asked at its own address: cues of the image, and what does not run or is not ready.
async fn each_answers_on_cue(t: &Story, ns: &str) -> Result<()> {
    let ip = async |cue: Cue| {
        t.backend(ns, cue.word(), 1, &cue::image("app", cue, "cued")).await?;
        let pods = t.pods(ns, &format!("app={}", cue.word())).await?;
        anyhow::Ok(pods.first().map(|pod| text(pod, "/status/podIP")).unwrap_or_default().parse()?)
    };
    let traffic = t.traffic()?;
    let (slow, redirects, huge) =
        futures::try_join!(ip(Cue::SlowAnswers), ip(Cue::Redirects), ip(Cue::Huge))?;
    let (slow, redirects, huge) =
        futures::join!(traffic.ask_pod(slow), traffic.ask_pod(redirects), traffic.ask_pod(huge));
    ensure!(slow.status == 200 && slow.took >= Duration::from_secs(2), "slow: {slow:?}");
    ensure!(redirects.status == 302 && huge.status == 200, "redirects: {redirects:?}, huge: {huge:?}");
    let broken = ip(Cue::Good).await?;
    for (how, status, what) in [(Break::Unready, 503, "not ready"), (Break::CrashLoop, 0, "crashed"), (Break::Mended, 200, "well")] {
        let before = (traffic.tally().unready(), traffic.tally().nobody());
        t.break_pods(ns, "app=pass", how).await?;
        t.eventually(Duration::from_secs(30), &format!("the answer of a pod that is {what}"), || async {
            let answer = traffic.ask_pod(broken).await;
            ensure!(answer.status == status, "{answer:?}");
            // other stories count there too; a connection that was cut as the pod broke is counted as nothing
            let after = (traffic.tally().unready(), traffic.tally().nobody());
            ensure!(status != 503 || after.0 > before.0, "{what}: the tally went from {before:?} to {after:?}");
            ensure!(status != 0 || after.1 > before.1, "{what}: the tally went from {before:?} to {after:?}");
            Ok(Some(()))
        })
        .await?;
    }
    Ok(())
}
