//! Tells the stories: the shared ones several at a time on one control plane, the others two at a time on their own;
//! those with traffic in a network namespace, where they share one as well.

mod apart;
mod report;
mod stage;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use crate::locked::lock;
use crate::stories::{Entry, Kind, all};
use crate::story::Story;
use report::{End, Outcome, Report};
use stage::{Seat, Stage};

/// How long one story may take; `$STORY_LIMIT` in seconds says otherwise.
const LIMIT: Duration = Duration::from_secs(400);
/// How many stories share the control plane at a time; `$STORIES_AT_ONCE` says otherwise.
const AT_ONCE: usize = 6;
/// How many clusters of their own there may be at a time, on two cores.
const CLUSTERS_AT_ONCE: usize = 2;
/// How many stories share a network namespace at a time: what they measure is time and shares.
const WITH_TRAFFIC_AT_ONCE: usize = 2;

/// The stories whose names contain one of the words of a comma list; all if it is empty. A whole name means itself alone.
pub fn chosen(words: &str) -> Vec<Entry> {
    let words: Vec<&str> = words.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let is_name = |word: &str| all().iter().any(|entry| entry.name == word);
    let fits = |entry: &Entry| {
        words.iter().any(|word| if is_name(word) { entry.name == *word } else { entry.name.contains(word) })
    };
    all().into_iter().filter(|entry| words.is_empty() || fits(entry)).collect()
}

/// Tells them and prints how each ended; true if all passed and there was one at all.
pub async fn tell(entries: &[Entry]) -> bool {
    let report = Mutex::new(Report::default());
    let add = |outcome| lock(&report).add(outcome);
    let (apart, here): (Vec<Entry>, Vec<Entry>) = entries.iter().partition(|entry| entry.kind.is_apart());
    let (together, alone): (Vec<Entry>, Vec<Entry>) = apart.iter().partition(|entry| entry.kind == Kind::Traffic);
    let own = Semaphore::new(CLUSTERS_AT_ONCE);
    // Each network namespace has one cluster, and counts as one.
    let each = std::iter::once(&together[..]).chain(alone.chunks(1)).filter(|group| !group.is_empty());
    let with_traffic = each.map(|group| async {
        let _seat = own.acquire().await;
        apart::tell(group, &add).await;
    });
    // One tier after the other: a router that is late by half a second loses requests that no write of ours has lost.
    for group in with_traffic {
        group.await;
    }
    tell_here(&here, AT_ONCE, &own, &add).await;
    report.into_inner().unwrap_or_else(PoisonError::into_inner).end()
}

/// Holds a cluster in a network namespace until something ends it; for the story that kills its harness.
pub async fn hold_apart() -> Result<bool> {
    apart::hold().await
}

/// Tells stories with traffic in this process, which is in a network namespace, and prints how each ended for the
/// process outside; true if all passed.
pub async fn tell_inside(entries: &[Entry]) -> bool {
    let failed = Mutex::new(0);
    let add = |outcome: Outcome| {
        println!("{}", outcome.line());
        *lock(&failed) += usize::from(!matches!(outcome.end, End::Passed));
    };
    tell_here(entries, WITH_TRAFFIC_AT_ONCE, &Semaphore::new(1), &add).await;
    failed.into_inner().is_ok_and(|failed| failed == 0)
}

async fn tell_here(entries: &[Entry], at_once: usize, own: &Semaphore, add: &impl Fn(Outcome)) {
    if entries.is_empty() {
        return;
    }
    let stage = Stage::set(entries).await;
    let shared = Semaphore::new(number("STORIES_AT_ONCE", at_once));
    let mut running: FuturesUnordered<_> = entries
        .iter()
        .map(|entry| async {
            let seats = if entry.kind.is_alone() { own } else { &shared };
            let _seat = seats.acquire().await;
            one(*entry, &stage).await
        })
        .collect();
    while let Some(outcome) = running.next().await {
        add(outcome);
    }
}

async fn one(entry: Entry, stage: &Stage) -> Outcome {
    let limit = Duration::from_secs(number("STORY_LIMIT", LIMIT.as_secs() as usize) as u64);
    let started = Instant::now();
    let ended = |failure: Option<String>| {
        let end = failure.map_or(End::Passed, End::Failed);
        Outcome { name: entry.name, took: started.elapsed(), end }
    };
    let Seat { cluster, operator, traffic } = match stage.seat(entry.kind).await {
        Ok(seat) => seat,
        Err(error) => return ended(Some(format!("{error:#}"))),
    };
    let story = Story::new(entry.name, Arc::clone(&cluster), operator, traffic.clone());
    let telling = AssertUnwindSafe((entry.run)(&story)).catch_unwind();
    let mut failure = match tokio::time::timeout(limit, telling).await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(format!("{error:#}")),
        Ok(Err(panic)) => Some(format!("it panicked: {}", said(panic.as_ref()))),
        Err(_) => Some(format!("not over after {} s", limit.as_secs())),
    };
    if let Some(reason) = &mut failure {
        for dead in [cluster.casualties(), traffic.and_then(|traffic| traffic.casualties())].into_iter().flatten() {
            reason.push_str(&format!("\n{dead}"));
        }
        // Where the API server is what died, looking could take for ever.
        let looked = tokio::time::timeout(Duration::from_secs(20), story.leave_evidence(reason)).await;
        match looked.unwrap_or_else(|late| Err(late.into())) {
            Ok(path) => reason.push_str(&format!("\n     evidence: {}", path.display())),
            Err(error) => reason.push_str(&format!("\n     no evidence: {error:#}")),
        }
    } else if !entry.kind.is_alone() {
        story.leave().await;
    }
    ended(failure)
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).filter(|n| *n > 0).unwrap_or(otherwise)
}
