//! Promote and Retry: a release asked for by name. They stand until the gates let it in.

use crate::api::checkpoint::StageStatus;
use crate::api::rollout::Stepping;
use crate::api::stage::Stage;
use crate::api::{BuildHash, Decision, DecisionPhase, DecisionType, RolloutState, Span};
use crate::plan::draft::Draft;
use crate::plan::gate::{self, Candidate, is_adoption_hold};
use crate::plan::rollout::pause_of;
use crate::plan::world::{Known, World, order, user_of};
use crate::plan::{head, pin, reach};

use super::{Answer, is_open, is_standing};

/// Promote and Retry: refused where they could not mean anything, else they stand until the gates let the release in.
pub(super) fn stand(world: &World<'_>, draft: &mut Draft, index: usize, spec: &Stage, decision: &Decision) -> Answer {
    let Some(stage) = draft.status.stages.get(index) else { return Answer::Stands };
    let name = decision.spec.release.as_deref().unwrap_or("");
    let environment = &spec.environment;
    let Some(known) = world.release(name) else {
        return Answer::refused(format!("spec.release: there is no release {name}"));
    };
    let hash = match &known.build {
        Ok(row) => &row.hash,
        Err(why) => return Answer::refused(why.clone()),
    };
    if world.is_banned(stage, hash) && is_being_lifted(world, draft, environment, name, hash) {
        return Answer::Stands;
    }
    if let Some(why) = forbidden(world, draft, stage, known) {
        return Answer::Refused(why);
    }
    if let Some(applied) = end_pause(draft, index, known, decision) {
        return applied;
    }
    let Some(stage) = draft.status.stages.get(index) else { return Answer::Stands };
    if let Some(refused) = pointless(stage, spec, known, decision) {
        return refused;
    }
    if newer_stands(world, draft, environment, decision) {
        return Answer::refused("a later Promote or Retry in this environment took its place");
    }
    if decision.spec.r#type == DecisionType::Promote
        && !spec.is_manual()
        && let Some(newer) = newer_open(world, draft, index, spec, known)
    {
        return Answer::refused(format!(
            "{newer} is newer and may enter: {name} would be replaced at once; use Revert"
        ));
    }
    let Some(stage) = draft.status.stages.get_mut(index) else { return Answer::Stands };
    if is_adoption_hold(stage) {
        lift_adoption_hold(stage);
    }
    Answer::Stands
}

/// Why no person's word brings that release there, if none does.
pub(super) fn forbidden(world: &World<'_>, draft: &Draft, stage: &StageStatus, known: &Known<'_>) -> Option<String> {
    let (name, environment) = (known.name(), &stage.environment);
    if let Some(withdraw) = world.withdrawal(name, &known.hash) {
        return Some(format!("{name} was withdrawn by {}", user_of(withdraw)));
    }
    if world.is_banned(stage, &known.hash) {
        return Some(format!("the build of {name} is banned in {environment}; Unban it first"));
    }
    if let Some(pin) = pin::against(world, environment, name) {
        return Some(pin::refusal(pin));
    }
    if let Some(head) = head::mark(draft)
        && order(&known.mark, &head).is_gt()
    {
        return Some(format!("the head is {}; change spec.release", head.version));
    }
    reach::problem(world, known, environment)
}

/// An Unban stands, or was applied and the objects of the ban are on their way out.
fn is_being_lifted(world: &World<'_>, draft: &Draft, environment: &str, name: &str, hash: &BuildHash) -> bool {
    let is_unban =
        |d: &&&Decision| d.spec.r#type == DecisionType::Unban && d.spec.environment.as_deref() == Some(environment);
    world.decisions.iter().filter(is_unban).any(|d| match draft.noted(d) {
        Some(note) => note.phase == DecisionPhase::Applied && note.build_hash.as_ref() == Some(hash),
        None => is_open(world, draft, d) && d.spec.release.as_deref() == Some(name),
    })
}

/// A Promote of what stands at a step of its canary ends the step's pause.
fn end_pause(draft: &mut Draft, index: usize, known: &Known<'_>, decision: &Decision) -> Option<Answer> {
    let rollout = draft.status.stages.get_mut(index)?.rollout.as_mut()?;
    let is_its = rollout.release == known.name() && rollout.release_uid == known.uid;
    let strategy = rollout.strategy.clone();
    let is_in_pause = |state: &Stepping| {
        state.since.is_some() && !state.skipped && pause_of(&strategy, state.step) > Span::seconds(0)
    };
    let RolloutState::Stepping(state) = &mut rollout.state else { return None };
    if !is_its || decision.spec.r#type != DecisionType::Promote || !is_in_pause(state) {
        return None;
    }
    state.skipped = true;
    Some(Answer::applied(format!("the pause of step {} is over", state.step + 1)))
}

/// It is there already, or on its way.
fn pointless(stage: &StageStatus, spec: &Stage, known: &Known<'_>, decision: &Decision) -> Option<Answer> {
    let name = known.name();
    let is_retry = decision.spec.r#type == DecisionType::Retry;
    if let Some(rollout) = stage.rollout.as_ref().filter(|r| r.release == name) {
        return match rollout.state {
            RolloutState::Reverting(_) => None,
            RolloutState::Preparing(_)
            | RolloutState::Progressing(_)
            | RolloutState::Stepping(_)
            | RolloutState::Verifying(_) => Some(if is_retry {
                Answer::refused("it is under way")
            } else {
                Answer::applied("it is under way already")
            }),
            RolloutState::Delivered(_) | RolloutState::Homing(_) => Some(Answer::applied("it is delivered already")),
        };
    }
    let current = stage.current.as_ref().filter(|c| c.release == name && stage.rollout.is_none())?;
    let is_unproven = !current.healthy
        || !stage.proofs.iter().any(|p| {
            let has_passed_all = spec.tests.iter().all(|suite| p.suites.contains(&suite.suite));
            let is_its = p.attempt == current.attempt && p.release_uid == known.uid;
            is_its && p.void.is_none() && p.stale.is_none() && has_passed_all
        });
    match (is_retry, is_unproven) {
        (true, true) => None,
        (true, false) => Some(Answer::refused("it is delivered already")),
        (false, _) => Some(Answer::applied("it runs there already")),
    }
}

/// Whether a release of that name may stand at all: a slip of the pen takes nobody's place.
fn is_possible(world: &World<'_>, draft: &Draft, environment: &str, name: &str) -> bool {
    let Some(hash) = world.release(name).filter(|known| known.build.is_ok()).map(|known| &known.hash) else {
        return false;
    };
    let is_banned = draft.stage(environment).is_some_and(|stage| world.is_banned(stage, hash));
    world.withdrawal(name, hash).is_none() && (!is_banned || is_being_lifted(world, draft, environment, name, hash))
}

fn newer_stands(world: &World<'_>, draft: &Draft, environment: &str, decision: &Decision) -> bool {
    let mine = world.decisions.iter().position(|d| d.metadata.uid == decision.metadata.uid).unwrap_or(usize::MAX);
    world.decisions.iter().skip(mine.saturating_add(1)).any(|d| {
        is_standing(draft, d)
            && d.spec.environment.as_deref() == Some(environment)
            && is_open(world, draft, d)
            && d.spec.release.as_deref().is_some_and(|name| is_possible(world, draft, environment, name))
    })
}

/// A newer release that would enter right after.
fn newer_open(world: &World<'_>, draft: &Draft, index: usize, spec: &Stage, known: &Known<'_>) -> Option<String> {
    let newer = world.releases.iter().rev().take_while(|k| order(&k.mark, &known.mark).is_gt());
    newer
        .filter_map(|k| Candidate::of(world, draft, index, spec, k))
        .find(|c| gate::first_closed(c).is_none())
        .map(|c| c.known.name().to_owned())
}

pub(super) fn lift_adoption_hold(stage: &mut StageStatus) {
    let newest = stage.held.take().and_then(|h| h.newest);
    if let Some(newest) = newest
        && stage.high_water.as_ref().is_none_or(|mark| order(&newest, mark).is_gt())
    {
        stage.high_water = Some(newest);
    }
}
