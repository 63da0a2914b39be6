//! What a user's requests find while a release is exposed: one line a second, and one whenever step or weight change, each
//! with the requests that were sent in its time. Everything in it was counted, or read from the API server.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::stand::Stand;
use crate::shop::{ROUTE, stage_of, weight_of};
use crate::story::text;
use crate::traffic::{Answer, Client, Counts, has_accepted, is_share};

/// The least time that a line is about, but where something changes.
const LINE: Duration = Duration::from_secs(1);
const COLUMNS: [&str; 7] = ["STEP", "ASKED", "ROUTE", "REQUESTS", "OLD BUILD", "NEW BUILD", "FAILED"];

/// The step of what was sent before there was one.
const BEFORE: &str = "before";

/// Where a rollout stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    /// As the release shows it; where it shows none, its phase.
    step: String,
    /// The weight that is asked for; none where nothing is exposed in clones.
    asked: Option<i64>,
    /// The weight in the route, and whether the router has taken it.
    weight: i64,
    is_accepted: bool,
}

/// The requests that were sent while a rollout was somewhere, and since when its step stood, if it did.
struct Line {
    place: Place,
    stood: Option<Instant>,
    counts: Counts,
}

/// The table of one release.
pub(super) struct Ledger<'s> {
    stand: &'s Stand<'s>,
    user: &'s Client,
    old: String,
    new: String,
    place: Place,
    stood: Option<Instant>,
    /// The beginning of the line under way.
    since: Instant,
    /// The last look.
    seen: Instant,
    lines: Vec<Line>,
}

/// Where a number of requests went.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) total: usize,
    pub(super) new: usize,
    pub(super) failed: usize,
}

impl<'s> Ledger<'s> {
    /// Begins to count, with what ran before and what comes.
    pub(super) fn open(stand: &'s Stand<'s>, old: &str, new: &str) -> Result<Self> {
        let user = stand.user()?;
        let (place, since) = (Place { step: BEFORE.to_owned(), is_accepted: true, ..Place::default() }, user.mark());
        let (old, new) = (old.to_owned(), new.to_owned());
        Ok(Self { stand, user, old, new, place, stood: None, since, seen: since, lines: Vec::new() })
    }

    /// Looks where the release stands now.
    pub(super) async fn look(&mut self, release: &Value, at: Instant) -> Result<()> {
        let route = self.stand.cluster().objects().get("httproute", "shop-production", ROUTE).await?;
        let stage = stage_of(release, "production");
        let asked = stage.pointer("/exposure/asked").and_then(Value::as_i64);
        let now = Place {
            step: if asked.is_some() || self.has_begun() { step(stage).to_owned() } else { BEFORE.to_owned() },
            asked,
            weight: weight_of(&route),
            is_accepted: has_accepted(&route),
        };
        if now != self.place {
            // what was sent since the last look may belong to either; it goes to the new place
            self.line(self.seen).await;
            (self.place, self.stood) = (now, None);
        } else if at.duration_since(self.since) >= LINE && self.has_begun() {
            self.line(at).await;
        }
        // shown once the route is accepted and requests under way are drained
        let stands = asked.is_some() && stage.pointer("/exposure/real").and_then(Value::as_i64) == asked;
        self.stood = self.stood.or(stands.then_some(at));
        self.seen = at;
        Ok(())
    }

    /// Whether anything is exposed, or was: from then on the table tells what goes on.
    pub(super) fn has_begun(&self) -> bool {
        self.place.asked.is_some() || self.lines.iter().any(|line| line.place.asked.is_some())
    }

    /// The end of a line.
    async fn line(&mut self, to: Instant) {
        let counts = self.user.between(self.since, to).await;
        self.since = to;
        if counts.total() == 0 {
            return;
        }
        if self.lines.is_empty() {
            self.stand.paper.row(&COLUMNS.map(str::to_owned), true);
        }
        let place = self.place.clone();
        let asked = place.asked.map_or_else(|| "-".to_owned(), |asked| format!("{asked} %"));
        let by = |image: &str| counts.by_image().get(image).copied().unwrap_or_default().to_string();
        let sent = counts.total().to_string();
        let failed = counts.failed().to_string();
        let cells =
            [place.step.clone(), asked, format!("{} %", place.weight), sent, by(&self.old), by(&self.new), failed];
        self.stand.paper.row(&cells, false);
        self.lines.push(Line { place, stood: self.stood, counts });
    }

    /// Goes on counting for a while, at the same place.
    pub(super) async fn rest(&mut self, span: Duration) -> Result<Counts> {
        self.line(self.user.mark()).await;
        let from = self.since;
        tokio::time::sleep(span).await;
        let to = self.user.mark();
        self.line(to).await;
        Ok(self.user.between(from, to).await)
    }

    /// All lines together. Fails unless every failed request was answered so by the new build.
    pub(super) fn all(&self) -> Result<Sum> {
        let answers = self.lines.iter().flat_map(|line| line.counts.answers());
        let lost: Vec<_> = answers.filter(|answer| answer.has_failed() && answer.image != self.new).take(3).collect();
        ensure!(lost.is_empty(), "requests failed that the new build has not answered: {lost:?}");
        Ok(self.sum(|_, _| true))
    }

    /// What was sent while a step stood; if it was over before that, while its weight was in the route. Fails unless the
    /// new build has answered about that share.
    pub(super) fn at(&self, weight: i64) -> Result<Sum> {
        let stood = self.sum(|line, answer| line.has(weight) && line.stood.is_some_and(|since| answer.sent >= since));
        let sum = if stood.total > 0 { stood } else { self.sum(|line, _| line.has(weight)) };
        ensure!(sum.total > 0, "no request was sent while the new build had a weight of {weight}");
        let Sum { total, new, failed: _ } = sum;
        ensure!(
            is_share(new, total, weight as f64 / 100.0),
            "the new build answered {new} of {total} requests while its weight was {weight}"
        );
        Ok(sum)
    }

    /// The largest weight that the route ever gave the new build.
    pub(super) fn peak(&self) -> i64 {
        self.lines.iter().map(|line| line.place.weight).max().unwrap_or_default()
    }

    /// The largest weight at which a step stood.
    pub(super) fn stood(&self) -> Option<i64> {
        self.lines.iter().filter(|line| line.stood.is_some()).map(|line| line.place.weight).max()
    }

    fn sum(&self, is_meant: impl Fn(&Line, &Answer) -> bool) -> Sum {
        let mut sum = Sum::default();
        for line in &self.lines {
            for answer in line.counts.answers().iter().filter(|answer| is_meant(line, answer)) {
                sum.total += 1;
                sum.new += usize::from(answer.image == self.new);
                sum.failed += usize::from(answer.has_failed());
            }
        }
        sum
    }
}

impl Line {
    /// Whether the route gives that weight because it is asked for.
    fn has(&self, weight: i64) -> bool {
        self.place.is_accepted && self.place.weight == weight && self.place.asked == Some(weight)
    }
}

/// What a release says of its step in a stage, or of its way home or back.
fn step(stage: &Value) -> &str {
    match (text(stage, "/exposure/step"), text(stage, "/reason")) {
        ("", "Homing") => "Homing",
        ("", _) => text(stage, "/phase"),
        (step, _) => step,
    }
}

impl Sum {
    /// The new build's part, in percent.
    pub(super) fn percent(&self) -> f64 {
        100.0 * self.new as f64 / self.total.max(1) as f64
    }
}
