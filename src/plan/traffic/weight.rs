//! The clone's share of the requests: it rises to what the step asks for when as many pods answer, and falls at once; but
//! never onto a Service behind which nothing is ready, while something is behind the other.

use crate::api::pipeline::WorkloadRef;
use crate::api::rollout::{Rollout, RolloutWorkload};
use crate::api::{RolloutState, StageStatus};
use crate::observe::Place;
use crate::plan::draft::Draft;
use crate::plan::freeze;
use crate::plan::mutant::{Mutant, is};
use crate::plan::strategy;
use crate::plan::world::World;
use crate::plan::writing::seen;

use super::route;

/// Pods for a share of the requests: enough to bear it, one at least.
pub fn pods(percent: u32, of: i32) -> i32 {
    let (percent, of) = (i64::from(percent.min(100)), i64::from(of.max(0)));
    let wanted = if percent == 0 || of == 0 { 0 } else { (of * percent + 99).div_euclid(100).max(1) };
    i32::try_from(wanted).unwrap_or(i32::MAX)
}

/// The weight that the route is to have now, in percent.
pub fn wanted(world: &World<'_>, draft: &Draft, stage: &StageStatus) -> u32 {
    let Some(route) = route::ours(world, &stage.environment) else { return 0 };
    let now = route::weight(world, stage, route);
    match stage.rollout.as_ref().filter(|rollout| asked(world, draft, stage, rollout) > 0) {
        Some(rollout) => forward(world, stage, rollout, now),
        None => back(world, stage, now),
    }
}

/// What the rollout asks for, if its clones are there to bear it.
fn asked(world: &World<'_>, draft: &Draft, stage: &StageStatus, rollout: &Rollout) -> u32 {
    let is_there = |plan: &RolloutWorkload| {
        strategy::clone(world, &stage.environment, &plan.workload)
            .is_some_and(|clone| strategy::fits(world, draft, rollout, plan, clone))
    };
    if rollout.traffic.is_some() && rollout.cloned().all(is_there) { strategy::asked(rollout) } else { 0 }
}

/// How many endpoints the step needs, and how many are ready.
pub fn endpoints(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> (i32, i32) {
    let borne = strategy::borne(rollout).max(1);
    let stable = wanted_pods(world, stage, rollout);
    let place = world.place(&stage.environment).zip(route::of_rollout(rollout));
    let ready = place.map_or(0, |(place, split)| route::ready_beside(place, split));
    (pods(borne, stable), ready)
}

/// Pods that the workloads before which the route stands are to have.
fn wanted_pods(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> i32 {
    rollout.cloned().filter_map(|plan| seen(world, &stage.environment, plan)).map(|w| w.wanted).sum()
}

fn forward(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, now: u32) -> u32 {
    let asked = strategy::asked(rollout);
    let (needed, ready) = endpoints(world, stage, rollout);
    let is_stopped = freeze::is_on(world, stage) || strategy::effects::is_stopped(world, stage, rollout);
    if ready == 0 && needed > 0 && !is(Mutant::WeightOnDead) && !is(Mutant::WeightEarly) {
        0
    } else if (ready >= needed || is(Mutant::WeightEarly)) && !is_stopped {
        asked
    } else {
        now.min(asked)
    }
}

/// On the way back, on the way home, and with nothing under way. It never rises here.
fn back(world: &World<'_>, stage: &StageStatus, now: u32) -> u32 {
    let Some(place) = world.place(&stage.environment) else { return now };
    let (stable, beside) = (route::ready(place, true), route::ready(place, false));
    let is_last = world.is_pipeline_deleted() && stage.rollout.is_none();
    // a homecoming ends when the workload can bear everything; a way back takes what there is
    let homing = stage.rollout.as_ref().filter(|r| matches!(r.state, RolloutState::Homing(_)));
    let needed = match homing {
        _ if is_at_zero(world, place) => 0,
        Some(rollout) => wanted_pods(world, stage, rollout).max(1),
        None => 1,
    };
    if beside > 0 && stable < needed && !is_last && !is(Mutant::WeightBlind) { now } else { 0 }
}

/// Whether nobody wants the workloads that get clones to have a pod.
fn is_at_zero(world: &World<'_>, place: &Place) -> bool {
    let is_unwanted = |w: &WorkloadRef| place.workloads.get(&w.key()).is_some_and(|seen| seen.wanted == 0);
    world.spec.workloads.iter().filter(|w| w.is_cloned()).all(is_unwanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_pods_for_the_share_and_one_at_least() {
        for (percent, of, expected) in
            [(0, 3, 0), (5, 3, 1), (25, 4, 1), (26, 4, 2), (34, 3, 2), (50, 3, 2), (99, 3, 3), (100, 3, 3), (5, 0, 0)]
        {
            assert_eq!(pods(percent, of), expected, "{percent} % of {of}");
        }
    }
}
