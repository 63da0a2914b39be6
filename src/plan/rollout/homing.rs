//! Proven, and the bake is over: the workloads are rolled to what the clones run, one after the other, then the clones go.
//! What cannot be finished stays as it is, with the clones in their place, and is tried on.

use super::{pause, set_state};
use crate::api::rollout::{Baking, Homing};
use crate::api::{Cause, Outcome, RolloutState, StageStatus};
use crate::plan::draft::{self, Draft};
use crate::plan::health::{self, Judgement};
use crate::plan::mutant::{Mutant, is};
use crate::plan::traffic::route;
use crate::plan::workload::Standing;
use crate::plan::world::World;
use crate::plan::writing::{all_serve, foreign, seen, standings};
use crate::plan::{ending, freeze, interrupt, reference, strategy, suite};

/// The alert of a stage whose workloads cannot be rolled to the proven build.
pub const HOMECOMING_FAILED: &str = "HomecomingFailed";

/// The bake of a build that runs in clones is over.
pub fn begin(world: &World<'_>, draft: &mut Draft, index: usize, baked: &Baking) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let deadline = world.now.plus(rollout.progress_deadline);
    let (release, version, environment) = (rollout.release.clone(), rollout.version.clone(), stage.environment.clone());
    set_state(draft, index, RolloutState::Homing(Homing { delivered: baked.since, step: 0, deadline, paused: None }));
    draft.tell(&release, "Homing", format!("{environment}: {version} is proven; the workloads are rolled to it"));
}

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: Homing) {
    let all = standings(world, draft, index, state.step as usize);
    if let Some(found) = foreign(&all) {
        return ending::foreign(world, draft, index, &found);
    }
    if let Some(why) = suite::failed_later(world, draft, index) {
        return ending::go_back(world, draft, index, Cause::Failed, &why, None);
    }
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let environment = stage.environment.clone();
    let Some((plan, standing)) = all.get(state.step as usize) else {
        return clear(world, draft, index, &state, all_serve(world, &environment, &all));
    };
    if *standing == Standing::Unwritten && !freeze::lets_home(world, stage, rollout, &plan.workload) {
        return;
    }
    let deadline = freeze::moved(stage, state.deadline, rollout.progress_deadline);
    if *standing == Standing::Unwritten && interrupt::is_paused(world, rollout) {
        let stopped = RolloutState::Homing(Homing { paused: Some(world.now), ..state });
        return pause(world, draft, index, state.paused, stopped);
    }
    if let Some(since) = state.paused {
        let deadline = state.deadline.plus(world.now.since(since));
        return set_state(draft, index, RolloutState::Homing(Homing { deadline, paused: None, ..state }));
    }
    let judged = match (standing, seen(world, &environment, plan)) {
        (Standing::Wanted, Some(seen)) => health::judge(world, seen, rollout.started_at),
        _ => Judgement::Coming(interrupt::progress_text(world, draft, index)),
    };
    match judged {
        Judgement::Complete => {
            let deadline = world.now.plus(rollout.progress_deadline);
            calm(draft, index);
            set_state(draft, index, RolloutState::Homing(Homing { step: state.step + 1, deadline, ..state }));
        }
        Judgement::Failed(why) => page(world, draft, index, &why),
        Judgement::Coming(why) if world.is_due(deadline) => page(world, draft, index, &why),
        Judgement::Coming(_) => {}
    }
}

/// The workloads run the build: over when they serve and the clones are gone. What serves no more by then is not home yet.
fn clear(world: &World<'_>, draft: &mut Draft, index: usize, state: &Homing, is_serving: bool) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let is_closed = reference::closed(world, &stage.environment).is_some();
    let is_left = strategy::has_clones(world, &stage.environment) || route::is_exposing(world, stage);
    let is_clear = !is_left || is(Mutant::HomeHasty);
    if is_clear && is_serving && !is_closed && suite::is_told(world, draft, index) {
        return ending::settle(world, draft, index, Outcome::Delivered, "");
    }
    if stage.rollout.as_ref().is_some_and(|rollout| world.is_due(state.deadline.plus(rollout.drain()))) {
        let why = match interrupt::progress_text(world, draft, index) {
            text if text.is_empty() => {
                route::keeps(world, stage).unwrap_or_else(|| "its clone is still there".to_owned())
            }
            text => text,
        };
        page(world, draft, index, &why);
    }
}

/// Tells once that it cannot be finished. The build goes on being served by its clones.
fn page(world: &World<'_>, draft: &mut Draft, index: usize, why: &str) {
    let Some(stage) = draft.status.stages.get_mut(index).filter(|stage| !is_paged(stage)) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let (release, version) = (rollout.release.clone(), rollout.version.clone());
    let text = format!("{version} is proven and stays in its clone, but the workload cannot be rolled to it: {why}");
    draft::alert(stage, world, HOMECOMING_FAILED, &text);
    let text = format!("{}: {text}", stage.environment);
    draft.warn(&release, HOMECOMING_FAILED, text);
}

fn is_paged(stage: &StageStatus) -> bool {
    stage.alert.as_ref().is_some_and(|alert| alert.reason == HOMECOMING_FAILED)
}

fn calm(draft: &mut Draft, index: usize) {
    if let Some(stage) = draft.status.stages.get_mut(index) {
        stage.alert.take_if(|alert| alert.reason == HOMECOMING_FAILED);
    }
}
