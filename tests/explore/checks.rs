//! What checks measure: good, bad or no answer, for what the operator measures just now; and the guarantees about it.

use std::sync::Arc;

use windlass::api::{Cause, Outcome, Rollout, RolloutState, Span, StageStatus, Time};
use windlass::observe::{Measured, Reading, Sample};
use windlass::plan::{Measure, measures};

use crate::budget::{Budget, Kind};
use crate::ghost::note;
use crate::safety::{Holds, holds, stored};
use crate::step::{Step, spend};
use crate::world::{STAGES, World};

/// Samples that are kept: more decide nothing.
const KEPT: usize = 3;

/// What a measurement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Good,
    Bad,
    Nothing,
}

/// What is measured in a stage just now.
fn wanted(world: &World, at: usize) -> Option<Measure> {
    let has_checks = world.pipeline.as_ref().is_some_and(|p| p.spec.stages.iter().any(|s| !s.checks.is_empty()));
    let snapshot = has_checks.then(|| world.snapshot())??;
    measures(&snapshot, world.now).into_iter().find(|m| m.environment == STAGES[at])
}

pub fn possible(world: &World, budget: &Budget, steps: &mut Vec<Step>) {
    for at in 0..2 {
        let Some(measure) = wanted(world, at) else { continue };
        let known = world.places[at].measured.get(&measure.subject);
        let last = known.filter(|m| is_its(m, &measure)).and_then(|m| m.samples.last());
        let open = stored(world, at).and_then(|s| s.rollout.as_ref());
        let exposed = open.and_then(|r| match &r.state {
            RolloutState::Stepping(state) => state.since,
            _ => r.exposed_at,
        });
        let is_good = |s: &Sample| s.reading == Reading::Good && exposed.is_none_or(|exposed| s.at >= exposed);
        if !last.is_some_and(is_good) {
            steps.push(Step::Measure(at, Says::Good));
        }
        if budget.has(Kind::CheckBad) {
            steps.push(Step::Measure(at, Says::Bad));
        }
        if budget.has(Kind::CheckSilent) {
            steps.push(Step::Measure(at, Says::Nothing));
        }
        if budget.has(Kind::CheckLost) && last.is_some() {
            steps.push(Step::Forget(at));
        }
    }
}

fn is_its(measured: &Measured, measure: &Measure) -> bool {
    measured.attempt == measure.attempt && measured.revision == measure.revision
}

/// Does a step of measuring; false if it is none.
pub fn happens(world: &mut World, step: &Step) -> bool {
    match step {
        Step::Measure(at, says) => measure(world, *at, *says),
        Step::Forget(at) => {
            spend(world, Kind::CheckLost);
            Arc::make_mut(&mut world.places[*at]).measured.clear();
        }
        _ => return false,
    }
    true
}

fn measure(world: &mut World, at: usize, says: Says) {
    let Some(measure) = wanted(world, at) else { return };
    let reading = match says {
        Says::Good => Reading::Good,
        Says::Bad => Reading::Bad("too many".into()),
        Says::Nothing => Reading::Silent("nobody answers".into()),
    };
    let sample = Sample { at: world.now, reading };
    let known = Arc::make_mut(&mut world.places[at]).measured.entry(measure.subject.clone()).or_default();
    let known = Arc::make_mut(known);
    if !is_its(known, &measure) {
        let (attempt, revision) = (measure.attempt.clone(), measure.revision.clone());
        *known = Measured { attempt, revision, samples: Vec::new() };
    }
    known.samples.push(sample);
    if known.samples.len() > KEPT {
        known.samples.remove(0);
    }
    match says {
        Says::Good => {
            let (now, good) = (world.now, &mut world.ghost().good[at]);
            good.retain(|(attempt, revision, _)| *attempt != measure.attempt || *revision != measure.revision);
            good.push((measure.attempt, measure.revision, now));
        }
        Says::Bad => {
            spend(world, Kind::CheckBad);
            note(&mut world.ghost().bad[at], measure.attempt);
        }
        Says::Nothing => spend(world, Kind::CheckSilent),
    }
}

/// S2, S13: what has checks is called delivered only after a good answer of just these pods, in full exposure.
pub fn proven(world: &World, at: usize, rollout: &Rollout) -> Holds {
    if rollout.checks.is_empty() {
        return Ok(());
    }
    let revision = wanted(world, at).map(|m| m.revision).unwrap_or_default();
    let mut good = world.ghost.good[at].iter();
    let is_good = good.any(|(attempt, of, when)| {
        *attempt == rollout.attempt && *of == revision && rollout.exposed_at.is_some_and(|exposed| *when >= exposed)
    });
    holds(is_good, "S2", || format!("{} is called delivered and its check never said so", STAGES[at]))
}

/// S14: nothing goes home, or is called healthy, whose last answer was bad, or that asks to go back; nor what was not measured
/// at all. Not for ever: where no answer comes the time that a rollout has is enough.
pub fn well(world: &World, at: usize, before: &StageStatus, stage: &StageStatus) -> Holds {
    let Some(rollout) = before.rollout.as_ref().filter(|r| !r.checks.is_empty()) else { return Ok(()) };
    let RolloutState::Delivered(baking) = &rollout.state else { return Ok(()) };
    let is_home = stage.rollout.as_ref().is_some_and(|r| matches!(r.state, RolloutState::Homing(_)));
    let lines = stage.history.iter().skip(before.history.len());
    let is_settled = lines.filter(|e| e.attempt == rollout.attempt).any(|e| e.outcome == Outcome::Delivered);
    let is_going = world.pipeline.as_ref().is_none_or(|p| p.metadata.deletion_timestamp.is_some());
    let is_left = world.places[at].environment.as_ref().is_none_or(|e| e.metadata.deletion_timestamp.is_some());
    if !(is_home || is_settled) || world.is_stale() || is_going || is_left || !world.stage_names().contains(&STAGES[at])
    {
        return Ok(());
    }
    let revision = wanted(world, at).map(|m| m.revision);
    let known = world.places[at]
        .measured
        .values()
        .find(|m| m.attempt == rollout.attempt && Some(&m.revision) == revision.as_ref());
    let samples: Vec<&Sample> = known.into_iter().flat_map(|m| &m.samples).collect();
    let answer = samples.iter().rev().find(|s| !matches!(s.reading, Reading::Silent(_)));
    let is_old = |since: Time| world.now >= since.plus(rollout.progress_deadline);
    let is_bad =
        answer.is_some_and(|s| matches!(s.reading, Reading::Bad(_)) && !is_old(s.at)) || baking.revert.is_some();
    holds(!is_bad, "S14", || format!("{}: it goes home on a bad answer", STAGES[at]))?;
    let is_heard = !samples.is_empty() || is_old(baking.until);
    holds(is_heard, "S14", || format!("{}: it goes home, and nothing was measured", STAGES[at]))
}

/// S25: what was delivered goes back for its health only with the Environment's leave, or where nobody answers.
pub fn has_leave(world: &World, at: usize, before: &StageStatus, cause: Cause, message: &str) -> Holds {
    let Some(rollout) = before.rollout.as_ref() else { return Ok(()) };
    let RolloutState::Delivered(baking) = &rollout.state else { return Ok(()) };
    if cause != Cause::Failed || !message.starts_with("health lost in the bake") || world.operator.is_late {
        return Ok(());
    }
    let environment = world.places[at].environment.as_ref();
    let is_going = environment.is_none_or(|e| e.metadata.deletion_timestamp.is_some());
    let granted = environment
        .and_then(|e| e.status.as_ref())
        .is_some_and(|s| s.reverts.iter().any(|grant| grant.attempt == rollout.attempt));
    let is_old = baking.revert.as_ref().is_some_and(|r| world.now >= r.since.plus(Span::seconds(60)));
    holds(granted || is_going || is_old, "S25", || format!("{} goes back without leave", STAGES[at]))
}
