//! Forty pipelines wait for one window, in an Environment where three may roll out at a time. It opens: never more than three are
//! under way, they come in the order in which they asked, and nobody writes more than for a delivery without a line, nor all at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::{Fleet, SOON, full_minute, opens, stage_of};
use crate::story::{Story, text};

const PIPELINES: usize = 40;
const PLACES: usize = 3;
/// Writes for one delivery through one stage, its place in the line included; events are told apart.
const BOUND: f64 = 22.0;
/// Writes in any second, of all pipelines. At the opening each of them has its place in the line to write, and where it stands.
const RATE: f64 = 200.0;

pub async fn run(t: &Story) -> Result<()> {
    let operator = t.start_operator(&Settings::default()).await?;
    let fleet = Fleet::open(t, PIPELINES).await?;
    let shut = json!([{"deny": "0 0 * * *", "for": "744h"}]);
    let rules = json!({"spec": {"windows": shut, "policy": {"maxConcurrentRollouts": PLACES}}});
    t.patch("environment", &fleet.home, "production", &rules).await?;
    fleet.adopt(&json!({"bake": "1s"})).await?;
    let opening = full_minute("UTC", 100)?;
    let window = json!([{"allow": opening.strftime("%-M %-H * * *").to_string(), "for": "1h", "timeZone": "UTC"}]);
    t.patch("environment", &fleet.home, "production", &json!({"spec": {"windows": window}})).await?;
    fleet.release().await?;
    let told = opens(&opening);
    let is_waiting = |v: &Value| text(v, "/status/waitingFor") == told;
    fleet.all("release", &fleet.home, "the releases to wait for the window", is_waiting).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = operator.writes().await?;
    let early = Timestamp::now() < opening.timestamp();
    ensure!(early, "the machine was too slow: the window has opened");

    let is_done = |v: &Value| !text(stage_of(v, "production"), "/finishedAt").is_empty();
    let all_done = async {
        let line = line(t, &fleet).await?;
        fleet.all("release", &fleet.home, "the releases to be delivered", is_done).await?;
        anyhow::Ok(line)
    };
    let line = tokio::select! {
        line = all_done => line?,
        storm = storm(&operator) => return storm.map(|never| match never {}),
    };
    let all = t.list_json("release", &fleet.home, "").await?;
    never_too_many(&all)?;
    in_order(&all, &line)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let spent = (operator.writes().await? - before) / f64::from(u32::try_from(PIPELINES)?);
    ensure!(spent > 3.0, "that few writes cannot be: {spent}");
    ensure!(spent <= BOUND, "{spent} writes for each, not at most {BOUND}");
    println!("     {spent} writes for each of {PIPELINES} deliveries by {PLACES}");
    Ok(())
}

/// Ends with an error only: when more is written in a second than may be.
async fn storm(operator: &Operator) -> Result<std::convert::Infallible> {
    let mut last = (Instant::now(), operator.writes().await?);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = (Instant::now(), operator.writes().await?);
        let rate = (now.1 - last.1) / now.0.duration_since(last.0).as_secs_f64();
        ensure!(rate <= RATE, "a storm: {rate} writes in a second");
        last = now;
    }
}

/// Who stands in the line, in its order, once all that have not started do.
async fn line(t: &Story, fleet: &Fleet<'_>) -> Result<Vec<String>> {
    let look = || async {
        let all = t.list_json("dp", &fleet.home, "").await?;
        let asks = |v: &Value| (text(v, "/status/stages/0/asks").to_owned(), text(v, "/metadata/name").to_owned());
        let mut line: Vec<(String, String)> = all.iter().map(asks).filter(|(since, _)| !since.is_empty()).collect();
        let started = all.iter().filter(|v| v["status"]["stages"][0]["highWater"].is_object()).count();
        line.sort();
        let names = line.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        Ok((names.len() + started == PIPELINES && names.len() > PIPELINES / 2).then_some(names))
    };
    t.eventually(SOON, "all that have not started to stand in the line", look).await
}

fn at(release: &Value, field: &str) -> Result<jiff::Timestamp> {
    text(stage_of(release, "production"), field).parse().with_context(|| format!("{field} of {release}"))
}

/// From its start to its delivery each takes a place.
fn never_too_many(releases: &[Value]) -> Result<()> {
    let mut moments = Vec::new();
    for release in releases {
        moments.push((at(release, "/startedAt")?, 1));
        moments.push((at(release, "/deliveredAt")?, -1));
    }
    moments.sort();
    let mut open = 0;
    for (when, change) in moments {
        open += change;
        ensure!(open <= PLACES as i32, "{open} were under way at {when}");
    }
    Ok(())
}

/// Those who were given places together may start in any order.
fn in_order(releases: &[Value], line: &[String]) -> Result<()> {
    let mut starts = Vec::new();
    for release in releases {
        starts.push((at(release, "/startedAt")?, text(release, "/metadata/name").to_owned()));
    }
    starts.sort();
    let started: Vec<&String> = starts.iter().map(|(_, name)| name).filter(|name| line.contains(name)).collect();
    let places: BTreeMap<&String, usize> = line.iter().enumerate().map(|(place, name)| (name, place)).collect();
    for (place, name) in started.iter().enumerate() {
        let asked = places.get(name).context("a place in the line")?;
        ensure!(place.abs_diff(*asked) < PLACES, "{name} asked as number {asked} and started as number {place}: {started:?}");
    }
    Ok(())
}
