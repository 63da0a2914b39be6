//! An autoscaler beside a canary that does not count the clone's pods: where it is, and the guarantees about its lock.

use std::sync::Arc;

use windlass::api::stage::Stage;
use windlass::api::strategy;
use windlass::observe::{Autoscaler, Claim, Place, Workload};

use crate::safety::{Holds, holds, stored};
use crate::server::place_of;
use crate::world::{STAGES, World};

/// One where the stage's strategy locks it.
pub fn begin(stage: &Stage, namespace: &str) -> Vec<Autoscaler> {
    let is_wanted = stage.strategy.autoscaler() == strategy::Autoscaler::Lock;
    let autoscaler = Autoscaler {
        namespace: namespace.to_owned(),
        name: "web".into(),
        uid: format!("{namespace}-scaler"),
        resource_version: "1".into(),
        deleting: false,
        deployment: Some("web".into()),
        counts_clone: false,
        is_controlled: false,
        is_disabled: false,
        lock: None,
    };
    if is_wanted { vec![autoscaler] } else { Vec::new() }
}

/// Puts a lock on, or takes it off. False if it is not as it was planned with.
pub fn set(world: &mut World, namespace: &str, uid: &str, version: &str, is_lock: bool) -> bool {
    let next = world.next_version();
    let place = Arc::make_mut(&mut world.places[place_of(namespace)]);
    let found = place.autoscalers.iter_mut().find(|a| a.uid == uid && a.resource_version == version);
    let Some(found) = found else { return false };
    found.resource_version = next;
    found.lock = is_lock.then_some(Claim::Ours);
    found.is_disabled = is_lock;
    true
}

/// S4: no clone gets its first pod before what could shrink the workload is locked.
pub fn stands(world: &World, place: usize) -> Holds {
    let is_locked = world.places[place].autoscalers.iter().all(|autoscaler| autoscaler.is_disabled);
    holds(is_locked || world.is_stale(), "S4", || {
        format!("{}: a clone grows beside an autoscaler without a lock", STAGES[place])
    })
}

/// S4: the lock stays for as long as the open rollout's clone bears anything.
pub fn is_over(world: &World, place: usize) -> Holds {
    let attempt = stored(world, place).and_then(|stage| Some(&stage.rollout.as_ref()?.attempt));
    let bears = |clone: &Arc<Workload>| clone.wanted > 0 && clone.attempt.as_ref() == attempt;
    let is_over = attempt.is_none() || !world.places[place].clones.values().any(bears);
    holds(is_over || world.is_stale(), "S4", || format!("{}: the lock goes, and the clone bears load", STAGES[place]))
}

/// L6: no lock of ours is left at rest, but in an open rollout.
pub fn none_left(world: &World) -> Holds {
    // what no stage is about any more is a pass of its own
    let is_known = |at: usize| world.stage_names().contains(&STAGES[at]) || stored(world, at).is_some();
    for (at, place) in world.places.iter().enumerate().filter(|(at, p)| is_known(*at) && p.environment.is_some()) {
        let is_barred = stored(world, at).is_some_and(|s| s.rollout.is_some()) || !place.clones.is_empty();
        let is_left = place.autoscalers.iter().any(|autoscaler| autoscaler.lock.is_some());
        holds(!is_left || is_barred, "L6", || format!("{}: a lock is left on its autoscaler", STAGES[at]))?;
    }
    Ok(())
}

/// What counts when worlds are compared.
pub fn canon(place: &Place, c: &mut crate::canon::Canon) {
    use std::hash::Hash;
    for autoscaler in &place.autoscalers {
        autoscaler.lock.is_some().hash(c);
    }
}

/// Whether a write is planned with the autoscaler as it is.
pub fn is_current(world: &World, uid: &str, version: &str) -> bool {
    let mut all = world.places.iter().flat_map(|place| &place.autoscalers);
    all.any(|autoscaler| autoscaler.uid == uid && autoscaler.resource_version == version)
}
