//! Override: named gates are skipped for one release, once. It stands until the release starts there.

use crate::api::decision::Skippable;
use crate::api::stage::Stage;
use crate::api::{Decision, DecisionType, RolloutState};
use crate::plan::approval::words;
use crate::plan::draft::Draft;
use crate::plan::freeze;
use crate::plan::gate::Candidate;
use crate::plan::mutant::{Mutant, is};
use crate::plan::world::{Known, World, user_of};

use super::promote::forbidden;
use super::word::{Doubt, doubt, meant};
use super::{Answer, is_open};

pub(super) fn stand(world: &World<'_>, draft: &mut Draft, index: usize, spec: &Stage, decision: &Decision) -> Answer {
    let known = match meant(world, decision) {
        Ok(known) => known,
        Err(why) => return Answer::Refused(why),
    };
    let Some(stage) = draft.status.stages.get(index) else { return Answer::Stands };
    if let Some(why) = forbidden(world, draft, stage, known) {
        return Answer::Refused(why);
    }
    if let Some(why) = overruled(world, draft, known, decision) {
        return Answer::Refused(why);
    }
    if let Some(answer) = pass_freeze(world, draft, index, known, decision) {
        return answer;
    }
    let Some(stage) = draft.status.stages.get(index) else { return Answer::Stands };
    let is_its = |r: &&crate::api::Rollout| r.release_uid == known.uid;
    let is_going_back = |r: &crate::api::Rollout| matches!(r.state, RolloutState::Reverting(_));
    if stage.rollout.as_ref().filter(is_its).is_some_and(is_going_back) {
        return Answer::Stands;
    }
    match Candidate::of(world, draft, index, spec, known) {
        Some(_) => Answer::Stands,
        None if is(Mutant::OverrideStays) => Answer::Stands,
        None => Answer::refused(format!(
            "{} waits for nothing in {}; where something newer has started there, decide Promote first",
            known.name(),
            spec.environment
        )),
    }
}

/// What was said since takes its place, or it is not certain whose word it is.
fn overruled(world: &World<'_>, draft: &Draft, known: &Known<'_>, decision: &Decision) -> Option<String> {
    let names_approvals = decision.spec.gates.contains(&Skippable::Approvals);
    if let Some(Doubt::Certain(why)) = doubt(world, decision).filter(|_| names_approvals) {
        return Some(why);
    }
    let environment = decision.spec.environment.as_deref().unwrap_or_default();
    let words = words(world, draft, environment, known);
    let later = || words.values().filter(|word| is_later(world, word, decision));
    if let Some(reject) = later().find(|word| names_approvals && word.spec.r#type == DecisionType::Reject) {
        return Some(format!("{} has rejected it since", user_of(reject)));
    }
    let takes_its_place = |d: &&&Decision| {
        d.spec.r#type == DecisionType::Override
            && d.spec.environment == decision.spec.environment
            && d.spec.release == decision.spec.release
            && is_later(world, d, decision)
            && is_open(world, draft, d)
            && decision.spec.gates.iter().all(|gate| d.spec.gates.contains(gate))
    };
    let newer = world.decisions.iter().find(takes_its_place)?;
    Some(format!("Override {} takes its place", newer.metadata.name.as_deref().unwrap_or_default()))
}

/// Whether it was made after the other.
fn is_later(world: &World<'_>, one: &Decision, other: &Decision) -> bool {
    let place = |of: &Decision| world.decisions.iter().position(|d| d.metadata.uid == of.metadata.uid);
    place(one) > place(other)
}

/// What is under way, and stands still in a freeze, goes on.
fn pass_freeze(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    known: &Known<'_>,
    decision: &Decision,
) -> Option<Answer> {
    let stage = draft.status.stages.get_mut(index)?;
    let is_stopped = freeze::is_on(world, stage);
    let rollout = stage.rollout.as_mut()?;
    let is_its = rollout.release_uid == known.uid && !matches!(rollout.state, RolloutState::Reverting(_));
    if !is_its || !is_stopped || !decision.spec.gates.contains(&Skippable::Freeze) {
        return None;
    }
    rollout.overridden.push(Skippable::Freeze);
    // its deadlines count from here, as they would from the end of the freeze
    stage.thawed = Some(world.now);
    let what = format!("{} goes on in spite of the freeze", rollout.version);
    Some(Answer::about(what, known.uid, &known.hash))
}

/// The Overrides that stand for that very release there.
pub fn overrides<'a>(world: &World<'a>, draft: &Draft, environment: &str, known: &Known<'_>) -> Vec<&'a Decision> {
    let is_its = |d: &&&Decision| {
        d.spec.r#type == DecisionType::Override
            && d.spec.environment.as_deref() == Some(environment)
            && is_open(world, draft, d)
            && meant(world, d).is_ok_and(|meant| meant.uid == known.uid)
            && (is(Mutant::OverrideStays) || overruled(world, draft, known, d).is_none())
            && !(d.spec.gates.contains(&Skippable::Approvals) && doubt(world, d).is_some())
    };
    world.decisions.iter().filter(is_its).copied().collect()
}
