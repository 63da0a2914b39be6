//! On the way back: until the target serves, or its deadline passes.

use super::environment_of;
use super::progressing::unknown;
use crate::api::rollout::{Reverting, RolloutWorkload};
use crate::plan::draft::{Draft, clip};
use crate::plan::mutant::{Mutant, is};
use crate::plan::traffic::route;
use crate::plan::workload::Standing;
use crate::plan::world::World;
use crate::plan::writing::{foreign, seen, standings};
use crate::plan::{ending, health, interrupt, reference, strategy, suite};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: &Reverting) {
    let all = standings(world, draft, index, usize::MAX - 1);
    if let Some(who) = foreign(&all) {
        return ending::foreign(world, draft, index, &who);
    }
    let environment = environment_of(draft, index);
    let is_back = |(plan, standing): &(RolloutWorkload, Standing)| match standing {
        Standing::Wanted if is(Mutant::RevertHasty) => true,
        Standing::Wanted => seen(world, &environment, plan).is_some_and(health::is_serving),
        // what is gone cannot be written, and does not keep the rest
        Standing::Missing | Standing::ContainerMissing(_) => true,
        Standing::Unwritten | Standing::Unknown(_) | Standing::Foreign(_) => false,
    };
    let closed = reference::closed(world, &environment);
    let has_clones = strategy::has_clones(world, &environment) && !is(Mutant::CloneForgotten);
    let is_exposed = draft.status.stages.get(index).is_some_and(|stage| route::is_exposing(world, stage));
    if closed.is_none() && !has_clones && !is_exposed && !all.is_empty() && all.iter().all(is_back) {
        if suite::is_told(world, draft, index) {
            ending::reverted(world, draft, index, state);
        }
        return;
    }
    if world.is_due(state.deadline) {
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
