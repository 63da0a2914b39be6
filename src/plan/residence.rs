//! How long a proven build has run in a stage without a break: what a soak asks for.

use crate::api::checkpoint::{Proof, SeenWorkload, StageStatus};
use crate::api::rollout::Rollout;
use crate::api::{RolloutState, Span, Time};

use super::draft::Draft;
use super::idle;
use super::world::World;

/// Takes down since when what was proven runs in each stage, and how long what does not run there any more has.
pub fn note(world: &World<'_>, draft: &mut Draft) {
    for index in 0..draft.status.stages.len() {
        let Some(stage) = draft.status.stages.get(index).filter(|stage| !stage.proofs.is_empty()) else { continue };
        let is_sound = stage.rollout.is_some() || is_sound(world, stage);
        let live: Vec<bool> = stage.proofs.iter().map(|proof| is_sound && is_live(stage, proof)).collect();
        let Some(stage) = draft.status.stages.get_mut(index) else { continue };
        let is_replaced = stage.rollout.is_some();
        for (proof, is_live) in stage.proofs.iter_mut().zip(live) {
            record(proof, is_live, is_replaced, world.now);
        }
    }
}

/// What a rollout of ours ends is known to have lasted until now. When anything else ended is not known: the operator may have
/// been away, and so it counts for nothing.
fn record(proof: &mut Proof, is_live: bool, is_replaced: bool, now: Time) {
    match proof.since {
        None if is_live => proof.since = Some(now),
        Some(since) if !is_live => {
            proof.longest = proof.longest.max(Some(whole_seconds(now.since(since))).filter(|_| is_replaced));
            proof.since = None;
        }
        Some(_) | None => {}
    }
}

/// A span is shown and stored in whole seconds, and rounds up.
const fn whole_seconds(span: Span) -> Span {
    Span::from_millis(span.millis() - span.millis() % 1000)
}

/// Where nothing is under way: what is recorded as current is healthy, and the workloads under it are there as they were left.
fn is_sound(world: &World<'_>, stage: &StageStatus) -> bool {
    let is_lost = stage.alert.as_ref().is_some_and(|alert| alert.reason == idle::HEALTH_LOST);
    let is_there = |workload: &SeenWorkload| {
        let place = world.place(&stage.environment);
        place.is_some_and(|place| place.workloads.contains_key(&workload.workload))
    };
    stage.current.as_ref().is_some_and(|current| current.healthy)
        && !is_lost
        && stage.foreign().is_none()
        && stage.workloads.iter().all(is_there)
}

/// Whether its build runs there for all that come, and nothing is on its way to take its place.
fn is_live(stage: &StageStatus, proof: &Proof) -> bool {
    let is_current = || stage.current.as_ref().is_some_and(|current| current.build == proof.build);
    let runs = match &stage.rollout {
        Some(rollout) => rollout.build == proof.build && (is_well(rollout) || is_current()),
        None => is_current(),
    };
    runs && proof.void.is_none()
}

/// It is delivered, and nothing speaks against it just now.
const fn is_well(rollout: &Rollout) -> bool {
    match &rollout.state {
        RolloutState::Delivered(state) => state.unhealthy.is_none() && state.revert.is_none(),
        RolloutState::Homing(_) => true,
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Reverting(_) => false,
    }
}
