//! How long a proven build has run in a stage without a break: what a soak asks for.

use crate::api::checkpoint::{HoldKind, Proof, StageStatus};
use crate::api::{RolloutState, Time};

use super::draft::Draft;
use super::world::World;

/// Takes down since when what was proven runs in each stage, and how long what does not run there any more has.
pub fn note(world: &World<'_>, draft: &mut Draft) {
    for stage in &mut draft.status.stages {
        let live: Vec<bool> = stage.proofs.iter().map(|proof| is_live(stage, proof)).collect();
        for (proof, is_live) in stage.proofs.iter_mut().zip(live) {
            record(proof, is_live, world.now);
        }
    }
}

fn record(proof: &mut Proof, is_live: bool, now: Time) {
    match proof.since {
        None if is_live => proof.since = Some(now),
        Some(since) if !is_live => {
            proof.longest = proof.longest.max(Some(now.since(since)));
            proof.since = None;
        }
        Some(_) | None => {}
    }
}

/// Whether its build runs there for all that come, and nothing is on its way to take its place.
fn is_live(stage: &StageStatus, proof: &Proof) -> bool {
    let is_current = || stage.current.as_ref().is_some_and(|current| current.build == proof.build);
    let is_proven = |state: &RolloutState| matches!(state, RolloutState::Delivered(_) | RolloutState::Homing(_));
    let runs = match &stage.rollout {
        Some(rollout) => rollout.build == proof.build && (is_proven(&rollout.state) || is_current()),
        None => is_current(),
    };
    runs && proof.void.is_none() && !stage.is_held_for(HoldKind::ExternalChange)
}
