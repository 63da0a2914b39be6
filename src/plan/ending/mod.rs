//! How a rollout ends: settled, on the way back, back, or left as it is (walk 6). Each writes one line of history.

mod back;
mod foreign;
mod held;

use crate::api::checkpoint::{Interrupted, PendingBan, SeenWorkload, StageStatus};
use crate::api::rollout::{Reverting, Rollout, RolloutWorkload};
use crate::api::{Cause, Ending, HistoryEntry, Live, Outcome, RolloutState};

use super::draft::{self, Draft, clip};
use super::mutant::{Mutant, is};
use super::world::World;
use super::writing::{self, has_written};
use super::{hook, revert, schema, upstream, workload};

pub use back::{left, revert_failed, reverted};
pub use foreign::{adopt_found, adopt_instead, foreign, found_live, under};

/// How many builds recorded healthy a stage remembers.
const PREVIOUS: usize = 10;

/// Sends the open rollout back to its target; bans the build first where it failed. Without a target the images stay.
pub fn go_back(world: &World<'_>, draft: &mut Draft, index: usize, cause: Cause, message: &str, hold_by: Option<&str>) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(mut rollout) = stage.rollout.take() else { return };
    let environment = stage.environment.clone();
    // the same digests under another version: what was delivered before stays, and its evidence with it
    if cause.spares() && stage.current.as_ref().is_some_and(|c| c.healthy && c.build == rollout.build) {
        close(world, stage, &rollout, Outcome::Aborted, Some(cause), message);
        let text = format!("{environment}: {message}; the same build was delivered before, and stays");
        return draft.tell(&rollout.release, "Aborted", text);
    }
    if cause != Cause::Interrupted {
        stage.interrupted = None;
    }
    if cause.bans() && !is(Mutant::BanForgotten) {
        ban(stage, &rollout, message);
    }
    if !is(Mutant::ProofKept) {
        upstream::void(stage, &rollout.build, message);
    }
    let ending = Ending { cause, message: clip(message, 256) };
    let release = rollout.release.clone();
    aim(world, stage, &mut rollout, cause);
    let barring = held::barring(world, stage, &rollout, cause);
    let runs = held::runs_there(world, stage, &rollout);
    if let Some(hook) = barring.as_ref().filter(|_| runs) {
        let said = held::stay(world, stage, &rollout, cause, message, hook);
        return draft.warn(&release, held::REVERT_HELD, format!("{environment}: {said}"));
    }
    // what its hooks have begun ends first, where nothing runs that goes by it
    let is_awaited = (hook::has_any(&rollout) || hook::is_owed(stage, &rollout)) && !runs;
    let is_beside = barring.is_some() || matches!(rollout.state, RolloutState::Preparing(_));
    // what runs beside it has no way back either
    rollout.target.take_if(|_| barring.is_some());
    if rollout.target.is_none() && !is_awaited {
        return end_as_it_is(world, draft, index, rollout, &ending, hold_by, is_beside);
    }
    rollout.state = RolloutState::Reverting(Reverting {
        since: world.now,
        deadline: world.now.plus(rollout.progress_deadline).plus(rollout.drain()),
        ending,
        apart: rollout.is_apart(),
        hold_by: hold_by.map(str::to_owned),
    });
    stage.rollout = Some(rollout);
    draft.warn(&release, "Reverting", format!("{environment}: {message}"));
}

/// Where it goes back to: the target was chosen when the rollout started, and may have been banned or withdrawn since. What was
/// not exposed has nothing to put back, unless a person wants something else there.
fn aim(world: &World<'_>, stage: &StageStatus, rollout: &mut Rollout, cause: Cause) {
    let runs = |live: &Live| stage.current.as_ref().is_some_and(|current| current.build == live.build);
    let is_unexposed = matches!(rollout.state, RolloutState::Preparing(_));
    if is_unexposed && (cause != Cause::Reverted || rollout.target.as_ref().is_some_and(runs)) {
        rollout.target = None;
    } else if !rollout.target.as_ref().is_some_and(|t| revert::is_usable(world, stage, t, &rollout.build)) {
        rollout.target = revert::default_target(world, stage, &rollout.build);
    }
}

/// Ends a rollout at once: beside what runs nothing is to be put back, else there is nothing to go back to.
fn end_as_it_is(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    rollout: Rollout,
    Ending { cause, message }: &Ending,
    hold_by: Option<&str>,
    is_beside: bool,
) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let (release, environment) = (rollout.release.clone(), stage.environment.clone());
    let barred = if is_beside { String::new() } else { schema::barred(world, stage, &rollout.build) };
    close_without_target(world, stage, rollout, *cause, &format!("{message}{barred}"));
    if let Some(by) = hold_by.filter(|_| is_beside) {
        stage.held = Some(back::persons(world, by, format!("held by {by}")));
    }
    let (reason, what) = if is_beside {
        ("NotExposed", "what ran before it goes on".to_owned())
    } else {
        ("NoRevertTarget", format!("there is no build to go back to{barred}, the images stay"))
    };
    draft.warn(&release, reason, format!("{environment}: {message}; {what}"));
}

/// Whether a failure would end the stage's rollout as it is, with no way back to follow: what it says must have been told before.
pub fn closes_at_once(world: &World<'_>, draft: &Draft, index: usize) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let Some(rollout) = &stage.rollout else { return false };
    rollout.target.is_none() || held::barring(world, stage, rollout, Cause::Failed).is_some()
}

/// The template of a workload changed while its clone was exposed: what was seen is of a revision that nobody has any more. The
/// release is tried anew, in a new clone.
pub fn interrupted(world: &World<'_>, draft: &mut Draft, index: usize, workload: &str) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let release_uid = rollout.release_uid.clone();
    let times = stage.interrupted.as_ref().filter(|last| last.release_uid == release_uid).map_or(0, |last| last.times);
    stage.interrupted = Some(Interrupted { release_uid, times: times + 1 });
    let why = format!("the template of {workload} changed while its clone was exposed");
    go_back(world, draft, index, Cause::Interrupted, &why, None);
}

fn ban(stage: &mut StageStatus, rollout: &Rollout, reason: &str) {
    if stage.bans.iter().any(|b| b.build == rollout.build && b.attempt == rollout.attempt) {
        return;
    }
    stage.bans.push(PendingBan {
        build: rollout.build.clone(),
        attempt: rollout.attempt.clone(),
        release: rollout.release.clone(),
        reason: clip(reason, 256),
    });
}

fn close_without_target(world: &World<'_>, stage: &mut StageStatus, rollout: Rollout, cause: Cause, message: &str) {
    let is_written = has_written(world, &stage.environment, &rollout);
    let outcome = if is_written { Outcome::Failed } else { Outcome::Aborted };
    if is_written {
        replace(world, stage, &rollout, false);
        // a wish of a person's needs no other person
        if cause.bans() || cause == Cause::Inconclusive {
            draft::alert(stage, world, "NoRevertTarget", message);
        }
    }
    back::hold_if_interrupted(world, stage);
    close(world, stage, &rollout, outcome, Some(cause), message);
}

/// The rollout is over and its build stays: the next release may start, and what ran before becomes a revert target.
pub fn settle(world: &World<'_>, draft: &mut Draft, index: usize, outcome: Outcome, reason: &str) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    let is_proven = outcome != Outcome::Unverified;
    // suites that ran again and gave no verdict say nothing against what was delivered before
    let is_known = stage.current.as_ref().is_some_and(|c| c.healthy && c.build == rollout.build);
    if is_proven || !is_known {
        replace(world, stage, &rollout, is_proven);
    }
    if is_proven {
        stage.alert = None;
        stage.interrupted = None;
    }
    close(world, stage, &rollout, outcome, None, reason);
    let text = format!("{}: {} {}", stage.environment, rollout.version, word(outcome));
    if is_proven {
        draft.tell(&rollout.release, "Settled", text)
    } else {
        draft.warn(&rollout.release, "Unverified", format!("{text}: {reason}"))
    }
}

/// What the rollout left runs now; what ran before is remembered if it was healthy.
fn replace(world: &World<'_>, stage: &mut StageStatus, rollout: &Rollout, healthy: bool) {
    let live = live(world, stage, rollout, healthy);
    let before = stage.current.replace(live);
    stage.previous.retain(|p| p.build != rollout.build);
    if let Some(before) = before.filter(|b| b.healthy && b.build != rollout.build) {
        stage.previous.retain(|p| p.build != before.build);
        stage.previous.insert(0, before);
        stage.previous.truncate(PREVIOUS);
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "healthy to the end of its bake",
        Outcome::Superseded => "gives way to a newer release",
        Outcome::Unverified => "stays, but is no evidence",
        Outcome::Adopted
        | Outcome::Reverted
        | Outcome::ImageOnly
        | Outcome::Failed
        | Outcome::Aborted
        | Outcome::ConfigChanged
        | Outcome::Restored => "ended",
    }
}

fn live(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, healthy: bool) -> Live {
    let since = match &rollout.state {
        RolloutState::Delivered(baking) => baking.since,
        RolloutState::Homing(homing) => homing.delivered,
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Reverting(_) => world.now,
    };
    let created_at = world
        .release(&rollout.release)
        .map(|k| k.mark.created_at)
        .or_else(|| stage.high_water.as_ref().filter(|m| m.release == rollout.release).map(|m| m.created_at));
    Live {
        release: rollout.release.clone(),
        release_uid: rollout.release_uid.clone(),
        version: rollout.version.clone(),
        build: rollout.build.clone(),
        schema: rollout.schema.map(|schema| schema.version),
        created_at,
        attempt: rollout.attempt.clone(),
        since,
        healthy,
        prepared: hook::prepared(stage, rollout),
        template: draft::template(world, &stage.environment),
    }
}

/// One terminal line of history; the workloads that the rollout wrote are recorded as they are now. One that the spec
/// names only since has not got this build, and is no drift.
pub fn close(
    world: &World<'_>,
    stage: &mut StageStatus,
    rollout: &Rollout,
    outcome: Outcome,
    cause: Option<Cause>,
    reason: &str,
) {
    let mut seen = draft::seen_workloads(world, &stage.environment);
    seen.retain(|seen| rollout.workloads.iter().any(|plan| plan.workload.key() == seen.workload));
    leave_out_found(world, stage, rollout, &mut seen);
    for seen in &mut seen {
        let is_unwritten = rollout.workloads.iter().any(|p| p.workload.key() == seen.workload && p.uid != seen.uid);
        // one that was re-created and not written since still waits for its build
        if let Some(before) = stage.workloads.iter().find(|w| w.workload == seen.workload).filter(|_| is_unwritten) {
            seen.clone_from(before);
        }
    }
    // one that is not there just now is restored when it comes again
    let is_absent = |plan: &&RolloutWorkload| !seen.iter().any(|s| s.workload == plan.workload.key());
    let absent: Vec<SeenWorkload> =
        rollout.workloads.iter().filter(is_absent).map(|plan| last_seen(stage, plan)).collect();
    seen.extend(absent);
    seen.sort_by(|a, b| a.workload.cmp(&b.workload));
    stage.workloads = seen;
    stage.watch_until = None;
    let entry = HistoryEntry {
        release: rollout.release.clone(),
        build: rollout.build.short().to_owned(),
        attempt: rollout.attempt.clone(),
        outcome,
        cause,
        reason: clip(reason, 100),
        at: world.now,
    };
    if is(Mutant::HistoryTwice) {
        stage.history.push(entry.clone());
    }
    if !is(Mutant::HistoryDropped) {
        stage.history.push(entry);
    }
}

/// A container that the spec names only since, and that has kept what was found in it, is as new to the next rollout.
fn leave_out_found(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, seen: &mut [SeenWorkload]) {
    let stored = world.snap.pipeline.status.as_ref();
    let row = stage.current.as_ref().zip(stored).and_then(|(current, stored)| world.row(stored, &current.build));
    let Some(row) = row else { return };
    for record in seen {
        let plan = rollout.workloads.iter().find(|plan| plan.workload.key() == record.workload);
        let Some((plan, runs)) = plan.and_then(|plan| Some((plan, writing::seen(world, &stage.environment, plan)?)))
        else {
            continue;
        };
        let others = workload::writes(world, runs, &plan.workload, row.into());
        let is_as_found = |name: &str| {
            let mut found = plan.found.iter();
            found.any(|f| f.container == name && runs.images.get(name) == Some(&f.image))
        };
        let is_new = |name: &str| is_as_found(name) && others.iter().any(|(other, _)| other == name);
        record.images.retain(|image| !is_new(&image.container));
    }
}

/// As the stage knows it, or as the rollout saw it when it began.
fn last_seen(stage: &StageStatus, plan: &RolloutWorkload) -> SeenWorkload {
    let known = stage.workloads.iter().find(|known| known.workload == plan.workload.key()).cloned();
    known.unwrap_or_else(|| SeenWorkload {
        workload: plan.workload.key(),
        uid: plan.uid.clone(),
        fingerprint: plan.fingerprint.clone(),
        images: Vec::new(),
        generation: 0,
    })
}

/// How messages call a build that is or was live.
pub fn name_of(live: &Live) -> String {
    if live.release.is_empty() { format!("revision 0 ({})", live.build.short()) } else { live.version.clone() }
}
