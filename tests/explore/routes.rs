//! Services and routes in the world: what the server does with them, and the guarantees about who gets requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass::api::traffic::{self, ParentRef, Routed, RoutingKind};
use windlass::api::{Rollout, RolloutState, RunPhase, Span, TestRun, Traffic};
use windlass::observe::{Claim, Place, Route, RoutedService, Routing};
use windlass::plan::{PutRoute, PutService, Stands};

use crate::safety::{Broken, Holds, holds, is_forward, stored};
use crate::server::place_of;
use crate::world::{STAGES, World, image};

/// How requests reach the shop.
pub fn traffic() -> Traffic {
    let parent = ParentRef { name: "gateway".into(), namespace: None, section_name: None };
    let route = traffic::Route {
        parent_refs: vec![parent],
        hostnames: vec!["shop.example".into()],
        ..traffic::Route::default()
    };
    Traffic { service: "web".into(), route, drain: Some(Span::seconds(10)) }
}

/// The Gateway API, and the Service before the workload.
pub fn begin(namespace: &str) -> Routing {
    let ports = vec![serde_json::json!({"port": 80})];
    let base = made(namespace, "web", None, "1".into(), ports, BTreeMap::from([("app".into(), "web".into())]));
    Routing { is_installed: true, services: BTreeMap::from([("web".to_owned(), base)]), ..Routing::default() }
}

fn made(
    namespace: &str,
    name: &str,
    track: Option<String>,
    resource_version: String,
    ports: Vec<serde_json::Value>,
    selector: BTreeMap<String, String>,
) -> RoutedService {
    RoutedService {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("{namespace}-{name}"),
        resource_version,
        deleting: false,
        claim: if track.is_some() { Claim::Ours } else { Claim::None },
        track,
        selects: true,
        selector,
        ports,
        is_named: false,
        ready: 0,
    }
}

fn is_current(stands: &Stands, uid: &str, version: &str) -> bool {
    stands.uid == uid && stands.resource_version == version
}

pub fn put_service(world: &mut World, put: &PutService) -> Result<bool, Broken> {
    let at = place_of(&put.namespace);
    let known = world.places[at].routing.services.get(&put.name);
    let is_fine = match (&put.stands, known) {
        (Some(stands), Some(known)) => is_current(stands, &known.uid, &known.resource_version),
        (None, None) => true,
        // that it is there is success
        (None, Some(_)) => return Ok(true),
        (Some(_), None) => false,
    };
    if is_fine {
        let version = world.next_version();
        let track = Some(put.track.clone());
        let service = made(&put.namespace, &put.name, track, version, put.ports.clone(), put.selector.clone());
        Arc::make_mut(&mut world.places[at]).routing.services.insert(put.name.clone(), service);
    }
    Ok(is_fine)
}

pub fn put_route(world: &mut World, put: &PutRoute) -> Result<bool, Broken> {
    let at = place_of(&put.namespace);
    let known = world.places[at].routing.route.clone();
    let is_fine = match (&put.stands, &known) {
        (Some(stands), Some(known)) => is_current(stands, &known.uid, &known.resource_version),
        (None, None) => true,
        (None, Some(_)) => return Ok(true),
        (Some(_), None) => false,
    };
    if !is_fine || !put.confirm.iter().all(|t| world.is_current(t)) {
        return Ok(false);
    }
    let (before, after) = (weight(&world.places[at]), put.shape.backends.last().map_or(0, |b| b.weight));
    if after > before {
        raised(world, at)?;
    } else if after < before {
        lowered(world, at)?;
    }
    let resource_version = world.next_version();
    let route = Route {
        kind: put.shape.kind,
        namespace: put.namespace.clone(),
        name: put.name.clone(),
        uid: format!("{}-route", put.namespace),
        resource_version,
        generation: known.as_ref().map_or(1, |known| known.generation + 1),
        deleting: false,
        claim: Claim::Ours,
        shape: Some(put.shape.clone()),
        existing: None,
        obstacle: known.and_then(|known| known.obstacle),
        writer: Some("windlass".into()),
        written: None,
    };
    Arc::make_mut(&mut world.places[at]).routing.route = Some(route);
    Ok(true)
}

pub fn remove(world: &mut World, kind: RoutingKind, namespace: &str, name: &str, of: &Stands) -> Result<bool, Broken> {
    let at = place_of(namespace);
    let is_used = weight(&world.places[at]) > 0 || world.places[at].clones.values().any(|c| c.wanted > 0);
    holds(!is_used || world.is_stale(), "S3", || format!("{}: {name} goes while a clone gets requests", STAGES[at]))?;
    world.version += 1;
    let routing = &mut Arc::make_mut(&mut world.places[at]).routing;
    match kind {
        RoutingKind::Route(_) => {
            let is_it = routing.route.as_ref().is_some_and(|route| is_current(of, &route.uid, &route.resource_version));
            routing.route.take_if(|_| is_it);
            Ok(is_it)
        }
        RoutingKind::Service => {
            let known = routing.services.get(name);
            let is_it = known.is_some_and(|service| is_current(of, &service.uid, &service.resource_version));
            if is_it {
                routing.services.remove(name);
            }
            Ok(is_it)
        }
    }
}

/// The router takes the route as it is and will be, or does not.
pub fn answer(world: &mut World, at: usize, takes: bool) {
    let version = world.next_version();
    if let Some(route) = &mut Arc::make_mut(&mut world.places[at]).routing.route {
        route.obstacle = (!takes).then(|| "Gateway gateway: NotAllowed".to_owned());
        route.resource_version = version;
    }
}

/// The canary's share, as the route has it.
pub fn weight(place: &Place) -> u32 {
    let shape = place.routing.route.as_ref().and_then(|route| route.shape.as_ref());
    shape.and_then(|shape| shape.backends.last()).map_or(0, |backend| backend.weight)
}

fn ready(place: &Place) -> (i32, i32) {
    let stable = place.workloads.values().map(|w| w.available).sum();
    (stable, place.clones.values().map(|c| c.available).sum())
}

/// S1, S3, S5, S8, S10: more requests for the clone.
fn raised(world: &World, at: usize) -> Holds {
    let name = STAGES[at];
    let open = stored(world, at).and_then(|s| s.rollout.as_ref());
    let is_its = |r: &&Rollout| is_forward(r) && r.traffic.is_some();
    let Some(rollout) = open.filter(is_its) else {
        return holds(false, "S8", || format!("{name}: the weight rises, and no rollout exposes a clone"));
    };
    let clone = world.places[at].clones.iter().find(|(_, c)| c.attempt.as_ref() == Some(&rollout.attempt));
    let Some((key, clone)) = clone else {
        return holds(world.is_stale(), "S3", || format!("{name}: the weight rises, and there is no clone"));
    };
    let is_waiting = matches!(&rollout.state, RolloutState::Stepping(state) if state.since.is_none());
    let paused = world.holds_back(at, &rollout.release).filter(|_| is_waiting);
    holds(paused.is_none(), paused.unwrap_or(""), || format!("{name}: the weight rises while paused"))?;
    let frozen = world.stops(at);
    holds(frozen.is_none(), frozen.unwrap_or(""), || format!("{name}: the weight rises while frozen"))?;
    let says = |suite: &String| {
        let is_its = |run: &&Arc<TestRun>| run.spec.attempt == rollout.attempt && run.spec.suite == *suite;
        world.runs.iter().find(is_its).and_then(|run| run.status.as_ref()).and_then(|status| status.phase)
    };
    let is_tested = || world.suites(at).iter().all(|suite| says(suite) == Some(RunPhase::Passed));
    holds(!rollout.strategy.tests_first() || world.is_stale() || is_tested(), "S1", || {
        format!("{name}: the switch comes before its suites have passed")
    })?;
    let (_, canary) = ready(&world.places[at]);
    let is_borne = canary > 0 && canary >= clone.wanted || world.is_stale();
    holds(is_borne, "S3", || format!("{name}: the weight rises for {canary} of {} endpoints", clone.wanted))?;
    crate::safety::may_rise(world, at, key, rollout, image(clone))
}

/// S3: requests stay where something answers. What is left of a deleted pipeline goes all the same.
fn lowered(world: &World, at: usize) -> Holds {
    let (stable, canary) = ready(&world.places[at]);
    let is_gone = world.pipeline.as_ref().is_none_or(|p| p.metadata.deletion_timestamp.is_some());
    let is_blind = stable == 0 && canary > 0 && !is_gone && !world.is_stale();
    holds(!is_blind, "S3", || format!("{}: requests go back to a workload that does not answer", STAGES[at]))
}

/// S3: no clone is cut while it gets requests, as far as anyone can see.
pub fn cut(world: &World, at: usize) -> Holds {
    let share = weight(&world.places[at]);
    holds(share == 0 || world.is_stale(), "S3", || format!("{}: a clone with {share} % is cut", STAGES[at]))
}

/// S3, where the operator has nothing more to do for now: nobody is sent where nothing answers while something does.
pub fn calm(world: &World) -> Holds {
    for (at, place) in world.places.iter().enumerate().filter(|_| !world.is_stale()) {
        let (stable, canary) = ready(place);
        let is_dead = weight(place) > 0 && canary == 0 && stable > 0;
        let is_known = place.environment.is_some() && stored(world, at).is_some_and(|s| s.adopted.is_some());
        holds(!is_dead || !is_known, "S3", || format!("{}: requests go to a clone that does not answer", STAGES[at]))?;
    }
    Ok(())
}

/// S20: each derived Service has the pods of its own track behind it, and no others.
pub fn apart(world: &World) -> Holds {
    for service in world.places.iter().flat_map(|place| place.routing.services.values()) {
        let Some(track) = &service.track else { continue };
        let selected = service.selector.get(windlass::api::labels::TRACK);
        let is_apart = selected == Some(track) && service.name.ends_with(&format!("-{track}"));
        holds(is_apart, "S20", || format!("Service {} selects {selected:?}", service.name))?;
    }
    Ok(())
}

/// L6: at rest no clone gets requests, but where nothing else answers; and what nobody wants is gone.
pub fn none_left(world: &World) -> Holds {
    // what no stage is about any more is an orphan's pass
    let is_known = |at: usize| world.stage_names().contains(&STAGES[at]) || stored(world, at).is_some();
    let here = |at: usize, place: &Place| place.environment.is_some() && is_known(at);
    for (at, place) in world.places.iter().enumerate().filter(|(at, p)| here(*at, p)) {
        let (stable, canary) = ready(place);
        let is_needed = canary > 0 && stable == 0;
        let share = weight(place);
        let is_barred = stored(world, at).is_some_and(|s| s.rollout.is_some());
        holds(share == 0 || is_needed || is_barred, "L6", || {
            format!("{}: the route gives a clone {share} % at rest", STAGES[at])
        })?;
        let is_wanted = world.stage_names().contains(&STAGES[at]);
        let is_there = place.routing.route.is_some() || place.routing.services.values().any(|s| s.track.is_some());
        let is_going = world.pipeline.as_ref().is_none_or(|p| p.metadata.deletion_timestamp.is_some());
        let is_left = is_there && (!is_wanted || is_going) && !is_needed;
        holds(!is_left, "L6", || format!("{}: a route or Service of ours is left", STAGES[at]))?;
    }
    Ok(())
}

/// Endpoints follow the pods.
pub fn follow(world: &mut World) {
    for place in &mut world.places {
        let (stable, canary) = ready(place);
        let of = |service: &RoutedService| if service.track.as_deref() == Some("stable") { stable } else { canary };
        if place.routing.services.values().any(|s| s.ready != of(s)) {
            Arc::make_mut(place).routing.services.values_mut().for_each(|s| s.ready = of(s));
        }
    }
}

/// What counts when worlds are compared.
pub fn canon(place: &Place, c: &mut crate::canon::Canon) {
    use std::hash::Hash;
    for service in place.routing.services.values() {
        (&service.name, service.ready).hash(c);
    }
    place.routing.route.as_ref().map(|route| (route.generation, route.obstacle.is_some(), weight(place))).hash(c);
}

/// The same of what a stage remembers.
pub fn canon_routed(routed: Option<&Routed>, c: &mut crate::canon::Canon) {
    use std::hash::Hash;
    routed.hash(c);
}
