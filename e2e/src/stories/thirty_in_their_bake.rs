//! Thirty pipelines bake in one Environment. Their provider goes away: nothing goes back. It comes again with nonsense that
//! condemns all of them: a tenth goes back, the brake holds the rest, and there is one page. It mends: the rest goes on.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::check_errors_reverted::errors;
use crate::cue::{self, Cue};
use crate::metrics::{Answer, Metrics};
use crate::settings::Settings;
use crate::shop::{SOON, Shop, deployment, stage_of};
use crate::story::{Story, condition, text};

const PIPELINES: usize = 30;

fn name(number: usize) -> String {
    format!("p{number:02}")
}

pub async fn run(t: &Story) -> Result<()> {
    let metrics = Metrics::shared().await?;
    let _operator =
        t.start_operator(&Settings { extra: metrics.flags(t.cluster().dir())?, ..Settings::default() }).await?;
    let home = t.ns("shop").await?;
    let ns = Shop::place(t, &home, "production").await?;
    metrics.answer(&ns, Answer::of("0"));
    deliver_all(t, &home, &ns).await?;

    metrics.answer(&ns, Answer::Status(503));
    let is_calm = || async {
        let back = gone_back(t, &home).await?;
        Ok((back > 0).then(|| format!("{back} went back")))
    };
    t.never(Duration::from_secs(6), "builds go back because their provider is away", is_calm).await?;

    metrics.answer(&ns, Answer::of("1"));
    let of = ("environment", home.as_str(), "production");
    let is_held = |v: &Value| v["status"]["brake"]["held"].as_array().is_some_and(|held| held.len() == PIPELINES - 3);
    let environment = t.until(SOON, "the brake to hold all but three", of, is_held).await?;
    ensure!(condition(&environment, "Stalled", "reason") == "RevertBrake", "{}", environment["status"]["conditions"]);
    t.never(Duration::from_secs(6), "more than a tenth goes back", || async {
        let back = gone_back(t, &home).await?;
        Ok((back > 3).then(|| format!("{back} went back")))
    })
    .await?;
    ensure!(gone_back(t, &home).await? == 3, "{} went back", gone_back(t, &home).await?);
    one_page(t, &home).await?;

    metrics.answer(&ns, Answer::of("0"));
    t.until(SOON, "the brake to let go", of, |v| v["status"]["brake"].is_null()).await?;
    ensure!(gone_back(t, &home).await? == 3, "more went back after all");
    Ok(())
}

/// Thirty releases, delivered and in a long bake.
async fn deliver_all(t: &Story, home: &str, ns: &str) -> Result<()> {
    let old = cue::image("app", Cue::Good, "revision-0");
    let new = cue::image("app", Cue::Good, "1.0.0");
    let mut all: Vec<String> = (0..PIPELINES).map(|n| deployment(ns, &name(n), 1, &old).to_string()).collect();
    t.apply(&all.join("\n---\n")).await?;
    for number in 0..PIPELINES {
        let is_full = |v: &Value| v["status"]["availableReplicas"] == 1;
        t.until(SOON, "the Deployments to be available", ("deploy", ns, &name(number)), is_full).await?;
    }
    all = (0..PIPELINES).map(|number| pipeline(home, &name(number)).to_string()).collect();
    t.apply(&all.join("\n---\n")).await?;
    for number in 0..PIPELINES {
        let is_adopted = |v: &Value| v["status"]["stages"][0]["current"]["healthy"] == true;
        t.until(SOON, "the pipelines to adopt", ("dp", home, &name(number)), is_adopted).await?;
    }
    all = (0..PIPELINES).map(|number| release(home, &name(number), &new).to_string()).collect();
    t.apply(&all.join("\n---\n")).await?;
    for number in 0..PIPELINES {
        let is_delivered = |v: &Value| text(stage_of(v, "production"), "/phase") == "Delivered";
        t.until(SOON, "the releases to be delivered", ("release", home, &name(number)), is_delivered).await?;
    }
    Ok(())
}

fn pipeline(home: &str, name: &str) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": "DeliveryPipeline", "metadata": {"name": name, "namespace": home},
        "spec": {
            "images": [{"name": "app", "repository": cue::repository("app")}],
            "workloads": [{"kind": "Deployment", "name": name, "containers": [{"name": "app", "imageName": "app"}]}],
            "stages": [{"environment": "production", "bake": "30m", "checks": [errors()]}],
        },
    })
}

fn release(home: &str, name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": "Release", "metadata": {"name": name, "namespace": home},
        "spec": {"pipeline": name, "requestedBy": "maria", "build": {
            "version": "1.0.0", "createdAt": "2026-01-01T10:00:00Z", "images": [{"name": "app", "ref": image}]}},
    })
}

/// How many builds were sent back.
async fn gone_back(t: &Story, home: &str) -> Result<usize> {
    let all = t.list_json("release", home, "").await?;
    let is_back = |v: &&Value| ["Reverting", "Reverted"].contains(&text(stage_of(v, "production"), "/phase"));
    Ok(all.iter().filter(is_back).count())
}

/// One Environment is Stalled, no pipeline is for the brake's sake, and one event says so.
async fn one_page(t: &Story, home: &str) -> Result<()> {
    let events = t.list_json("event", home, "").await?;
    let pages: Vec<&Value> = events.iter().filter(|event| event["reason"] == "RevertBrake").collect();
    ensure!(pages.len() == 1 && pages[0]["count"].as_i64().unwrap_or(1) <= 1, "the pages are {pages:?}");
    let pipelines = t.list_json("dp", home, "").await?;
    let stalled = pipelines.iter().filter(|p| condition(p, "Stalled", "status") == "True").count();
    ensure!(stalled == 0, "{stalled} pipelines are Stalled");
    Ok(())
}
