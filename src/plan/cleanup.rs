//! What is let go: finalizers of ended rollouts, old TestRuns and Decisions (walk 19), rows and lines beyond the limits.

use std::collections::BTreeSet;

use kube::ResourceExt;

use crate::api::decision::{DecisionPhase, DecisionType};
use crate::api::pipeline::WorkloadRef;
use crate::api::{BuildHash, Decision, PipelineStatus, StageStatus};

use super::action::{Action, Kind};
use super::adoption::has_left;
use super::draft::Draft;
use super::effects::{is_guarded, target};
use super::mutant::{Mutant, is};
use super::world::{Known, World, created, phase_of};
use super::{approval, reach, traffic};

/// TestRuns and used Decisions kept per stage.
const KEPT: usize = 20;
/// Bytes that a status may take.
const BUDGET: usize = 64 * 1024;
/// Lines of history and revert targets of each stage that stay for as long as possible.
const LINES: usize = 10;
const TARGETS: usize = 3;
const PROOFS: usize = 10;
/// Below this many lines and rows no status comes near the budget.
const SMALL: usize = 60;
/// What the schema lets in. A release that waits for a person until its proof is gone is proven anew by `Retry`.
const ROWS: usize = 64;
const ALL_PROOFS: usize = 50;

/// Takes our finalizer off what no open rollout needs.
pub fn finalizers(world: &World<'_>, draft: &Draft, actions: &mut Vec<Action>) {
    let open = || draft.status.stages.iter().filter_map(|s| s.rollout.as_ref());
    for known in world.releases.iter().filter(|k| is_guarded(k.release)) {
        // a status written in the same pass moves the version that this would carry
        let is_written =
            actions.iter().any(|a| matches!(a, Action::ReleaseStatus { target, .. } if target.uid == known.uid));
        if !is_written && !open().any(|r| r.release_uid == known.uid) && !is(Mutant::FinalizerStays) {
            actions.push(Action::Finalizer { target: target(Kind::Release, known.release), present: false });
        }
    }
    let pipeline = world.snap.pipeline.as_ref();
    let has_jobs = world.snap.places.values().any(|p| !p.jobs.is_empty());
    let deleted = pipeline.metadata.deletion_timestamp.as_ref().map(crate::api::Time::from);
    // of a stage whose status was lost no pass takes anything away any more: what is left there goes when the pipeline has
    let is_ours = |environment: &str| draft.stage(environment).is_some_and(|stage| stage.adopted.is_some());
    // nor does a route that was taken from us and still sends to a clone
    let is_over = deleted.is_some_and(|at| world.is_due(at.plus(world.snap.settings.reference_grace)));
    let is_barred = |environment: &str| is_over && traffic::route::is_taken(world, environment);
    let has_rest = if deleted.is_some() {
        let mut all = world.snap.places.keys().map(String::as_str);
        all.any(|environment| is_ours(environment) && has_left(world, environment) && !is_barred(environment))
    } else {
        traffic::route::is_kept(world, draft)
            || world.snap.places.keys().any(|environment| has_left(world, environment))
    };
    let has_bans = draft.status.stages.iter().any(|s| !s.bans.is_empty());
    // a ban or a Job that cannot be dealt with does not keep a pipeline, or its namespace, for ever
    let is_kept = has_jobs || has_bans && deleted.is_some();
    if is_guarded(pipeline) && open().next().is_none() && !has_rest && (!is_kept || is_over) {
        actions.push(Action::Finalizer { target: target(Kind::Pipeline, pipeline), present: false });
    }
}

/// The last TestRuns and used Decisions of each stage stay; what binds stays for ever.
pub fn retention(world: &World<'_>, draft: &Draft, actions: &mut Vec<Action>) {
    for stage in &draft.status.stages {
        let mut runs: Vec<_> =
            world.snap.test_runs.iter().filter(|r| r.spec.environment == stage.environment).collect();
        if runs.len() > KEPT {
            runs.sort_by_key(|r| std::cmp::Reverse((r.spec.attempt.clone(), r.name_any())));
            let is_open = |attempt: &str| stage.rollout.as_ref().is_some_and(|r| r.attempt == attempt);
            let old = runs
                .into_iter()
                .skip(KEPT)
                .filter(|r| !is_open(&r.spec.attempt) && r.metadata.deletion_timestamp.is_none());
            actions.extend(old.map(|r| Action::Delete { target: target(Kind::TestRun, r.as_ref()) }));
        }
        let is_used = |d: &&&Decision| {
            let binds = matches!(d.spec.r#type, DecisionType::Ban | DecisionType::Withdraw);
            let is_done =
                matches!(phase_of(d), Some(DecisionPhase::Applied | DecisionPhase::Refused | DecisionPhase::Expired));
            !binds && is_done && d.spec.environment.as_deref() == Some(stage.environment.as_str())
        };
        let mut used: Vec<_> = world.decisions.iter().filter(is_used).copied().collect();
        if used.len() > KEPT {
            let counted = counted(world, draft, &stage.environment);
            used.retain(|d| !counted.contains(&d.metadata.uid));
            used.sort_by_key(|d| std::cmp::Reverse((created(&d.metadata), d.name_any())));
            let old = used.into_iter().skip(KEPT).filter(|d| d.metadata.deletion_timestamp.is_none());
            actions.extend(old.map(|d| Action::Delete { target: target(Kind::Decision, d) }));
        }
    }
}

/// The last word of each person about a release that is there counts as long as its object is.
fn counted(world: &World<'_>, draft: &Draft, environment: &str) -> BTreeSet<Option<String>> {
    let words = world.releases.iter().flat_map(|known| approval::words(world, draft, environment, known).into_values());
    words.map(|word| word.metadata.uid.clone()).collect()
}

/// Bans that have their object need no note, builds that nothing names no row, and old history goes first.
pub fn trim(world: &World<'_>, draft: &mut Draft) {
    let mut stages = std::mem::take(&mut draft.status.stages);
    for stage in &mut stages {
        let environment = stage.environment.clone();
        stage.bans.retain(|ban| {
            !world.decisions.iter().any(|d| {
                d.spec.r#type == DecisionType::Ban
                    && d.spec.environment.as_deref() == Some(environment.as_str())
                    && d.spec.build_hash.as_ref() == Some(&ban.build)
                    && d.spec.attempt.as_deref() == Some(ban.attempt.as_str())
            })
        });
        let excess = stage.bans.len().saturating_sub(10);
        stage.bans.drain(..excess);
        let excess = stage.history.len().saturating_sub(world.spec.history_limit.clamp(1, 50) as usize);
        stage.history.drain(..excess);
        forget_workloads(world, stage);
        stage.available = available(world, stage);
    }
    draft.status.stages = stages;
    drop_rows(&mut draft.status);
    shrink(&mut draft.status);
}

/// What neither the spec nor an open rollout names is nobody's to watch.
fn forget_workloads(world: &World<'_>, stage: &mut StageStatus) {
    let open = stage.rollout.iter().flat_map(|rollout| &rollout.workloads).map(|plan| plan.workload.key());
    let named: BTreeSet<String> = world.spec.workloads.iter().map(WorkloadRef::key).chain(open).collect();
    stage.workloads.retain(|known| named.contains(&known.workload));
}

/// The newest release that may still be delivered there and is not.
fn available(world: &World<'_>, stage: &StageStatus) -> Option<String> {
    let goes_there = |k: &&Known<'_>| !reach::is_beyond(world, k, &stage.environment);
    let is_fit = |k: &&Known<'_>| k.build.is_ok() && !world.is_bad(stage, k.name(), &k.hash);
    let newest = world.releases.iter().rev().filter(goes_there).find(is_fit)?;
    let is_there = match &stage.rollout {
        Some(rollout) => rollout.release == newest.name(),
        None => stage.current.as_ref().is_some_and(|c| c.release == newest.name()),
    };
    (!is_there).then(|| newest.name().to_owned())
}

fn drop_rows(status: &mut PipelineStatus) {
    let mut named: Vec<&BuildHash> = Vec::new();
    for stage in &status.stages {
        named.extend(stage.current.iter().chain(&stage.previous).map(|l| &l.build));
        if let Some(rollout) = &stage.rollout {
            named.push(&rollout.build);
            named.extend(rollout.target.iter().map(|t| &t.build));
        }
    }
    named.extend(status.head.iter().map(|h| &h.build));
    let kept: Vec<bool> = status.builds.iter().map(|row| named.contains(&&row.hash)).collect();
    let mut kept = kept.into_iter();
    status.builds.retain(|_| kept.next().unwrap_or(true));
}

/// Keeps the status within its budget: the oldest history of the longest stage goes, then old revert targets; below what
/// people need of either, history once more, and revert targets last.
fn shrink(status: &mut PipelineStatus) {
    let lines: usize = status
        .stages
        .iter()
        .map(|s| s.history.len() + s.previous.len() + s.proofs.len() + s.preflight.len())
        .sum::<usize>()
        + status.builds.len();
    while status.builds.len() > ROWS && drop_target(status, 0) {}
    for stage in &mut status.stages {
        let excess = stage.proofs.len().saturating_sub(ALL_PROOFS);
        stage.proofs.drain(..excess);
    }
    if lines < SMALL {
        return;
    }
    while serde_json::to_vec(status).map_or(0, |bytes| bytes.len()) > BUDGET {
        let is_shrunk = drop_line(status, LINES)
            || drop_proof(status, PROOFS)
            || drop_preflight(status)
            || drop_target(status, TARGETS)
            || drop_line(status, 1);
        if !is_shrunk && !drop_target(status, 1) {
            return;
        }
    }
}

/// Drops the oldest line of the longest history, if that is longer than `floor`.
fn drop_line(status: &mut PipelineStatus, floor: usize) -> bool {
    let longest = status.stages.iter_mut().max_by_key(|s| s.history.len()).filter(|s| s.history.len() > floor);
    longest.map(|stage| stage.history.remove(0)).is_some()
}

/// Drops the oldest proof of the stage that has most, if those are more than `floor`.
fn drop_proof(status: &mut PipelineStatus, floor: usize) -> bool {
    let most = status.stages.iter_mut().max_by_key(|s| s.proofs.len()).filter(|s| s.proofs.len() > floor);
    most.map(|stage| stage.proofs.remove(0)).is_some()
}

/// Drops the last entry of the longest report; what leaves a clone out stands first.
fn drop_preflight(status: &mut PipelineStatus) -> bool {
    let longest = status.stages.iter_mut().max_by_key(|s| s.preflight.len());
    longest.is_some_and(|stage| stage.preflight.pop().is_some())
}

/// Drops the oldest revert target of the stage that has most, if those are more than `floor`.
fn drop_target(status: &mut PipelineStatus, floor: usize) -> bool {
    let most = status.stages.iter_mut().max_by_key(|s| s.previous.len()).filter(|s| s.previous.len() > floor);
    let is_dropped = most.and_then(|stage| stage.previous.pop()).is_some();
    if is_dropped {
        drop_rows(status);
    }
    is_dropped
}
