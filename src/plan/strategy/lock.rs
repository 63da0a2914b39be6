//! The lock of an autoscaler that does not count a clone's pods: it sees the clone take load off the workload, and would
//! shrink what is to take everything back. Put on before the clone gets its first pod, taken off when all of it is gone.

use crate::api::rollout::{Rollout, RolloutWorkload};
use crate::api::strategy;
use crate::api::{RolloutState, StageStatus};
use crate::observe::{Autoscaler, Claim};
use crate::plan::action::Action;
use crate::plan::mutant::{Mutant, is};
use crate::plan::traffic::route;
use crate::plan::world::World;

use super::{borne, clone, has_clones};

/// Adds the writes to the autoscalers of one stage.
pub fn writes(world: &World<'_>, stage: &StageStatus, actions: &mut Vec<Action>) {
    for autoscaler in seen(world, &stage.environment).filter(|autoscaler| !autoscaler.deleting) {
        let (namespace, name) = (autoscaler.namespace.clone(), autoscaler.name.clone());
        let (uid, resource_version) = (autoscaler.uid.clone(), autoscaler.resource_version.clone());
        if autoscaler.lock.is_none() && is_missing_anywhere(world, stage, autoscaler) {
            actions.push(Action::LockScaleDown { namespace, name, uid, resource_version, claim: world.claim() });
        } else if autoscaler.lock == Some(Claim::Ours) && !is_wanted(world, stage, autoscaler) && !is(Mutant::LockStays)
        {
            actions.push(Action::UnlockScaleDown { namespace, name, uid, resource_version });
        }
    }
}

/// Whether the clone of that workload must wait for a lock before it gets its first pod.
pub fn is_awaited(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, plan: &RolloutWorkload) -> bool {
    !is(Mutant::LockLate)
        && seen(world, &stage.environment).any(|autoscaler| is_missing(world, stage, rollout, plan, autoscaler))
}

/// Whether an autoscaler there bears a lock of ours.
pub fn is_left(world: &World<'_>, environment: &str) -> bool {
    seen(world, environment).any(|autoscaler| autoscaler.lock == Some(Claim::Ours) && !autoscaler.deleting)
}

fn seen<'a>(world: &World<'a>, environment: &str) -> impl Iterator<Item = &'a Autoscaler> + use<'a> {
    world.place(environment).into_iter().flat_map(|place| &place.autoscalers)
}

fn is_missing_anywhere(world: &World<'_>, stage: &StageStatus, autoscaler: &Autoscaler) -> bool {
    let is_of = |rollout: &Rollout| rollout.cloned().any(|plan| is_missing(world, stage, rollout, plan, autoscaler));
    stage.rollout.as_ref().is_some_and(is_of)
}

/// Whether a lock is wanted that does not stand. Not once the clone has pods: what someone does to it then is left alone. One
/// of another controller is that one's, as is a lock that another pipeline looks after.
fn is_missing(
    world: &World<'_>,
    stage: &StageStatus,
    rollout: &Rollout,
    plan: &RolloutWorkload,
    autoscaler: &Autoscaler,
) -> bool {
    let is_before =
        borne(rollout) > 0 && clone(world, &stage.environment, &plan.workload).is_none_or(|clone| clone.wanted == 0);
    let is_barred = match &autoscaler.lock {
        None => autoscaler.is_disabled,
        // what an earlier pipeline has left is put back first
        Some(Claim::None) => false,
        Some(Claim::Ours | Claim::Other(_)) => true,
    };
    is_before && is_for(rollout, plan, autoscaler) && !is_barred && !autoscaler.is_controlled && !autoscaler.deleting
}

/// Whether the rollout wants it not to shrink that workload.
fn is_for(rollout: &Rollout, plan: &RolloutWorkload, autoscaler: &Autoscaler) -> bool {
    rollout.strategy.autoscaler() == strategy::Autoscaler::Lock
        && autoscaler.deployment.as_ref() == Some(&plan.workload.name)
        && !autoscaler.counts_clone
}

/// Whether its lock is still wanted: while the rollout is open, and where that has ended until nothing of the clone is left.
fn is_wanted(world: &World<'_>, stage: &StageStatus, autoscaler: &Autoscaler) -> bool {
    match &stage.rollout {
        Some(rollout) if is(Mutant::UnlockEarly) && matches!(rollout.state, RolloutState::Homing(_)) => false,
        Some(rollout) => rollout.cloned().any(|plan| is_for(rollout, plan, autoscaler)),
        None => has_clones(world, &stage.environment) || route::is_exposing(world, stage),
    }
}
