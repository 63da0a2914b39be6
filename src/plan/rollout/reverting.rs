//! On the way back: until the target serves and what hooks have done is undone, or its deadline passes.

use super::environment_of;
use super::progressing::unknown;
use crate::api::hook::HookPoint;
use crate::api::rollout::{Reverting, Rollout, RolloutWorkload};
use crate::api::{Span, StageStatus};
use crate::plan::draft::{Draft, clip};
use crate::plan::hook::{self, Stand};
use crate::plan::mutant::{Mutant, is};
use crate::plan::traffic::route;
use crate::plan::workload::Standing;
use crate::plan::world::World;
use crate::plan::writing::{foreign, seen, standings};
use crate::plan::{ending, health, interrupt, reference, strategy, suite};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: &Reverting) {
    let all = standings(world, draft, index, usize::MAX - 1);
    let runs = |rollout: &Rollout| hook::running(rollout).is_some_and(|hook| hook.tries.started);
    if let Some(found) = foreign(&all).filter(|_| !draft.rollout(index).is_some_and(runs)) {
        return ending::foreign(world, draft, index, &found);
    }
    let environment = environment_of(draft, index);
    let is_wound_up = hook::wind_up(world, draft, index);
    let closed = reference::closed(world, &environment);
    let has_clones = strategy::has_clones(world, &environment) && !is(Mutant::CloneForgotten);
    let is_exposed = draft.status.stages.get(index).is_some_and(|stage| route::is_exposing(world, stage));
    let has_target = draft.rollout(index).is_some_and(|rollout| rollout.target.is_some());
    let is_put_back = all.iter().all(|(_, standing)| is_put_back(standing)) && all.is_empty() != has_target;
    let is_out = closed.is_none() && !has_clones && !is_exposed && (is_put_back || is(Mutant::UndoEarly));
    let is_out = is_out && (is_left(world, draft, index, state, &all) || is(Mutant::UndoEarly));
    if is_out && (!is_wound_up || undoes(world, draft, index)) {
        return;
    }
    let is_back = |of: &(RolloutWorkload, Standing)| is_back(world, &environment, of);
    if is_out && is_put_back && all.iter().all(is_back) {
        if suite::is_told(world, draft, index) {
            let end = if has_target { ending::reverted } else { ending::left };
            end(world, draft, index, state);
        }
        return;
    }
    let Some(rollout) = draft.rollout(index) else { return };
    // what serves again only once the hooks have ended has its time from there
    let since_hooks = hook::last_end(rollout).map(|at| at.plus(rollout.progress_deadline));
    if world.is_due(since_hooks.map_or(state.deadline, |at| at.max(state.deadline))) {
        let late = all.iter().find(|s| !is_back(s)).map(|(plan, standing)| match standing {
            Standing::Unknown(image) => unknown(&plan.workload, image),
            _ => format!("{} is not back", plan.workload.key()),
        });
        let late = late.or_else(|| draft.status.stages.get(index).and_then(|stage| route::keeps(world, stage)));
        let late = late.or_else(|| has_clones.then(|| "its clone is still there".to_owned()));
        let why = closed.or_else(|| interrupt::refusal(world, &environment)).or(late).unwrap_or_default();
        ending::revert_failed(world, draft, index, &clip(&why, 200));
    }
}

/// Whether no pod of the build that is left answers any more. What the build before may need to start at all is not kept from it for
/// ever: half of its time is.
fn is_left(
    world: &World<'_>,
    draft: &Draft,
    index: usize,
    state: &Reverting,
    all: &[(RolloutWorkload, Standing)],
) -> bool {
    let Some(rollout) = draft.rollout(index) else { return true };
    let environment = environment_of(draft, index);
    let is_rolled = |(plan, _): &(RolloutWorkload, Standing)| {
        seen(world, &environment, plan).is_none_or(|w| w.observed_generation >= w.generation && w.replicas == w.updated)
    };
    let half = Span::from_millis(rollout.progress_deadline.millis() / 2);
    all.iter().all(is_rolled) || world.is_due(state.since.plus(half))
}

/// Nothing is to be written there any more. What is gone cannot be written, and does not keep the rest.
const fn is_put_back(standing: &Standing) -> bool {
    match standing {
        Standing::Wanted | Standing::Missing | Standing::ContainerMissing(_) => true,
        Standing::Unwritten | Standing::Unknown(_) | Standing::Foreign(_) => false,
    }
}

/// The same, and it serves.
fn is_back(world: &World<'_>, environment: &str, (plan, standing): &(RolloutWorkload, Standing)) -> bool {
    let is_serving = || seen(world, environment, plan).is_some_and(health::is_serving);
    is_put_back(standing) && (*standing != Standing::Wanted || is(Mutant::RevertHasty) || is_serving())
}

/// Whether the hooks of the way back run. The build before may not serve before they have ended, so they do not wait for it;
/// and what becomes of them does not keep it from serving.
fn undoes(world: &World<'_>, draft: &mut Draft, index: usize) -> bool {
    let is_owed = |stage: &StageStatus| stage.rollout.as_ref().is_some_and(|rollout| hook::is_owed(stage, rollout));
    draft.status.stages.get(index).is_some_and(is_owed)
        && hook::advance(world, draft, index, HookPoint::OnRevert) == Stand::Running
}
