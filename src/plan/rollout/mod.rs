//! One rollout, one transition at a time: what the open rollout of a stage becomes, given what is seen.
//!
//! ```text
//!  start ─► (Preparing) ─► Progressing ─► Verifying ─► Delivered ─► settled (Delivered, Superseded)
//!  start ─► (Preparing) ─► Stepping ────► Verifying ─► Delivered ─► Homing ─► settled          (with a clone)
//!               │              │  │           │  └──► Unverified      │
//!               └──────────────┼──┴───────────┴────────────┬──────────┘ failed, aborted, withdrawn, health lost
//!                              ▼                           ▼
//!                left as it is (foreign image)     Reverting ─► Reverted, ImageOnly, or Failed (RevertFailed)
//! ```

mod baking;
mod homing;
mod preparing;
mod progressing;
mod reverting;
mod stepping;
mod verifying;

use crate::api::rollout::Rollout;
use crate::api::{Cause, RolloutState, Time};

use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::workload::Standing;
use super::world::World;
use super::writing::{seen, standings};
use super::{again, ending, interrupt};

pub use baking::{is_ill, is_unheard};
pub use homing::{HOMECOMING_FAILED, begin as go_home};
pub use progressing::unknown;
pub use stepping::pause_of;

/// Whether the new build runs in clones, and the workloads what ran before.
fn is_apart(draft: &Draft, index: usize) -> bool {
    draft.rollout(index).is_some_and(Rollout::is_apart)
}

/// Why a rollout ends that nobody let go on.
const PAUSED_TOO_LONG: &str = "paused for longer than allowed";

/// Moves the stage's open rollout by one transition, if one is due.
pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize) {
    if interrupt::apply(world, draft, index) {
        return;
    }
    if follow_templates(world, draft, index) {
        return;
    }
    let Some(rollout) = draft.rollout(index) else { return };
    match rollout.state.clone() {
        RolloutState::Preparing(state) => preparing::advance(world, draft, index, state),
        RolloutState::Progressing(state) => progressing::advance(world, draft, index, state),
        RolloutState::Stepping(state) => stepping::advance(world, draft, index, state),
        RolloutState::Verifying(state) => verifying::advance(world, draft, index, state),
        RolloutState::Delivered(state) => baking::advance(world, draft, index, state),
        RolloutState::Homing(state) => homing::advance(world, draft, index, state),
        RolloutState::Reverting(state) => reverting::advance(world, draft, index, &state),
    }
}

/// A workload that was re-created gets its new UID once it runs our images; a changed template restarts the judging, or
/// ends a rollout whose clones are of the template before. True if it did.
fn follow_templates(world: &World<'_>, draft: &mut Draft, index: usize) -> bool {
    let all = standings(world, draft, index, usize::MAX - 1);
    let Some(stage) = draft.status.stages.get_mut(index) else { return false };
    let environment = stage.environment.clone();
    let Some(rollout) = &mut stage.rollout else { return false };
    let is_overtaken = rollout.strategy.clones()
        && matches!(rollout.state, RolloutState::Stepping(_) | RolloutState::Verifying(_))
        && !is(Mutant::TemplateIgnored);
    let mut changed = None;
    let mut overtaken = None;
    for plan in &mut rollout.workloads {
        let Some(seen) = seen(world, &environment, plan) else { continue };
        let key = plan.workload.key();
        let is_wanted = all.iter().any(|(p, s)| p.workload.key() == key && *s == Standing::Wanted);
        // defaults of an upgraded server change the raw template at an unchanged generation: nobody's act
        let is_silent = plan.uid == seen.uid && plan.generation == seen.generation;
        if plan.uid != seen.uid && is_wanted {
            plan.uid.clone_from(&seen.uid);
        }
        if plan.fingerprint != seen.fingerprint {
            plan.fingerprint.clone_from(&seen.fingerprint);
            plan.generation = seen.generation;
            if is_silent {
                continue;
            }
            overtaken = overtaken.or_else(|| (is_overtaken && plan.workload.is_cloned()).then(|| key.clone()));
            changed = Some(key);
        }
    }
    if let Some(key) = overtaken {
        again::make_stale(world, stage);
        ending::interrupted(world, draft, index, &key);
        return true;
    }
    let Some(key) = changed else { return false };
    match &mut rollout.state {
        RolloutState::Progressing(state) => state.deadline = world.now.plus(rollout.progress_deadline),
        RolloutState::Delivered(state) => state.until = world.now.plus(rollout.bake),
        RolloutState::Homing(state) => state.deadline = world.now.plus(rollout.progress_deadline),
        RolloutState::Verifying(state) => state.changed = Some(world.now),
        RolloutState::Preparing(_) | RolloutState::Stepping(_) | RolloutState::Reverting(_) => {}
    }
    let release = rollout.release.clone();
    again::make_stale(world, stage);
    draft.tell(
        &release,
        "ConfigChanged",
        format!("{environment}: the template of {key} changed during the rollout; judging starts again"),
    );
    false
}

/// What was set before a pause finishes; the next workload waits for its end, which must come in time.
fn pause(world: &World<'_>, draft: &mut Draft, index: usize, since: Option<Time>, stopped: RolloutState) {
    let rollout = draft.status.stages.get(index).and_then(|stage| stage.rollout.as_ref());
    match since.zip(rollout) {
        None => set_state(draft, index, stopped),
        Some((since, rollout)) if interrupt::is_overlong(world, rollout, since) => {
            ending::go_back(world, draft, index, Cause::Aborted, PAUSED_TOO_LONG, None);
        }
        Some(_) => {}
    }
}

fn set_state(draft: &mut Draft, index: usize, state: RolloutState) {
    if let Some(rollout) = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut()) {
        rollout.state = state;
    }
}

fn environment_of(draft: &Draft, index: usize) -> String {
    draft.status.stages.get(index).map(|s| s.environment.clone()).unwrap_or_default()
}
