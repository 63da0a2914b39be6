//! Strategies that run the new build in a clone: which object it is, how much of it is asked for, and how it does. The
//! workload itself is not touched until the build is proven.

pub mod effects;
pub mod lock;

use crate::api::pipeline::WorkloadRef;
use crate::api::rollout::{Rollout, RolloutWorkload};
use crate::api::stage::Stage;
use crate::api::strategy::Strategy;
use crate::api::{BuildHash, RolloutState, StageStatus};
use crate::observe::Workload;

use super::draft::Draft;
use super::health::{self, Judgement};
use super::mutant::{Mutant, is};
use super::traffic::{replicas, route, weight};
use super::world::World;
use super::writing::seen;
use super::{idle, interrupt, workload};

/// The whole of it.
pub const FULL: u32 = 100;

/// How a release enters: in a clone if the stage says so, and there is something to run beside.
pub fn of(world: &World<'_>, draft: &Draft, stage: &StageStatus, spec: &Stage, build: &BuildHash) -> Strategy {
    let is_beside = stage.current.as_ref().is_some_and(|current| current.build != *build);
    if spec.strategy.clones() && is_beside && idle::can_be_cloned(world, draft, stage) {
        spec.strategy.clone()
    } else {
        Strategy::default()
    }
}

/// The share of the requests that the new build is to have now in its clones, in percent.
pub fn asked(rollout: &Rollout) -> u32 {
    match &rollout.state {
        RolloutState::Stepping(state) => {
            rollout.strategy.steps().get(state.step as usize).map_or(FULL, |step| step.weight)
        }
        RolloutState::Verifying(_) | RolloutState::Delivered(_) => FULL,
        RolloutState::Reverting(_) if is(Mutant::BackExposes) => FULL,
        RolloutState::Homing(state) if (state.step as usize) < rollout.workloads.len() => FULL,
        RolloutState::Homing(_)
        | RolloutState::Reverting(_)
        | RolloutState::Preparing(_)
        | RolloutState::Progressing(_) => 0,
    }
}

/// How much of the workload its clones are to be able to bear now, in percent: before a switch the whole, and no request yet.
pub fn borne(rollout: &Rollout) -> u32 {
    let is_before = matches!(rollout.state, RolloutState::Stepping(_)) && rollout.strategy.tests_first();
    if is_before { FULL } else { asked(rollout) }
}

/// The number of pods that the clone of that workload is to have now.
pub fn size(rollout: &Rollout, stable: &Workload) -> i32 {
    match rollout.traffic {
        Some(_) => weight::pods(borne(rollout), stable.wanted),
        None => replicas::size(borne(rollout), stable.wanted),
    }
}

/// What stands under the name of the workload's clone and is ours.
pub fn clone<'a>(world: &World<'a>, environment: &str, workload: &WorkloadRef) -> Option<&'a Workload> {
    let found = world.place(environment)?.clones.get(&workload.key())?;
    found.is_clone().then_some(found.as_ref())
}

/// Whether the clone was made in this attempt and runs its build.
pub fn fits(world: &World<'_>, draft: &Draft, rollout: &Rollout, plan: &RolloutWorkload, clone: &Workload) -> bool {
    let row = world.row(&draft.status, &rollout.build);
    !clone.deleting
        && clone.attempt.as_deref() == Some(&*rollout.attempt)
        && row.is_some_and(|row| workload::runs(world, clone, &plan.workload, row))
}

/// Whether any clone of ours is left there.
pub fn has_clones(world: &World<'_>, environment: &str) -> bool {
    world.place(environment).is_some_and(|place| place.clones.values().any(|clone| clone.is_clone()))
}

/// What runs the rollout's new build: the clones while it is apart, else the workloads.
pub fn carriers<'a>(world: &World<'a>, stage: &StageStatus, rollout: &Rollout) -> Vec<&'a Workload> {
    if rollout.is_apart() {
        let is_its = |clone: &&Workload| clone.attempt.as_deref() == Some(&*rollout.attempt);
        let found = rollout.cloned().filter_map(|plan| clone(world, &stage.environment, &plan.workload));
        found.filter(is_its).collect()
    } else {
        rollout.workloads.iter().filter_map(|plan| seen(world, &stage.environment, plan)).collect()
    }
}

/// How the clones do together.
pub enum Clones {
    /// All of them have the pods that are asked for, ready.
    Stand,
    /// Not yet: in words.
    Coming(String),
    /// Something is in the way that says nothing about the build: in words.
    Blocked(String),
    /// Pods of the new build fail: in words.
    Failed(String),
}

/// Judges the clones of a rollout, and no other pods.
pub fn judge(world: &World<'_>, draft: &Draft, stage: &StageStatus, rollout: &Rollout) -> Clones {
    let mut all = Clones::Stand;
    for plan in rollout.cloned() {
        match of_clone(world, draft, stage, rollout, plan) {
            failed @ Clones::Failed(_) => return failed,
            Clones::Stand => {}
            other => all = other,
        }
    }
    match (all, route::waits(world, stage, rollout)) {
        (Clones::Stand, Some(why)) => Clones::Blocked(why),
        (all, _) => all,
    }
}

fn of_clone(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    rollout: &Rollout,
    plan: &RolloutWorkload,
) -> Clones {
    let environment = &stage.environment;
    let key = plan.workload.key();
    let Some(stable) = seen(world, environment, plan).filter(|stable| !stable.deleting) else {
        return Clones::Blocked(format!("{key} is gone"));
    };
    let refused = || interrupt::refusal(world, environment);
    let beginning = |size: i32| {
        let name = plan.workload.clone_name(rollout.track());
        format!("Deployment/{name}: 0 of {size} new pods available")
    };
    let wanted = size(rollout, stable);
    let unfit = || refused().map_or_else(|| Clones::Coming(beginning(wanted)), Clones::Blocked);
    let found = clone(world, environment, &plan.workload);
    if let Some(old) = found.filter(|clone| clone.attempt.as_deref() != Some(&*rollout.attempt)) {
        return Clones::Blocked(format!("Deployment/{} of an earlier attempt is still there", old.name));
    }
    let Some(clone) = found.filter(|clone| fits(world, draft, rollout, plan, clone)) else { return unfit() };
    match health::judge(world, clone, rollout.started_at) {
        Judgement::Failed(why) => Clones::Failed(why),
        Judgement::Complete | Judgement::Coming(_) if clone.wanted != wanted && !is(Mutant::CloneHalf) => unfit(),
        Judgement::Complete => Clones::Stand,
        Judgement::Coming(what) => Clones::Coming(what),
    }
}
