//! Thirty pipelines bake in one Environment. Their provider goes away: nothing goes back. It comes again with nonsense that
//! condemns all of them: a tenth goes back, the brake holds the rest, and there is one page. It mends: the rest goes on.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::check_errors_reverted::errors;
use crate::metrics::{Answer, Metrics};
use crate::settings::Settings;
use crate::shop::{Fleet, SOON, stage_of};
use crate::story::{Story, condition, text};

const PIPELINES: usize = 30;

pub async fn run(t: &Story) -> Result<()> {
    let metrics = Metrics::shared().await?;
    // who is not answered for so long goes back: on a busy machine thirty are not answered within the stories' three seconds
    let reference_grace = Duration::from_secs(60);
    let extra = metrics.flags(t.cluster().dir())?;
    let _operator = t.start_operator(&Settings { reference_grace, extra, ..Settings::default() }).await?;
    let fleet = Fleet::open(t, PIPELINES).await?;
    let (home, ns) = (&fleet.home, &fleet.ns);
    metrics.answer(ns, Answer::of("0"));
    fleet.adopt(&json!({"bake": "30m", "checks": [errors()]})).await?;
    fleet.release().await?;
    let is_delivered = |v: &Value| text(stage_of(v, "production"), "/phase") == "Delivered";
    fleet.all("release", home, "the releases to be delivered", is_delivered).await?;

    metrics.answer(ns, Answer::Status(503));
    let is_calm = || async {
        let back = gone_back(t, home).await?;
        Ok((back > 0).then(|| format!("{back} went back")))
    };
    t.never(Duration::from_secs(6), "builds go back because their provider is away", is_calm).await?;

    metrics.answer(ns, Answer::of("1"));
    let of = ("environment", home.as_str(), "production");
    let is_held = |v: &Value| v["status"]["brake"]["held"].as_array().is_some_and(|held| held.len() == PIPELINES - 3);
    let environment = t.until(SOON, "the brake to hold all but three", of, is_held).await?;
    ensure!(condition(&environment, "Stalled", "reason") == "RevertBrake", "{}", environment["status"]["conditions"]);
    t.never(Duration::from_secs(6), "more than a tenth goes back", || async {
        let back = gone_back(t, home).await?;
        Ok((back > 3).then(|| format!("{back} went back")))
    })
    .await?;
    ensure!(gone_back(t, home).await? == 3, "{} went back", gone_back(t, home).await?);
    one_page(t, home).await?;

    metrics.answer(ns, Answer::of("0"));
    t.until(SOON, "the brake to let go", of, |v| v["status"]["brake"].is_null()).await?;
    ensure!(gone_back(t, home).await? == 3, "more went back after all");
    Ok(())
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
