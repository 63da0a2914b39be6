//! Capacity: so many rollouts at a time in one Environment. A pipeline notes in its own checkpoint that nothing but a place is
//! missing; the Environment's own pass gives places, first come first served. So pipelines cannot race for one. A place is for the
//! one start that was asked for.

use crate::api::environment::{EnvironmentStatus, Grant};
use crate::api::{DeliveryPipeline, Rollout, RolloutState, Span, StageStatus, Time};
use crate::observe::EnvironmentView;

use super::mutant::{Mutant, is};
use super::world::World;

/// A place that was given and not taken for so long is given to the next; who did not take it asks anew.
const PATIENCE: Span = Span::seconds(120);

/// How many rollouts may be under way there at a time, where that keeps this pipeline from starting one now.
pub fn limit(world: &World<'_>, environment: &str) -> Option<u32> {
    let limit = world.policy(environment)?.max_concurrent_rollouts?;
    let is_free = grant(world, environment).is_some_and(|grant| !is_lapsed(grant, world.now));
    (!is_free && !is(Mutant::CapacityIgnored)).then_some(limit)
}

/// Since when it asks: as before, or anew where it let a place lapse. No two of its starts ask at the same time.
pub fn asks(world: &World<'_>, environment: &str, before: Option<Time>) -> Option<Time> {
    let given = grant(world, environment);
    if let Some(grant) = given.filter(|grant| !is_lapsed(grant, world.now)) {
        world.is_due(grant.at.plus(PATIENCE));
    }
    let last = own(world, environment).map(|grant| grant.asked.plus(Span::from_millis(1)));
    let anew = last.map_or(world.now, |last| last.max(world.now));
    before.filter(|_| !given.is_some_and(|grant| is_lapsed(grant, world.now))).or(Some(anew))
}

/// The place that was given for what the stored checkpoint asks.
fn grant<'a>(world: &World<'a>, environment: &str) -> Option<&'a Grant> {
    let asked = world.snap.pipeline.status.as_ref()?.stage(environment)?.asks?;
    own(world, environment).filter(|grant| grant.asked == asked)
}

/// The place that the Environment's status has for this pipeline, whatever it was for.
fn own<'a>(world: &World<'a>, environment: &str) -> Option<&'a Grant> {
    let name = world.snap.pipeline.metadata.name.as_deref()?;
    let found = world.place(environment)?.environment.as_deref()?;
    found.status.as_ref()?.grants.iter().find(|grant| grant.pipeline == name)
}

fn is_lapsed(grant: &Grant, now: Time) -> bool {
    now >= grant.at.plus(PATIENCE)
}

/// The places as the Environment's status has them from now on, and when to look again.
pub fn grants(view: &EnvironmentView, name: &str, old: &EnvironmentStatus, now: Time) -> (Vec<Grant>, Option<Time>) {
    let policy = view.environment.spec.policy.as_ref();
    let Some(limit) = policy.and_then(|policy| policy.max_concurrent_rollouts) else { return (Vec::new(), None) };
    let stages: Vec<(&str, &StageStatus)> = view.pipelines.iter().filter_map(|p| stage(p, name)).collect();
    let mut queue: Vec<(Time, &str)> = stages.iter().filter_map(|(of, stage)| Some((stage.asks?, *of))).collect();
    let mut granted: Vec<Grant> =
        old.grants.iter().filter(|g| queue.contains(&(g.asked, &*g.pipeline))).cloned().collect();
    queue.retain(|(asked, of)| !granted.iter().any(|grant| grant.pipeline == *of && grant.asked == *asked));
    queue.sort_unstable();
    let awaited: Vec<Time> =
        granted.iter().filter(|grant| !is_lapsed(grant, now)).map(|grant| grant.at.plus(PATIENCE)).collect();
    // also what started without a place: before there was a limit, or by an Override
    let used = stages.iter().filter(|(_, stage)| holds(stage)).count() + awaited.len();
    let room = (limit as usize).saturating_sub(used);
    let given = queue.into_iter().take(room);
    granted.extend(given.map(|(asked, of)| Grant { pipeline: of.to_owned(), asked, at: now }));
    granted.truncate(100);
    (granted, awaited.into_iter().min())
}

fn stage<'a>(pipeline: &'a DeliveryPipeline, environment: &str) -> Option<(&'a str, &'a StageStatus)> {
    Some((pipeline.metadata.name.as_deref()?, pipeline.status.as_ref()?.stage(environment)?))
}

/// Something is under way there. What is paused gives its place back, and what is proven needs none; suites alone are no rollout.
fn holds(stage: &StageStatus) -> bool {
    let is_again = |rollout: &Rollout| stage.current.as_ref().is_some_and(|current| current.build == rollout.build);
    let rollout = stage.rollout.as_ref().filter(|rollout| !is_again(rollout));
    match rollout.map(|rollout| &rollout.state) {
        None | Some(RolloutState::Delivered(_) | RolloutState::Homing(_)) => false,
        Some(RolloutState::Preparing(state)) => state.paused.is_none(),
        Some(RolloutState::Progressing(state)) => state.paused.is_none(),
        Some(RolloutState::Stepping(state)) => state.paused.is_none(),
        Some(RolloutState::Verifying(_) | RolloutState::Reverting(_)) => true,
    }
}
