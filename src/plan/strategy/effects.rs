//! The writes to clones that a stage's checkpoint asks for: made without pods, brought to the size of the step, cut, taken
//! away. What no open rollout wants goes, whatever left it there.

use crate::api::rollout::{Rollout, RolloutWorkload};
use crate::api::{RolloutState, StageStatus};
use crate::observe::Workload;
use crate::plan::action::{Action, CreateClone, ScaleClone};
use crate::plan::draft::Draft;
use crate::plan::effects::confirm;
use crate::plan::mutant::{Mutant, is};
use crate::plan::traffic::route;
use crate::plan::world::World;
use crate::plan::writing::seen;
use crate::plan::{freeze, interrupt, workload};

use super::{borne, fits, lock, size};

/// Adds the writes to the clones of one stage.
pub fn writes(world: &World<'_>, draft: &Draft, stage: &StageStatus, actions: &mut Vec<Action>) {
    let Some(place) = world.place(&stage.environment) else { return };
    for (key, clone) in place.clones.iter().filter(|(_, clone)| clone.is_clone() && !clone.deleting) {
        let plan = stage.rollout.as_ref().and_then(|r| Some((r, r.cloned().find(|p| p.workload.key() == *key)?)));
        let stable = place.workloads.get(key).map(AsRef::as_ref);
        let wanting = plan.filter(|(rollout, plan)| borne(rollout) > 0 && fits(world, draft, rollout, plan, clone));
        actions.extend(match (wanting, stable) {
            (Some((rollout, plan)), Some(stable)) => fit(world, draft, stage, (rollout, plan), stable, clone),
            (Some(_), None) => None,
            (None, stable) => let_go(world, stage, stable, clone),
        });
    }
    let rollout = stage.rollout.as_ref().filter(|rollout| borne(rollout) > 0);
    let missing = rollout.into_iter().flat_map(|r| r.cloned().map(move |plan| (r, plan)));
    actions.extend(missing.filter_map(|(rollout, plan)| create(world, draft, stage, rollout, plan)));
}

/// The clone as the step wants it.
fn fit(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    (rollout, plan): (&Rollout, &RolloutWorkload),
    stable: &Workload,
    clone: &Workload,
) -> Option<Action> {
    let replicas = size(rollout, stable);
    let is_raised = replicas > clone.wanted;
    // what was cut is not given back before the end of a freeze; what stands follows the size of the workload
    let is_kept_cut = || clone.wanted == 0 && freeze::is_on(world, stage);
    let is_barred =
        || is_stopped(world, stage, rollout) || is_kept_cut() || lock::is_awaited(world, stage, rollout, plan);
    if replicas == clone.wanted || is_raised && is_barred() {
        return None;
    }
    let confirm = if is_raised { confirm(world, draft, stage, rollout) } else { Vec::new() };
    Some(scale(if is(Mutant::StableScaled) { stable } else { clone }, replicas, confirm))
}

/// Whether a person keeps the step from being taken. One that stands goes on following the size of the workload.
pub fn is_stopped(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    match &rollout.state {
        RolloutState::Stepping(state) => {
            state.since.is_none()
                && !is(Mutant::StepUnasked)
                && (state.paused.is_some() || interrupt::is_halted(world, stage, rollout))
        }
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_)
        | RolloutState::Reverting(_) => false,
    }
}

/// First its exposure, then itself. Where it alone answers it stays, until the workload does or the pipeline is gone; but not
/// where nobody wants the workload to have a pod.
fn let_go(world: &World<'_>, stage: &StageStatus, stable: Option<&Workload>, clone: &Workload) -> Option<Action> {
    let is_missed = |stable: &Workload| stable.available == 0 && stable.wanted > 0;
    let is_needed = clone.available > 0 && stable.is_none_or(is_missed);
    let is_last = world.is_pipeline_deleted() && stage.rollout.is_none();
    if clone.wanted > 0 {
        if is(Mutant::CutForgotten) && stage.rollout.is_some() {
            return None;
        }
        let is_routed = !route::is_drained(world, stage) && !is(Mutant::CutRouted);
        let is_kept = is_routed || is_needed && !is_last && !is(Mutant::CutBlind);
        return (!is_kept).then(|| scale(clone, 0, Vec::new()));
    }
    let is_empty = clone.observed_generation >= clone.generation && clone.replicas == 0;
    (is_empty && !is(Mutant::CloneStays)).then(|| Action::RemoveClone {
        namespace: clone.namespace.clone(),
        name: clone.name.clone(),
        uid: clone.uid.clone(),
        resource_version: clone.resource_version.clone(),
    })
}

fn scale(clone: &Workload, replicas: i32, confirm: Vec<crate::plan::Confirm>) -> Action {
    Action::ScaleClone(ScaleClone {
        namespace: clone.namespace.clone(),
        name: clone.name.clone(),
        uid: clone.uid.clone(),
        resource_version: clone.resource_version.clone(),
        replicas,
        confirm,
    })
}

/// A clone that is not there yet. What stands under its name and is not ours stays.
fn create(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    rollout: &Rollout,
    plan: &RolloutWorkload,
) -> Option<Action> {
    let place = world.place(&stage.environment)?;
    if place.clones.contains_key(&plan.workload.key()) {
        return None;
    }
    let stable = seen(world, &stage.environment, plan).filter(|stable| !stable.deleting)?;
    let row = world.row(&draft.status, &rollout.build)?;
    Some(Action::CreateClone(CreateClone {
        namespace: stable.namespace.clone(),
        of: stable.name.clone(),
        of_uid: stable.uid.clone(),
        name: plan.workload.clone_name(rollout.track()),
        track: rollout.track().to_owned(),
        images: workload::writes(world, stable, &plan.workload, row.into()),
        claim: world.claim(),
        attempt: rollout.attempt.clone(),
    }))
}
