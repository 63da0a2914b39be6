//! What an open rollout writes, and how the workloads of its frozen plan stand to that.

use crate::api::rollout::{Rollout, RolloutWorkload};
use crate::api::{RolloutState, StageStatus};
use crate::observe::Workload;

use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::workload::{self, ForeignWrite, Standing, Writing};
use super::world::World;
use super::{fight, health};

/// What the rollout writes: the new build on its way, the target on the way back.
pub fn writing<'s>(
    world: &'s World<'_>,
    draft: &'s Draft,
    stage: &'s StageStatus,
    rollout: &Rollout,
    marker: &'s str,
) -> Option<Writing<'s>> {
    let build = world.row(&draft.status, &rollout.build);
    let target = rollout.target.as_ref().and_then(|t| world.row(&draft.status, &t.build));
    // what ran when the rollout started; it differs from the target where that was not healthy
    let base = stage.current.as_ref().and_then(|current| world.row(&draft.status, &current.build));
    let reasserted = &*stage.reasserted;
    let forward = |is_written| {
        let (since, is_back) = (rollout.started_at, false);
        Some(Writing { wanted: build?, before: [base, target], marker, since, is_written, is_back, reasserted })
    };
    match &rollout.state {
        // the stage is as it was without a rollout
        RolloutState::Preparing(_) => None,
        // the workloads keep what they ran, whatever is tried beside them
        _ if rollout.is_apart() && !is(Mutant::StableTouched) => {
            let (since, is_written, is_back) = (rollout.started_at, true, true);
            Some(Writing { wanted: base?, before: [target, None], marker, since, is_written, is_back, reasserted })
        }
        RolloutState::Reverting(state) => {
            let (since, is_written, is_back) = (state.since, false, true);
            // by a write of ours the new build stands there only if there was one
            let build = build.filter(|_| !state.apart);
            Some(Writing { wanted: target?, before: [build, base], marker, since, is_written, is_back, reasserted })
        }
        RolloutState::Progressing(_) | RolloutState::Stepping(_) | RolloutState::Homing(_) => forward(false),
        RolloutState::Verifying(_) | RolloutState::Delivered(_) => forward(true),
    }
}

/// The value of `windlass.dev/attempt` that a write of this rollout leaves.
pub fn marker(rollout: &Rollout) -> String {
    match rollout.state {
        RolloutState::Reverting(_) => format!("{}.revert", rollout.attempt),
        _ if rollout.is_apart() => format!("{}.kept", rollout.attempt),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_) => rollout.attempt.clone(),
    }
}

/// The workload of the frozen plan as it is seen now.
pub fn seen<'a>(world: &World<'a>, environment: &str, plan: &RolloutWorkload) -> Option<&'a Workload> {
    world.place(environment)?.workloads.get(&plan.workload.key()).map(AsRef::as_ref)
}

/// Whether any workload runs the rollout's build by a write of this rollout. What was kept or put back beside a clone does not.
pub fn has_written(world: &World<'_>, environment: &str, rollout: &Rollout) -> bool {
    let is_its = |plan| seen(world, environment, plan).is_some_and(|w| w.attempt.as_deref() == Some(&*rollout.attempt));
    rollout.workloads.iter().any(is_its)
}

/// How the frozen workloads stand, up to and including one step.
pub fn standings(world: &World<'_>, draft: &Draft, index: usize, upto: usize) -> Vec<(RolloutWorkload, Standing)> {
    let Some(stage) = draft.status.stages.get(index) else { return Vec::new() };
    let Some(rollout) = &stage.rollout else { return Vec::new() };
    let marker = marker(rollout);
    let Some(writing) = writing(world, draft, stage, rollout, &marker) else { return Vec::new() };
    let stand = |plan: &RolloutWorkload| {
        let seen = seen(world, &stage.environment, plan);
        (plan.clone(), workload::standing(world, seen, plan, writing))
    };
    rollout.workloads.iter().take(upto + 1).map(stand).collect()
}

/// Whether all of them run what is wanted, and serve in full.
pub fn all_serve(world: &World<'_>, environment: &str, standings: &[(RolloutWorkload, Standing)]) -> bool {
    standings.iter().all(|(plan, standing)| {
        *standing == Standing::Wanted && seen(world, environment, plan).is_some_and(health::is_serving)
    })
}

/// What the stage is held for among them.
pub fn foreign(standings: &[(RolloutWorkload, Standing)]) -> Option<ForeignWrite> {
    fight::gravest(foreigns(standings))
}

/// What is someone else's among them.
pub fn foreigns(standings: &[(RolloutWorkload, Standing)]) -> Vec<ForeignWrite> {
    let foreign = |(_, standing): &(RolloutWorkload, Standing)| match standing {
        Standing::Foreign(foreign) => Some(foreign.clone()),
        Standing::Missing
        | Standing::ContainerMissing(_)
        | Standing::Unknown(_)
        | Standing::Wanted
        | Standing::Unwritten => None,
    };
    standings.iter().filter_map(foreign).collect()
}
