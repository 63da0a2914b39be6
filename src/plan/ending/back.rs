//! The way back has ended: the target serves, or it does not.

use super::held::REVERT_HELD;
use super::{close, name_of};
use crate::api::checkpoint::{Hold, HoldKind, StageStatus};
use crate::api::rollout::{Reverting, Rollout};
use crate::api::{Cause, Live, Outcome, RolloutState};
use crate::plan::draft::{self, Draft};
use crate::plan::hook;
use crate::plan::idle::REVERT_FAILED;
use crate::plan::mutant::{Mutant, is};
use crate::plan::rollout::HOMECOMING_FAILED;
use crate::plan::world::World;

/// The alert of a stage in which a hook of the way back did not pass.
const HOOK_FAILED: &str = "RevertHookFailed";

/// The target serves again.
pub fn reverted(world: &World<'_>, draft: &mut Draft, index: usize, reverting: &Reverting) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    let Some(target) = rollout.target.clone() else { return };
    let is_whole = is(Mutant::AlwaysWhole) || target.template == draft::template(world, &stage.environment);
    let outcome = if is_whole { Outcome::Reverted } else { Outcome::ImageOnly };
    make_current(world, stage, &target, target.healthy);
    stage.alert.take_if(|alert| [HOMECOMING_FAILED, REVERT_HELD].contains(&alert.reason.as_str()));
    if let Some(by) = &reverting.hold_by {
        let message = match reverting.ending.cause {
            Cause::Reverted => format!("held by {by}, who reverted to {}", name_of(&target)),
            _ => format!("held by {by}"),
        };
        stage.held = Some(persons(world, by, message));
    }
    hold_if_interrupted(world, stage);
    close(world, stage, &rollout, outcome, Some(reverting.ending.cause), &reverting.ending.message);
    let what =
        if is_whole { "back as it was" } else { "images back, under another template than they were recorded with" };
    let text = format!("{}: {} {what}: {}", stage.environment, name_of(&target), reverting.ending.message);
    draft.tell(&rollout.release, "Reverted", text);
    tell_undone(world, draft, index, &rollout);
}

/// There was nothing to put back: what ran before has run all the time, and the hooks have ended.
pub fn left(world: &World<'_>, draft: &mut Draft, index: usize, reverting: &Reverting) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    if let Some(by) = &reverting.hold_by {
        stage.held = Some(persons(world, by, format!("held by {by}")));
    }
    hold_if_interrupted(world, stage);
    close(world, stage, &rollout, Outcome::Aborted, Some(reverting.ending.cause), &reverting.ending.message);
    let text = format!("{}: nothing of it is exposed: {}", stage.environment, reverting.ending.message);
    draft.tell(&rollout.release, "Reverted", text);
    tell_undone(world, draft, index, &rollout);
}

/// A hook of the way back that did not pass is for a person to look at; the way back itself does not wait for it.
pub(super) fn tell_undone(world: &World<'_>, draft: &mut Draft, index: usize, rollout: &Rollout) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(why) = hook::undone(stage, rollout) else { return };
    draft::alert(stage, world, HOOK_FAILED, &why);
    let text = format!("{}: {why}", stage.environment);
    draft.warn(&rollout.release, HOOK_FAILED, text);
}

/// The hold of a person who asked to go back.
pub(super) fn persons(world: &World<'_>, by: &str, message: String) -> Hold {
    Hold { kind: HoldKind::Revert, message, by: Some(by.to_owned()), since: world.now, newest: None }
}

/// After so many in a row a person must look.
const INTERRUPTIONS: u32 = 3;

/// Holds a stage whose template changed again and again.
pub fn hold_if_interrupted(world: &World<'_>, stage: &mut StageStatus) {
    if stage.interrupted.as_ref().is_none_or(|last| last.times <= INTERRUPTIONS) {
        return;
    }
    stage.interrupted = None;
    let message = format!(
        "the template changed {} times while a clone was exposed; once it stays as it is, Unhold, then Promote the release",
        INTERRUPTIONS + 1
    );
    let (kind, since) = (HoldKind::Interrupted, world.now);
    stage.held.get_or_insert(Hold { kind, message, by: None, since, newest: None });
}

/// The target does not serve by its deadline: a person must look; the stage is free for the next release.
pub fn revert_failed(world: &World<'_>, draft: &mut Draft, index: usize, why: &str) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = stage.rollout.take() else { return };
    let (hold_by, cause) = match &rollout.state {
        RolloutState::Reverting(r) => (r.hold_by.as_deref(), Some(r.ending.cause)),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_) => (None, None),
    };
    let undone = hook::undone(stage, &rollout).map(|why| format!("; {why}")).unwrap_or_default();
    let message = format!("the revert does not serve: {why}{undone}");
    if let Some(target) = &rollout.target {
        make_current(world, stage, target, false);
    }
    if let Some(by) = hold_by {
        stage.held = Some(persons(world, by, format!("held by {by}")));
    }
    draft::alert(stage, world, REVERT_FAILED, &message);
    close(world, stage, &rollout, Outcome::Failed, cause, &message);
    let text = format!("{}: {message}", stage.environment);
    draft.warn(&rollout.release, REVERT_FAILED, text);
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
