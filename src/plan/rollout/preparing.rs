//! Before anything is exposed: the hooks run, one after the other.

use super::{pause, set_state};
use crate::api::hook::HookPoint;
use crate::api::rollout::Preparing;
use crate::api::{Cause, RolloutState, Time};
use crate::plan::draft::Draft;
use crate::plan::hook::{self, Stand};
use crate::plan::mutant::{Mutant, is};
use crate::plan::world::World;
use crate::plan::{ending, fight, idle, interrupt, opening};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: Preparing) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    // what runs is let end; a pause, and what someone else writes, come between two tries
    if !hook::running(rollout).is_some_and(|hook| hook.tries.started) {
        if let Some(found) = fight::gravest(idle::foreign(world, draft, stage)) {
            return ending::foreign(world, draft, index, &found);
        }
        if interrupt::is_halted(world, stage, rollout) {
            let stopped = RolloutState::Preparing(Preparing { paused: Some(world.now), ..state });
            return pause(world, draft, index, state.paused, stopped);
        }
        if let Some(since) = state.paused {
            let deadline = state.deadline.plus(world.now.since(since));
            hook::start_anew(draft, index, world.now);
            return set_state(draft, index, RolloutState::Preparing(Preparing { deadline, paused: None }));
        }
    }
    match hook::advance(world, draft, index, HookPoint::Before) {
        _ if is(Mutant::HooksSkipped) => begin(draft, index, state.deadline),
        Stand::Passed => begin(draft, index, state.deadline),
        Stand::Failed(why) => ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Stand::Errored(why) => ending::go_back(world, draft, index, Cause::Inconclusive, &why, None),
        Stand::Running if world.is_due(state.deadline) => {
            let why = format!("progress deadline passed: {}", interrupt::progress_text(world, draft, index));
            ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
        }
        Stand::Running => {}
    }
}

/// Everything is prepared: exposure begins.
fn begin(draft: &mut Draft, index: usize, deadline: Time) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let environment = stage.environment.clone();
    let Some(rollout) = &mut stage.rollout else { return };
    rollout.state = opening::exposing(&rollout.strategy, deadline);
    let (release, version) = (rollout.release.clone(), rollout.version.clone());
    draft.tell(&release, "Prepared", format!("{environment}: the hooks before {version} have passed"));
}
