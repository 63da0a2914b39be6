//! Attempts of a release in a stage that are over while another goes on: what was proven, when it was exposed, how it ended.

use crate::api::release::{AttemptRecord, ReleaseStage};
use crate::api::{HistoryEntry, Phase, StageStatus};
use crate::plan::summary;
use crate::plan::world::{Known, World};

use super::stage::{blank, fuller};

/// How many are told in a stage; the oldest go first.
const TOLD: usize = 5;
/// How much all of them may take, in bytes or so.
const BUDGET: usize = 64 * 1024;

/// Those before the attempt that is told: `before` is what was told so far.
pub(super) fn of(
    world: &World<'_>,
    stage: &StageStatus,
    known: &Known<'_>,
    before: Option<&ReleaseStage>,
    attempt: &str,
) -> Vec<AttemptRecord> {
    let Some(before) = before else { return Vec::new() };
    let mut all = before.earlier.clone();
    if !before.attempt.is_empty() && before.attempt != attempt && !all.iter().any(|e| e.attempt == before.attempt) {
        all.push(closed(world, stage, known, before));
    }
    all.retain(|record| record.attempt != attempt);
    all.split_off(all.len().saturating_sub(TOLD))
}

/// What was told, with that attempt as its last one again.
pub(super) fn as_last(before: Option<&ReleaseStage>, attempt: &str) -> Option<ReleaseStage> {
    let before = before.filter(|b| b.attempt != attempt)?;
    let record = before.earlier.iter().find(|record| record.attempt == attempt)?.clone();
    Some(ReleaseStage {
        attempt: record.attempt,
        message: record.message,
        tests: record.tests,
        hooks: record.hooks,
        started_at: record.started_at,
        exposed_at: record.exposed_at,
        delivered_at: record.delivered_at,
        finished_at: record.finished_at,
        ..blank(&before.environment, Phase::Waiting)
    })
}

fn closed(world: &World<'_>, stage: &StageStatus, known: &Known<'_>, before: &ReleaseStage) -> AttemptRecord {
    let mut told = before.clone();
    summary::finish(world, stage, known.uid, &mut told);
    let is_its = |entry: &&HistoryEntry| entry.attempt == told.attempt && entry.outcome.is_terminal();
    let last = stage.history.iter().rev().find(is_its);
    AttemptRecord {
        outcome: last.map(|entry| entry.outcome),
        cause: last.and_then(|entry| entry.cause),
        message: last.map_or_else(|| before.message.clone(), |entry| fuller(Some(before), entry)),
        finished_at: last.map(|entry| entry.at).or(told.finished_at),
        attempt: told.attempt,
        tests: told.tests,
        hooks: told.hooks,
        started_at: told.started_at,
        exposed_at: told.exposed_at,
        delivered_at: told.delivered_at,
    }
}

/// Keeps all of them within the budget; the oldest go first.
pub(super) fn trim(stages: &mut [ReleaseStage]) {
    while stages.iter().flat_map(|stage| &stage.earlier).map(size).sum::<usize>() > BUDGET {
        let oldest = stages.iter_mut().filter(|stage| !stage.earlier.is_empty());
        let Some(stage) = oldest.min_by_key(|stage| stage.earlier.first().map(|e| e.attempt.clone())) else { return };
        stage.earlier.remove(0);
    }
}

fn size(record: &AttemptRecord) -> usize {
    let tests =
        record.tests.iter().map(|t| 300 + t.run.len() + t.message.len() + t.url.as_ref().map_or(0, String::len));
    let hooks = record.hooks.iter().map(|hook| 150 + hook.message.len());
    300 + record.message.len() + tests.sum::<usize>() + hooks.sum::<usize>()
}
