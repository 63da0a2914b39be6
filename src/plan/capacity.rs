//! Capacity: so many rollouts at a time in one Environment. A pipeline notes in its own checkpoint that nothing but a place is
//! missing; the Environment's own pass gives places, first come first served. So pipelines cannot race for one.

use crate::api::environment::{EnvironmentStatus, Grant};
use crate::api::{DeliveryPipeline, RolloutState, Span, StageStatus, Time};
use crate::observe::EnvironmentView;

use super::mutant::{Mutant, is};
use super::world::World;

/// A place that was given and not taken for so long keeps no other waiting.
const PATIENCE: Span = Span::seconds(120);

/// How many rollouts may be under way there at a time, where that keeps this pipeline from starting one now.
pub fn limit(world: &World<'_>, environment: &str) -> Option<u32> {
    let found = world.place(environment)?.environment.as_deref()?;
    let limit = found.spec.policy.as_ref()?.max_concurrent_rollouts?;
    let name = world.snap.pipeline.metadata.name.as_deref().unwrap_or("");
    let grants = found.status.as_ref().map(|status| status.grants.as_slice()).unwrap_or_default();
    let is_granted = grants.iter().any(|grant| grant.pipeline == name);
    (!is_granted && !is(Mutant::CapacityIgnored)).then_some(limit)
}

/// The places as the Environment's status has them from now on, and when to look again.
pub fn grants(view: &EnvironmentView, name: &str, old: &EnvironmentStatus, now: Time) -> (Vec<Grant>, Option<Time>) {
    let policy = view.environment.spec.policy.as_ref();
    let Some(limit) = policy.and_then(|policy| policy.max_concurrent_rollouts) else { return (Vec::new(), None) };
    let stages: Vec<(&str, &StageStatus)> = view.pipelines.iter().filter_map(|p| stage(p, name)).collect();
    let is_taken = |of: &str| stages.iter().any(|(pipeline, stage)| *pipeline == of && holds(stage));
    let is_wanted = |of: &str| stages.iter().any(|(pipeline, stage)| *pipeline == of && stage.asks.is_some());
    let mut granted: Vec<Grant> =
        old.grants.iter().filter(|g| is_taken(&g.pipeline) || is_wanted(&g.pipeline)).cloned().collect();
    let is_fresh = |grant: &&Grant| !is_taken(&grant.pipeline) && now < grant.at.plus(PATIENCE);
    let awaited: Vec<Time> = granted.iter().filter(is_fresh).map(|grant| grant.at.plus(PATIENCE)).collect();
    // also what started without a place: before there was a limit, or by an Override
    let used = stages.iter().filter(|(_, stage)| holds(stage)).count() + awaited.len();
    let is_new = |of: &str| !granted.iter().any(|grant| grant.pipeline == of);
    let mut queue: Vec<(Time, &str)> = stages.iter().filter_map(|(of, stage)| Some((stage.asks?, *of))).collect();
    queue.retain(|(_, of)| is_new(of));
    queue.sort_unstable();
    let room = (limit as usize).saturating_sub(used);
    let given = queue.into_iter().take(room).map(|(_, of)| Grant { pipeline: of.to_owned(), at: now });
    granted.extend(given);
    granted.truncate(100);
    (granted, awaited.into_iter().min())
}

fn stage<'a>(pipeline: &'a DeliveryPipeline, environment: &str) -> Option<(&'a str, &'a StageStatus)> {
    Some((pipeline.metadata.name.as_deref()?, pipeline.status.as_ref()?.stage(environment)?))
}

/// Something is under way there. What is paused gives its place back, and what is delivered needs none.
fn holds(stage: &StageStatus) -> bool {
    match stage.rollout.as_ref().map(|rollout| &rollout.state) {
        None | Some(RolloutState::Delivered(_)) => false,
        Some(RolloutState::Progressing(state)) => state.paused.is_none(),
        Some(RolloutState::Stepping(state)) => state.paused.is_none(),
        Some(RolloutState::Verifying(_) | RolloutState::Homing(_) | RolloutState::Reverting(_)) => true,
    }
}
