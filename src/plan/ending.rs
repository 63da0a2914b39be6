//! How a rollout ends: settled, on the way back, back, or left as it is (walk 6). Each writes one line of history.

use crate::api::checkpoint::{Hold, HoldKind, PendingBan, StageStatus};
use crate::api::rollout::{Reverting, Rollout};
use crate::api::{BuildRow, Cause, Ending, HistoryEntry, Live, Outcome, RolloutState};

use super::action::Note;
use super::draft::{self, Draft, clip};
use super::mutant::{Mutant, is};
use super::revert;
use super::world::World;
use super::writing::has_written;

/// How many builds recorded healthy a stage remembers.
const PREVIOUS: usize = 10;

/// Sends the open rollout back to its target; bans the build first where it failed. Without a target the images stay.
pub fn go_back(world: &World<'_>, draft: &mut Draft, index: usize, cause: Cause, message: &str, hold_by: Option<&str>) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(mut rollout) = stage.rollout.take() else { return };
    let environment = stage.environment.clone();
    if cause.bans() && !is(Mutant::BanForgotten) {
        ban(stage, &rollout, message);
    }
    void_proofs(stage, &rollout, message);
    let text = format!("{environment}: {message}");
    let release = rollout.release.clone();
    // the target was chosen when the rollout started; since then it may have been banned or withdrawn
    if !rollout.target.as_ref().is_some_and(|t| revert::is_usable(world, stage, t, &rollout.build)) {
        rollout.target = revert::default_target(world, stage, &rollout.build);
    }
    if rollout.target.is_none() {
        close_without_target(world, stage, rollout, cause, message);
        draft.warn(&release, "NoRevertTarget", format!("{text}; there is no build to go back to, the images stay"));
        return;
    }
    rollout.state = RolloutState::Reverting(Reverting {
        since: world.now,
        deadline: world.now.plus(rollout.progress_deadline),
        ending: Ending { cause, message: clip(message, 256) },
        hold_by: hold_by.map(str::to_owned),
    });
    stage.rollout = Some(rollout);
    let note = Note { release: Some(release), warning: true, reason: "Reverting".into(), message: text };
    draft.notes.push(note);
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

/// What was proven of that build here counts no more.
fn void_proofs(stage: &mut StageStatus, rollout: &Rollout, reason: &str) {
    for proof in
        stage.proofs.iter_mut().filter(|p| p.build == rollout.build && p.void.is_none() && !is(Mutant::ProofKept))
    {
        proof.void = Some(clip(reason, 256));
    }
}

fn close_without_target(world: &World<'_>, stage: &mut StageStatus, rollout: Rollout, cause: Cause, message: &str) {
    let is_written = has_written(world, &stage.environment, &rollout);
    let outcome = if is_written { Outcome::Failed } else { Outcome::Aborted };
    if is_written {
        let live = live(world, stage, &rollout, false);
        stage.current = Some(live);
        if cause.bans() {
            draft::alert(stage, world, "NoRevertTarget", message);
        }
    }
    close(world, stage, &rollout, outcome, Some(cause), message);
}

/// The rollout is over and its build stays: the next release may start, and what ran before becomes a revert target.
pub fn settle(world: &World<'_>, draft: &mut Draft, index: usize, outcome: Outcome, reason: &str) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    let healthy = outcome != Outcome::Unverified;
    let live = live(world, stage, &rollout, healthy);
    let before = stage.current.replace(live);
    stage.previous.retain(|p| p.build != rollout.build);
    if let Some(before) = before.filter(|b| b.healthy && b.build != rollout.build) {
        stage.previous.retain(|p| p.build != before.build);
        stage.previous.insert(0, before);
        stage.previous.truncate(PREVIOUS);
    }
    if healthy {
        stage.alert = None;
    }
    close(world, stage, &rollout, outcome, None, reason);
    let text = format!("{}: {} {}", stage.environment, rollout.version, word(outcome));
    if healthy {
        draft.tell(&rollout.release, "Settled", text)
    } else {
        draft.warn(&rollout.release, "Unverified", format!("{text}: {reason}"))
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

/// The target serves again.
pub fn reverted(world: &World<'_>, draft: &mut Draft, index: usize, reverting: &Reverting) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    let Some(target) = rollout.target.clone() else { return };
    let is_whole = is(Mutant::AlwaysWhole) || target.template == draft::template(world, &stage.environment);
    let outcome = if is_whole { Outcome::Reverted } else { Outcome::ImageOnly };
    make_current(world, stage, &target, target.healthy);
    if let Some(by) = &reverting.hold_by {
        let message = format!("held by {by}, who reverted to {}", name_of(&target));
        stage.held =
            Some(Hold { kind: HoldKind::Revert, message, by: Some(by.clone()), since: world.now, newest: None });
    }
    close(world, stage, &rollout, outcome, Some(reverting.ending.cause), &reverting.ending.message);
    let what =
        if is_whole { "back as it was" } else { "images back, under another template than they were recorded with" };
    let text = format!("{}: {} {what}: {}", stage.environment, name_of(&target), reverting.ending.message);
    draft.tell(&rollout.release, "Reverted", text);
}

/// The target does not serve by its deadline: a person must look; the stage is free for the next release.
pub fn revert_failed(world: &World<'_>, draft: &mut Draft, index: usize, why: &str) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    let (hold_by, cause) = match &rollout.state {
        RolloutState::Reverting(r) => (r.hold_by.clone(), Some(r.ending.cause)),
        RolloutState::Progressing(_) | RolloutState::Verifying(_) | RolloutState::Delivered(_) => (None, None),
    };
    let message = format!("the revert does not serve: {why}");
    if let Some(target) = &rollout.target {
        make_current(world, stage, target, false);
    }
    if let Some(by) = hold_by {
        stage.held = Some(Hold {
            kind: HoldKind::Revert,
            message: format!("held by {by}"),
            by: Some(by),
            since: world.now,
            newest: None,
        });
    }
    draft::alert(stage, world, "RevertFailed", &message);
    close(world, stage, &rollout, Outcome::Failed, cause, &message);
    let text = format!("{}: {message}", stage.environment);
    draft.warn(&rollout.release, "RevertFailed", text);
}

/// Someone else wrote an image: nothing more is written until a person says Adopt or Restore.
pub fn foreign(world: &World<'_>, draft: &mut Draft, index: usize, who: &str) {
    let is_delivered =
        |s: &StageStatus| matches!(s.rollout.as_ref().map(|r| &r.state), Some(RolloutState::Delivered(_)));
    if draft.status.stages.get(index).is_some_and(is_delivered) {
        settle(world, draft, index, Outcome::Delivered, "an image was changed by hand during the bake");
    }
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let rollout = stage.rollout.take();
    if let Some(rollout) = &rollout {
        close(world, stage, rollout, Outcome::Aborted, None, &format!("ExternalChange: {who}"));
    }
    // the hold that stood before, or was to come, comes back with Adopt and Restore
    let before = stage.held.take();
    let coming = rollout.as_ref().and_then(|r| match &r.state {
        RolloutState::Reverting(state) => state.hold_by.clone(),
        RolloutState::Progressing(_) | RolloutState::Verifying(_) | RolloutState::Delivered(_) => None,
    });
    let by = coming.or_else(|| before.as_ref().and_then(|h| h.by.clone()));
    let newest = before.and_then(|h| h.newest);
    let message = clip(
        &format!(
            "{who}; a Decision Adopt takes it as it is, Restore puts ours back; for a GitOps tool, let it ignore the image (README)"
        ),
        512,
    );
    stage.held = Some(Hold { kind: HoldKind::ExternalChange, message: message.clone(), by, since: world.now, newest });
    let release =
        rollout.map_or_else(|| stage.current.as_ref().map(|c| c.release.clone()).unwrap_or_default(), |r| r.release);
    let text = format!("{}: {message}", stage.environment);
    draft.warn(&release, "ExternalChange", text);
}

/// What runs after going back. Builds that are newer than the target are no revert targets any more.
fn make_current(world: &World<'_>, stage: &mut StageStatus, target: &Live, healthy: bool) {
    if let Some(at) = stage.previous.iter().position(|p| p.build == target.build) {
        stage.previous.drain(..=at);
    }
    let is_same = stage.current.as_ref().is_some_and(|c| c.build == target.build);
    let since = if is_same { target.since } else { world.now };
    stage.current = Some(Live { healthy, since, ..target.clone() });
}

fn live(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, healthy: bool) -> Live {
    let since = match &rollout.state {
        RolloutState::Delivered(baking) => baking.since,
        RolloutState::Progressing(_) | RolloutState::Verifying(_) | RolloutState::Reverting(_) => world.now,
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
        created_at,
        attempt: rollout.attempt.clone(),
        since,
        healthy,
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
    for seen in &mut seen {
        let is_unwritten = rollout.workloads.iter().any(|p| p.workload.key() == seen.workload && p.uid != seen.uid);
        // one that was re-created and not written since still waits for its build
        if let Some(before) = stage.workloads.iter().find(|w| w.workload == seen.workload).filter(|_| is_unwritten) {
            seen.clone_from(before);
        }
    }
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

/// How messages call a build that is or was live.
pub fn name_of(live: &Live) -> String {
    if live.release.is_empty() { format!("revision 0 ({})", live.build.short()) } else { live.version.clone() }
}

/// What someone else wrote becomes what runs: no evidence, the mark unchanged, the hold ends.
pub fn adopt_found(world: &World<'_>, stage: &mut StageStatus, row: &BuildRow, user: &str) {
    let live = found_live(world, stage, row);
    if let Some(before) = stage.current.replace(live).filter(|b| b.healthy && b.build != row.hash) {
        stage.previous.retain(|p| p.build != before.build);
        stage.previous.insert(0, before);
        stage.previous.truncate(PREVIOUS);
    }
    stage.held = stage.held.take().and_then(|hold| under(world, hold));
    stage.workloads = draft::seen_workloads(world, &stage.environment);
    stage.history.push(HistoryEntry {
        release: String::new(),
        build: row.hash.short().to_owned(),
        attempt: String::new(),
        outcome: Outcome::Adopted,
        cause: None,
        reason: clip(&format!("images as they are, adopted by {user}"), 100),
        at: world.now,
    });
}

/// Images that are no release, as something that runs.
pub fn found_live(world: &World<'_>, stage: &StageStatus, row: &BuildRow) -> Live {
    Live {
        release: String::new(),
        release_uid: String::new(),
        version: String::new(),
        build: row.hash.clone(),
        created_at: None,
        attempt: String::new(),
        since: world.now,
        healthy: super::idle::serves(world, stage),
        template: draft::template(world, &stage.environment),
    }
}

/// The hold that stood before someone else wrote an image, if one did.
pub fn under(world: &World<'_>, hold: Hold) -> Option<Hold> {
    let Hold { kind: _, message: _, by, since: _, newest } = hold;
    let kind = match (&by, &newest) {
        (_, Some(_)) => HoldKind::AdoptionHold,
        (Some(_), None) => HoldKind::Revert,
        (None, None) => return None,
    };
    let message = by.as_ref().map_or_else(
        || {
            "several releases stood above what ran at first sight; a Decision Promote names the one that is meant"
                .to_owned()
        },
        |by| format!("held by {by}"),
    );
    Some(Hold { kind, message, by, since: world.now, newest })
}
