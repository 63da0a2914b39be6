//! A new leader, before it decides: it touches what an earlier one may have a write under way to. That write carries a version that
//! is older then, so it comes to nothing. The checkpoint that bears the new term follows, and with it whatever is decided.

use crate::api::StageStatus;
use crate::observe::{Place, Untouched};

use super::action::{Action, Kind};
use super::adoption::has_left;
use super::draft::Draft;
use super::effects::{is_guarded, target};
use super::idle;
use super::mutant::{Mutant, is};
use super::world::{Known, World};

/// What is to be touched yet.
pub fn touches(world: &World<'_>) -> Vec<Action> {
    let term = &world.snap.term;
    let stored = world.snap.pipeline.status.as_ref();
    let Some(stored) = stored.filter(|status| *status.term != **term && !is(Mutant::TermIgnored)) else {
        return doubted(world);
    };
    let draft = Draft::of(world);
    let busy = stored.stages.iter().filter(|stage| is_busy(world, &draft, stage));
    let found = busy.filter_map(|stage| world.place(&stage.environment)).flat_map(Place::changeable);
    let found = found.filter(|of| !bears(world, &of.uid, &of.resource_version));
    let places = world.snap.places.iter().filter_map(|(name, place)| Some((name, place.environment.as_deref()?)));
    let is_open = |name: &str| stored.stage(name).is_some_and(|stage| stage.rollout.is_some());
    let environments = places.filter(|(name, found)| is_open(name) || is_guarded(*found));
    let environments = environments.map(|(_, found)| target(Kind::Environment, found));
    let open = || stored.stages.iter().filter_map(|stage| stage.rollout.as_ref());
    let is_under_way = |k: &&Known<'_>| is_guarded(k.release) || open().any(|rollout| rollout.release_uid == k.uid);
    let releases = world.releases.iter().filter(is_under_way).map(|k| target(Kind::Release, k.release));
    let own = environments.chain(releases).filter(|own| !bears(world, &own.uid, &own.resource_version));
    let own = own.map(|target| Action::TouchOwn { target, term: term.clone() });
    found.map(|of| Action::Touch { of, term: term.clone() }).chain(own).collect()
}

/// What a write of this leader may reach that got no answer. The term alone may stand there since an earlier touch, and would change
/// nothing.
fn doubted(world: &World<'_>) -> Vec<Action> {
    let all = world.snap.places.values().flat_map(Place::changeable);
    let doubted = all.filter(|of| world.snap.doubts.contains(&of.uid) && !is(Mutant::DoubtIgnored));
    let term = |of: &Untouched| format!("{}.{}", world.snap.term, of.resource_version).into();
    doubted.map(|of| Action::Touch { term: term(&of), of }).collect()
}

/// Whether the stored checkpoint asks for any change in the target namespace.
fn is_busy(world: &World<'_>, draft: &Draft, stage: &StageStatus) -> bool {
    stage.rollout.is_some()
        || has_left(world, &stage.environment)
        || world.place(&stage.environment).is_some_and(|place| !place.jobs.is_empty())
        || stage.current.is_some() && !idle::runs_current(world, draft, stage)
}

/// Whether the present leader has touched it.
fn bears(world: &World<'_>, uid: &str, version: &str) -> bool {
    world.snap.touched.get(uid).is_some_and(|since| version.parse().unwrap_or(u64::MAX) >= *since)
}
