//! The writes to workloads that a stage's checkpoint asks for: the step of a rollout, the way back, a re-created workload.

use crate::api::pipeline::WorkloadRef;
use crate::api::rollout::{Rollout, RolloutWorkload};
use crate::api::{BuildRow, RolloutState, StageStatus};
use crate::observe::{Claim, Workload};

use super::action::{Action, SetImages};
use super::draft::Draft;
use super::effects::{confirm, is_forward};
use super::idle::{self, Drift};
use super::workload::{self, Images, Standing, Writing};
use super::world::World;
use super::{fight, freeze, interrupt, strategy, traffic, writing};

/// Adds the image writes of one stage.
pub fn writes(world: &World<'_>, draft: &Draft, stage: &StageStatus, actions: &mut Vec<Action>) {
    if world.namespace(&stage.environment).is_none() {
        return;
    }
    // exposure is cut before anything else is written
    traffic::writes::writes(world, draft, stage, actions);
    strategy::effects::writes(world, draft, stage, actions);
    strategy::lock::writes(world, stage, actions);
    match &stage.rollout {
        Some(open) if !matches!(open.state, RolloutState::Preparing(_)) => {
            of_rollout(world, draft, stage, open, actions)
        }
        Some(_) | None => restorations(world, draft, stage, actions),
    }
}

fn of_rollout(world: &World<'_>, draft: &Draft, stage: &StageStatus, open: &Rollout, actions: &mut Vec<Action>) {
    let marker = writing::marker(open);
    let Some(writing) = writing::writing(world, draft, stage, open, &marker) else { return };
    let unwritten = |plan: &&RolloutWorkload| {
        let seen = writing::seen(world, &stage.environment, plan);
        workload::standing(world, seen, plan, writing) == Standing::Unwritten
    };
    let plans: Vec<&RolloutWorkload> = match &open.state {
        RolloutState::Progressing(state) => {
            let upto = state.step as usize;
            let is_stopped = interrupt::is_halted(world, stage, open) || state.paused.is_some();
            open.workloads.iter().take(upto + 1).filter(|p| !(is_stopped && is_step(open, p, upto))).collect()
        }
        RolloutState::Homing(state) => {
            let upto = state.step as usize;
            let is_paused = interrupt::is_paused(world, open);
            let is_stopped = |p: &RolloutWorkload| is_paused || !freeze::lets_home(world, stage, open, &p.workload);
            open.workloads.iter().take(upto + 1).filter(|p| !(is_stopped(p) && is_step(open, p, upto))).collect()
        }
        RolloutState::Preparing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_) => open.workloads.iter().collect(),
        // the last one first: what was rolled last goes back first, none waits for another
        RolloutState::Reverting(_) => open.workloads.iter().rev().collect(),
    };
    for plan in plans.iter().copied().filter(unwritten) {
        let Some(seen) = writing::seen(world, &stage.environment, plan) else { continue };
        let confirm = if is_forward(open) { confirm(world, draft, stage, open) } else { Vec::new() };
        push(
            world,
            stage,
            seen,
            Asked { workload: &plan.workload, images: writing.images(plan), marker: &marker },
            confirm,
            actions,
        );
    }
    if matches!(open.state, RolloutState::Reverting(_)) {
        let build = world.row(&draft.status, &open.build);
        actions.extend(plans.iter().filter_map(|plan| free(world, stage, plan, writing, build?)));
    }
}

/// On the way back, where the images stand: a StatefulSet whose broken pod bars its own way is freed of it.
fn free(
    world: &World<'_>,
    stage: &StageStatus,
    plan: &RolloutWorkload,
    writing: Writing<'_>,
    left: &BuildRow,
) -> Option<Action> {
    let seen = writing::seen(world, &stage.environment, plan)?;
    if workload::standing(world, Some(seen), plan, writing) != Standing::Wanted {
        return None;
    }
    let pod = workload::broken_pod(world, seen, &plan.workload, left.into())?;
    Some(Action::DeletePod {
        namespace: seen.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        resource_version: pod.resource_version.clone(),
    })
}

fn is_step(open: &Rollout, plan: &RolloutWorkload, step: usize) -> bool {
    open.workloads.get(step).is_some_and(|p| p.workload == plan.workload)
}

/// A workload that was re-created while a build is current gets it back at once: no rollout, no gates.
fn restorations(world: &World<'_>, draft: &Draft, stage: &StageStatus, actions: &mut Vec<Action>) {
    let is_open = stage.adopted.is_some() && !world.is_pipeline_deleted() && !idle::is_bad(world, stage);
    let Some(current) = stage.current.as_ref().filter(|_| is_open) else { return };
    let Some(row) = world.row(&draft.status, &current.build) else { return };
    let Some(place) = world.place(&stage.environment) else { return };
    for workload in &world.spec.workloads {
        let Some(seen) = place.workloads.get(&workload.key()).filter(|s| !s.deleting) else { continue };
        if idle::drift(world, draft, stage, workload, seen) == Drift::ToRestore {
            let marker = format!("{}.restored", if current.attempt.is_empty() { "adopted" } else { &current.attempt });
            push(world, stage, seen, Asked { workload, images: row.into(), marker: &marker }, Vec::new(), actions);
        }
    }
}

/// What a workload is to run.
struct Asked<'a> {
    workload: &'a WorkloadRef,
    images: Images<'a>,
    /// Value of `windlass.dev/attempt`.
    marker: &'a str,
}

fn push(
    world: &World<'_>,
    stage: &StageStatus,
    seen: &Workload,
    asked: Asked<'_>,
    confirm: Vec<super::action::Confirm>,
    actions: &mut Vec<Action>,
) {
    let Asked { workload, images, marker } = asked;
    let images = workload::writes(world, seen, workload, images);
    if images.is_empty() || matches!(seen.claim, Claim::Other(_)) {
        return;
    }
    actions.push(Action::SetImages(SetImages {
        kind: seen.kind,
        namespace: seen.namespace.clone(),
        name: seen.name.clone(),
        uid: seen.uid.clone(),
        resource_version: seen.resource_version.clone(),
        images,
        containers: workload.containers.iter().map(|container| container.name.clone()).collect(),
        reasserted: fight::line(&stage.reasserted, &workload.key()).map(|line| line.generation),
        claim: world.claim(),
        attempt: marker.to_owned(),
        confirm,
    }));
}
