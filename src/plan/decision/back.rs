//! Abort, Revert and Unhold: going back, and ending a hold.

use crate::api::checkpoint::{HoldKind, StageStatus};
use crate::api::{BuildHash, Cause, Decision, RolloutState};
use crate::plan::draft::Draft;
use crate::plan::mutant::{Mutant, is};
use crate::plan::world::{World, user_of};
use crate::plan::{ending, pin, revert, schema};

use super::Answer;
use super::promote::lift_adoption_hold;

pub(super) fn abort(world: &World<'_>, draft: &mut Draft, index: usize, decision: &Decision) -> Answer {
    let Some(rollout) = draft.rollout(index) else {
        return if is(Mutant::AbortIdle) {
            go_back(world, draft, index, decision)
        } else {
            Answer::refused("nothing is under way there")
        };
    };
    match rollout.state {
        RolloutState::Reverting(_) => Answer::refused("it is going back already"),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_) => {
            let answer =
                |what: &str| Answer::about(format!("{} {what}", rollout.version), &rollout.release_uid, &rollout.build);
            let (answer, ended) = (answer("goes back"), answer("ends; nothing is put back"));
            ending::go_back(world, draft, index, Cause::Aborted, &format!("aborted by {}", user_of(decision)), None);
            // where there is nothing to go back to it ends as it is
            if draft.rollout(index).is_some() { answer } else { ended }
        }
    }
}

pub(super) fn go_back(world: &World<'_>, draft: &mut Draft, index: usize, decision: &Decision) -> Answer {
    let user = user_of(decision);
    let why = format!("reverted by {user}");
    let Some(stage) = draft.status.stages.get_mut(index) else { return Answer::Stands };
    if let Some(refused) = refuse_by_hold(stage) {
        return refused;
    }
    let (leaving, release_uid) = match (&stage.rollout, &stage.current) {
        (Some(rollout), _) => (rollout.build.clone(), rollout.release_uid.clone()),
        (None, Some(current)) => (current.build.clone(), current.release_uid.clone()),
        (None, None) => return Answer::refused("nothing was delivered there"),
    };
    let target = match &decision.spec.to {
        Some(to) => revert::named(world, stage, to).map_err(|why| format!("spec.to: {why}")),
        None => revert::default_target(world, stage, &leaving).ok_or_else(|| nowhere(world, stage, &leaving)),
    };
    let target = match target {
        Ok(target) if target.build == leaving => {
            return Answer::refused(format!("{} runs there", ending::name_of(&target)));
        }
        Ok(target) => target,
        Err(why) => return Answer::Refused(why),
    };
    if let Some(pin) = pin::against(world, &stage.environment, &target.release) {
        return Answer::Refused(pin::refusal(pin));
    }
    let what = format!("back to {}, and held there", ending::name_of(&target));
    match &mut stage.rollout {
        None => revert::open(world, draft, index, target, Cause::Reverted, &why, Some(user)),
        Some(rollout) => {
            if let RolloutState::Reverting(state) = &mut rollout.state {
                let runs = stage.current.as_ref();
                let under_way = rollout.target.as_ref().or(runs);
                let under_way = under_way.filter(|t| decision.spec.to.is_some() && t.build != target.build);
                if let Some(under_way) = under_way {
                    return Answer::refused(format!("it is going back to {} already", ending::name_of(under_way)));
                }
                state.hold_by = Some(user.to_owned());
                return Answer::applied("it is going back already; held afterwards");
            }
            revert::redirect(stage, target, &why);
            ending::go_back(world, draft, index, Cause::Reverted, &why, Some(user));
        }
    }
    Answer::about(what, &release_uid, &leaving)
}

fn refuse_by_hold(stage: &StageStatus) -> Option<Answer> {
    stage.foreign().map(|_| Answer::refused("someone else wrote an image there; decide Adopt or Restore first"))
}

fn nowhere(world: &World<'_>, stage: &StageStatus, leaving: &BuildHash) -> String {
    let barred = schema::barred(world, stage, leaving);
    format!("there is no build recorded healthy there to go back to{barred}")
}

pub(super) fn unhold(draft: &mut Draft, index: usize) -> Answer {
    let Some(stage) = draft.status.stages.get_mut(index) else { return Answer::Stands };
    match stage.held.as_ref().map(|h| h.kind) {
        None => Answer::refused("it is not held"),
        Some(HoldKind::ExternalChange | HoldKind::ImageContested) => {
            Answer::refused("someone else wrote an image there; decide Adopt or Restore")
        }
        Some(HoldKind::Revert | HoldKind::Interrupted | HoldKind::Irreversible) => {
            stage.held = None;
            Answer::applied("the hold is lifted; releases above the mark follow")
        }
        Some(HoldKind::AdoptionHold) => {
            lift_adoption_hold(stage);
            Answer::applied("the hold is lifted; releases newer than those at first sight follow")
        }
    }
}
