//! Clones in the world: what the server and the Deployment controller do with them, and the guarantees about their pods.

use std::sync::Arc;

use windlass::api::strategy::Strategy;
use windlass::api::{Decision, DecisionType, Rollout, RolloutState, Span};
use windlass::observe::{Claim, ImageWriter, Pod, TroubleKind, Workload};
use windlass::plan::{CreateClone, ScaleClone};

use crate::safety::{Broken, Holds, holds, is_forward, stored};
use crate::server::place_of;
use crate::world::{Image, STAGES, World, image, serves};

/// Steps name a clone by this and the key of its workload.
pub const PREFIX: &str = "clone of ";

pub fn create(world: &mut World, create: &CreateClone) -> Result<bool, Broken> {
    let place = place_of(&create.namespace);
    let found = world.places[place].workloads.iter().find(|(_, w)| w.name == create.of && w.uid == create.of_uid);
    let Some((key, of)) = found.map(|(key, of)| (key.clone(), of.as_ref().clone())) else { return Ok(false) };
    if world.places[place].clones.contains_key(&key) {
        return Ok(true);
    }
    let mut clone = Workload {
        name: create.name.clone(),
        uid: format!("{}-clone-{}", of.uid, create.attempt),
        resource_version: world.next_version(),
        generation: 1,
        observed_generation: 1,
        track: Some(create.track.clone()),
        attempt: Some(create.attempt.clone()),
        claim: Claim::Ours,
        wanted: 0,
        pods: Vec::new(),
        ..of
    };
    (clone.replicas, clone.updated, clone.ready, clone.available) = (0, 0, 0, 0);
    for (container, text) in &create.images {
        clone.images.insert(container.clone(), text.clone());
    }
    let writer = ImageWriter { manager: "windlass".into(), at: None, is_tool: false };
    clone.image_writers = clone.images.keys().map(|name| (name.clone(), writer.clone())).collect();
    Arc::make_mut(&mut world.places[place]).clones.insert(key, Arc::new(clone));
    Ok(true)
}

pub fn scale(world: &mut World, scale: &ScaleClone) -> Result<bool, Broken> {
    let place = place_of(&scale.namespace);
    let is_stable = world.places[place].workloads.values().any(|w| w.uid == scale.uid);
    holds(!is_stable, "S21", || format!("{}: the workload {} is scaled", STAGES[place], scale.name))?;
    let found = world.places[place].clones.iter().find(|(_, c)| c.uid == scale.uid);
    let Some((key, seen)) = found.map(|(key, clone)| (key.clone(), Arc::clone(clone))) else { return Ok(false) };
    let is_current = seen.resource_version == scale.resource_version;
    if !is_current || !scale.confirm.iter().all(|t| world.is_current(t)) {
        return Ok(false);
    }
    if scale.replicas > seen.wanted {
        raised(world, place, &key, &seen)?;
    } else {
        if scale.replicas == 0 {
            crate::routes::cut(world, place)?;
        }
        cut(world, place, &key, &seen, scale.replicas)?;
    }
    world.edit(place, &format!("{PREFIX}{key}"), |clone| {
        clone.wanted = scale.replicas;
        clone.generation += 1;
    });
    Ok(true)
}

pub fn remove(world: &mut World, namespace: &str, uid: &str, version: &str) -> Result<bool, Broken> {
    let place = place_of(namespace);
    let is_it = |c: &Arc<Workload>| c.uid == uid && c.resource_version == version;
    let Some(clone) = world.places[place].clones.values().find(|c| is_it(c)) else { return Ok(false) };
    holds(clone.wanted == 0, "S3", || format!("{}: a clone is deleted with its pods", STAGES[place]))?;
    Arc::make_mut(&mut world.places[place]).clones.retain(|_, c| c.uid != uid);
    world.version += 1;
    Ok(true)
}

/// S1, S5, S8, S10: more pods of a clone.
fn raised(world: &World, place: usize, key: &str, clone: &Workload) -> Holds {
    let new = image(clone);
    let name = STAGES[place];
    let open = stored(world, place).and_then(|s| s.rollout.as_ref());
    let is_its = |r: &&Rollout| is_forward(r) && r.strategy.clones() && clone.attempt.as_ref() == Some(&r.attempt);
    let Some(rollout) = open.filter(is_its) else {
        return holds(false, "S8", || format!("{name} {key}: a clone of {new:?} grows, and no rollout exposes it"));
    };
    crate::locks::stands(world, place)?;
    let is_waiting = matches!(&rollout.state, RolloutState::Stepping(state) if state.since.is_none());
    let broken = world.holds_back(place, &rollout.release).filter(|_| is_waiting);
    holds(broken.is_none(), broken.unwrap_or(""), || format!("{name} {key}: the share of {new:?} rises while paused"))?;
    crate::safety::may_rise(world, place, key, rollout, new)
}

/// S3: what alone answers stays, as far as anyone can see. What is left of a deleted pipeline goes all the same.
fn cut(world: &World, place: usize, key: &str, clone: &Workload, pods: i32) -> Holds {
    let is_gone = world.pipeline.as_ref().is_none_or(|p| p.metadata.deletion_timestamp.is_some());
    let others = world.places[place].workloads.get(key).map_or(0, |w| w.available);
    let is_alone = clone.available > 0 && others == 0 && pods == 0;
    holds(!is_alone || world.is_stale() || is_gone, "S3", || {
        format!("{} {key}: its clone is cut, and nothing else answers", STAGES[place])
    })
}

/// S4: until the new build is proven, the workload is written only what it ran before.
pub fn stable_write(world: &World, place: usize, key: &str, rollout: &Rollout, new: Image) -> Holds {
    let current = stored(world, place).and_then(|s| s.current.as_ref()).map(|c| world.image_of(&c.build));
    let is_kept = !rollout.is_apart() || current == Some(new) || world.operator.is_late;
    holds(is_kept, "S4", || format!("{} {key}: {new:?} is written while it is tried in a clone", STAGES[place]))
}

/// The controller sees what is wanted of the clone: no pods, or pods of which the new ones are not ready yet.
pub fn observe(world: &mut World, place: usize, key: &str) {
    let now = world.now;
    world.edit(place, key, |c| {
        c.observed_generation = c.generation;
        let old = c.available.min(c.wanted);
        (c.replicas, c.updated, c.ready, c.available) = (c.wanted, c.wanted, old, old);
        if c.wanted == 0 {
            c.pods.clear();
        } else if old < c.wanted {
            let (name, ready, going, restarts) = ("pod".into(), false, false, 0);
            c.pods = vec![Pod { name, created: now, ready, going, restarts, trouble: None, address: None }];
        }
    });
}

/// Whether the clones of a rollout serve its build in full: the truth, whatever the counts say.
pub fn serve_in_full(world: &World, place: usize, rollout: &Rollout) -> bool {
    let here = &world.places[place];
    let build = world.image_of(&rollout.build);
    rollout.cloned().all(|plan| {
        let key = plan.workload.key();
        let wanted = here.workloads.get(&key).map_or(0, |w| w.wanted);
        let clone = here.clones.get(&key);
        clone.is_some_and(|c| image(c) == build && c.replicas == wanted && c.wanted == wanted && serves(c))
    })
}

/// Whether the clones have the template that their workloads have.
pub fn are_of_template(world: &World, place: usize, rollout: &Rollout) -> bool {
    let here = &world.places[place];
    let is_so = |(key, clone): (&String, &Arc<Workload>)| {
        here.workloads.get(key).is_none_or(|w| w.fingerprint == clone.fingerprint)
    };
    !rollout.is_apart() || here.clones.iter().all(is_so)
}

/// S10: a step ends when its pause is over, or a person says so.
pub fn waits(world: &World, old: &Rollout, new: &Rollout) -> Holds {
    let RolloutState::Stepping(state) = &old.state else { return Ok(()) };
    let is_on = match &new.state {
        RolloutState::Stepping(next) => next.step > state.step,
        RolloutState::Verifying(_) | RolloutState::Delivered(_) => true,
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Homing(_)
        | RolloutState::Reverting(_) => false,
    };
    let Strategy::Canary(canary) = &old.strategy else { return Ok(()) };
    let pause = canary.steps.get(state.step as usize).map(|step| step.pause()).unwrap_or(Span::seconds(0));
    let asks =
        |d: &Arc<Decision>| d.spec.r#type == DecisionType::Promote && d.spec.release.as_deref() == Some(&*old.release);
    let is_over = world.decisions.iter().any(asks) || state.since.is_some_and(|since| world.now >= since.plus(pause));
    holds(!is_on || is_over || world.operator.is_late, "S10", || {
        format!("step {} ends before its pause", state.step + 1)
    })
}

/// L2, where the operator has nothing more to do for now: that a clone has lost its health at a step that stands is noted, so
/// that it goes back in time.
pub fn watched(world: &World) -> Holds {
    for (at, place) in world.places.iter().enumerate().filter(|_| !world.is_stale()) {
        let Some(rollout) = stored(world, at).and_then(|stage| stage.rollout.as_ref()) else { continue };
        let RolloutState::Stepping(state) = &rollout.state else { continue };
        let is_its = |clone: &&Arc<Workload>| clone.attempt.as_ref() == Some(&rollout.attempt);
        let fails = |pod: &Pod| !pod.ready && pod.trouble.as_ref().is_some_and(|t| t.kind == TroubleKind::NotReady);
        let is_ill = |clone: &Arc<Workload>| clone.available < clone.wanted && clone.pods.iter().any(fails);
        let is_lost =
            place.environment.is_some() && state.since.is_some() && place.clones.values().filter(is_its).any(is_ill);
        holds(!is_lost || state.unhealthy.is_some(), "L2", || format!("{}: lost health is not noted", STAGES[at]))?;
    }
    Ok(())
}

/// What runs the new build of a rollout.
pub fn carriers<'w>(world: &'w World, place: usize, rollout: &Rollout) -> Vec<&'w Workload> {
    let here = &world.places[place];
    if rollout.is_apart() {
        here.clones.values().map(AsRef::as_ref).collect()
    } else {
        here.workloads.values().map(AsRef::as_ref).collect()
    }
}

/// L6: no clone is left, but where nothing else answers.
pub fn none_left(world: &World) -> Holds {
    // what no stage is about any more is an orphan's pass
    let is_known = |at: usize| world.stage_names().contains(&STAGES[at]) || stored(world, at).is_some();
    for (at, place) in world.places.iter().enumerate().filter(|(at, _)| is_known(*at)) {
        for (key, clone) in &place.clones {
            let others = place.workloads.get(key).map_or(0, |w| w.available);
            let is_needed = clone.available > 0 && others == 0 && world.pipeline.is_some();
            let is_barred = stored(world, at).is_some_and(|s| s.rollout.is_some());
            holds(is_needed || is_barred, "L6", || format!("{} {key}: a clone is left", STAGES[at]))?;
        }
    }
    Ok(())
}
