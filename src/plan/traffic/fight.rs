//! What the checkpoint remembers of a stage's route: since when it stands as it does, and who else writes it.

use crate::api::labels::MANAGER;
use crate::api::traffic::{Rewritten, Routed};
use crate::api::{Cause, Rollout, RolloutState, StageStatus};
use crate::observe::Route;
use crate::plan::draft::{Draft, clip};
use crate::plan::ending;
use crate::plan::fight::FIGHT;
use crate::plan::world::World;

use super::route;

/// The generation of a route that does not stand any more.
const GONE: i64 = 0;

/// Notes what is new of the stage's route.
pub fn watch(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let found = route::standing(world, &stage.environment);
    let ours = route::ours(world, &stage.environment);
    let foreign = ours.filter(|found| is_foreign(world, draft, stage, found));
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(found) = found else { return gone(world, stage) };
    note(world, stage, found);
    stage.rewritten.take_if(|last| world.is_due(last.at.plus(FIGHT)));
    if let Some(found) = foreign {
        rewritten(world, draft, index, found);
    }
}

/// No route stands. Where one did, routers may go by it for a while: that is remembered until the Services that it may have
/// sent to are gone.
fn gone(world: &World<'_>, stage: &mut StageStatus) {
    let place = world.place(&stage.environment);
    let is_left = place.is_some_and(|place| place.routing.services.values().any(route::is_made));
    let is_noted = |routed: &Routed| routed.generation == GONE;
    stage.routed = stage.routed.take().filter(|_| is_left).map(|routed| {
        let gone = Routed { weight: 0, generation: GONE, accepted: false, since: world.now };
        if is_noted(&routed) { routed } else { gone }
    });
}

fn note(world: &World<'_>, stage: &mut StageStatus, found: &Route) {
    let weight = route::weight(world, stage, found);
    let accepted = found.obstacle.is_none();
    let is_same = |r: &Routed| r.weight == weight && r.generation == found.generation && (r.accepted || !accepted);
    // while it is not accepted only the way down is worth a note: its end is waited for, but not without end. Of what someone
    // else writes too it must be known what we made of it
    let is_shared = found.existing.is_some() || !is_by_us(found);
    if (accepted || weight == 0 || is_shared) && !stage.routed.as_ref().is_some_and(is_same) {
        // what was nothing and stays nothing has been drained all the while
        let is_still = |r: &&Routed| weight == 0 && r.weight == 0 && accepted && r.accepted;
        let since = stage.routed.as_ref().filter(is_still).map_or(world.now, |r| r.since);
        stage.routed = Some(Routed { weight, generation: found.generation, accepted, since });
    }
}

/// Whether someone else wrote what stands there.
fn is_foreign(world: &World<'_>, draft: &Draft, stage: &StageStatus, found: &Route) -> bool {
    let Some(place) = world.place(&stage.environment) else { return false };
    if is_by_us(found) {
        return false;
    }
    let weight = super::weight::wanted(world, draft, stage);
    if found.existing.is_some() {
        // most of it is theirs to write, and so is what was there before we wrote
        let now = route::weight(world, stage, found);
        let is_moved = stage.routed.as_ref().is_some_and(|r| r.generation < found.generation && r.weight != now);
        return is_moved && now != weight;
    }
    let wanted = route::of(world, stage).and_then(|split| route::shape(place, split, &found.namespace, weight));
    // who applied the whole of it stays its writer beside us; what stands as it was seen before is nobody's new write
    let is_new = stage.routed.as_ref().is_none_or(|r| r.generation < found.generation);
    is_new && wanted.is_some() && found.shape != wanted
}

fn is_by_us(found: &Route) -> bool {
    found.writer.as_deref().is_none_or(|manager| manager == MANAGER)
}

fn rewritten(world: &World<'_>, draft: &mut Draft, index: usize, found: &Route) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let last = stage.rewritten.clone();
    if last.as_ref().is_some_and(|last| last.generation == found.generation) {
        return;
    }
    let by = clip(found.writer.as_deref().unwrap_or("someone"), 128);
    let (environment, name) = (stage.environment.clone(), format!("{} {}", found.kind, found.name));
    let again = last.is_some();
    if let Some(stage) = draft.status.stages.get_mut(index) {
        stage.rewritten = Some(Rewritten { by: by.clone(), generation: found.generation, at: world.now, again });
    }
    if !again {
        let text = format!("{environment}: {by} wrote {name}; it is put right once");
        return draft.warn("", "RouteRewritten", text);
    }
    let why = format!("RouteContested: {by} wrote {name} again");
    draft.warn("", "RouteContested", format!("{environment}: {why}; it is left alone"));
    // what is delivered stays delivered: that was said of the build, and this is not
    let is_on_its_way = |r: &Rollout| r.is_apart() && !matches!(r.state, RolloutState::Delivered(_));
    if draft.rollout(index).is_some_and(|rollout| rollout.traffic.is_some() && is_on_its_way(rollout)) {
        ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
    }
}
