//! The writes to routes and Services that a stage's checkpoint asks for. What makes is made at weight 0, a route after the
//! Services that it names; what goes, goes in the opposite order, and not before the clone.

use std::collections::BTreeMap;

use crate::api::labels::{STABLE, TRACK};
use crate::api::traffic::{Backend, RouteShape, RoutingKind, route_name};
use crate::api::{StageStatus, Traffic};
use crate::observe::{Claim, Place, Route, RoutedService, Routing};
use crate::plan::action::{Action, Confirm, PutRoute, PutService, Stands};
use crate::plan::draft::Draft;
use crate::plan::effects::confirm;
use crate::plan::mutant::{Mutant, is};
use crate::plan::orphan::REROUTED;
use crate::plan::world::World;
use crate::plan::{reference, strategy};

use super::route::{self, Split, is_made};
use super::{problem, weight};

/// Adds the writes of one stage: weights first.
pub fn writes(world: &World<'_>, draft: &Draft, stage: &StageStatus, actions: &mut Vec<Action>) {
    let Some(place) = world.place(&stage.environment) else { return };
    let wanted = route::of(world, stage).filter(|_| stage.adopted.is_some());
    if let Some(found) = route::ours(world, &stage.environment).filter(|_| place.routing.is_installed) {
        actions.extend(steer(world, draft, stage, place, found, wanted));
    }
    if route::ready(place, true) > 0 {
        actions.extend(route::left(place).filter_map(|left| lowered(world, stage, left)));
    }
    // where nothing is adopted shares fall, and nothing else is written
    if stage.adopted.is_none() {
        return;
    }
    // an existing route can be divided only when the Services are there
    let is_open = reference::barred(world, &stage.environment).is_none_or(|p| p.reason == problem::NOT_DIVIDED);
    for split in wanted.into_iter().filter(|_| is_open) {
        let before = actions.len();
        actions.extend([STABLE, split.track].iter().filter_map(|track| service(world, place, split.traffic, track)));
        if actions.len() == before {
            actions.extend(create(world, stage, place, split));
        }
    }
    clear(world, stage, place, wanted, actions);
}

/// The route as it is to be: of its traffic, or with nothing for a clone where it is no longer wanted.
fn steer(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    place: &Place,
    found: &Route,
    wanted: Option<Split<'_>>,
) -> Option<Action> {
    let (now, share) = (route::weight(world, stage, found), weight::wanted(world, draft, stage));
    let split = wanted.filter(|split| found.existing.is_none() && points_somewhere(place, *split, found));
    // without the Service before the workload its port is not known; a share falls all the same
    let fallen = || route::weighed(found, share).filter(|_| split.is_none() || share < now);
    let whole = split.and_then(|split| route::shape(place, split, &found.namespace, share));
    let shape = whole.or_else(fallen)?;
    let is_left = stage.rewritten.as_ref().is_some_and(|last| last.again) && now <= share;
    let is_unwanted = wanted.is_none() && now == share;
    // someone's route may say the same share in other numbers
    let is_same = route::has_share(found, share).unwrap_or_else(|| found.shape.as_ref() == Some(&shape));
    if is_same || is_left || is_unwanted || is(Mutant::WeightStays) && share < now {
        return None;
    }
    let rollout = stage.rollout.as_ref().filter(|_| share > now);
    let confirm = rollout.map(|rollout| confirm(world, draft, stage, rollout)).unwrap_or_default();
    Some(put(world, found, shape, confirm))
}

/// A route of ours that is not the wanted one any more gives a clone nothing.
fn lowered(world: &World<'_>, stage: &StageStatus, left: &Route) -> Option<Action> {
    let shape = route::weighed(left, 0).filter(|_| route::weight(world, stage, left) > 0)?;
    Some(put(world, left, shape, Vec::new()))
}

fn put(world: &World<'_>, found: &Route, shape: RouteShape, confirm: Vec<Confirm>) -> Action {
    Action::PutRoute(PutRoute {
        namespace: found.namespace.clone(),
        name: found.name.clone(),
        stands: Some(Stands { uid: found.uid.clone(), resource_version: found.resource_version.clone() }),
        shape,
        existing: found.existing.clone(),
        claim: world.claim(),
        confirm,
    })
}

/// Whether the Services that the route is to name are there, and it does not leave pods for none.
fn points_somewhere(place: &Place, split: Split<'_>, found: &Route) -> bool {
    let made = |name: String| place.routing.services.get(&name).filter(|s| is_made(s));
    let names = |b: &Backend| b.name == split.stable();
    let is_same = found.shape.as_ref().is_some_and(|shape| shape.backends.iter().any(names));
    made(split.beside()).is_some() && made(split.stable()).is_some_and(|stable| is_same || stable.ready > 0)
}

/// Whether the Service of the workload has ready endpoints, if the workload has pods that could be.
fn is_answered(world: &World<'_>, place: &Place, split: Split<'_>) -> bool {
    let is_ready = place.routing.services.get(&split.stable()).is_some_and(|stable| stable.ready > 0);
    let mut cloned = world.spec.workloads.iter().filter(|workload| workload.is_cloned());
    is_ready || !cloned.any(|workload| place.workloads.get(&workload.key()).is_some_and(|seen| seen.available > 0))
}

/// A Service of a track that is not there, or not as the one that it is derived from.
fn service(world: &World<'_>, place: &Place, traffic: &Traffic, track: &str) -> Option<Action> {
    let base = place.routing.services.get(&traffic.service)?;
    let name = traffic.service_of(track);
    let found = place.routing.services.get(&name);
    let apart = [(TRACK.to_owned(), track.to_owned())].into_iter().filter(|_| !is(Mutant::TrackForgotten));
    let selector: BTreeMap<String, String> = base.selector.clone().into_iter().chain(apart).collect();
    if found.is_some_and(|s| s.deleting || !is_made(s) || s.selector == selector && s.ports == base.ports) {
        return None;
    }
    Some(Action::PutService(PutService {
        namespace: base.namespace.clone(),
        name,
        stands: found.map(|s| Stands { uid: s.uid.clone(), resource_version: s.resource_version.clone() }),
        track: track.to_owned(),
        selector,
        ports: base.ports.clone(),
        claim: world.claim(),
    }))
}

/// The route, with nothing for a clone. It may take requests that another one answered so far: not before it can itself.
fn create(world: &World<'_>, stage: &StageStatus, place: &Place, split: Split<'_>) -> Option<Action> {
    let namespace = world.namespace(&stage.environment)?;
    if place.routing.route.is_some() || split.traffic.route.existing.is_some() || !is_answered(world, place, split) {
        return None;
    }
    Some(Action::PutRoute(PutRoute {
        namespace: namespace.to_owned(),
        name: route_name(world.snap.pipeline.metadata.name.as_deref().unwrap_or_default()),
        stands: None,
        shape: route::shape(place, split, namespace, 0)?,
        existing: None,
        claim: world.claim(),
        confirm: Vec::new(),
    }))
}

/// What is ours and no longer wanted goes when no clone is left: the route, then the Services that no route names, whoever's,
/// when routers have had time to hear of it.
fn clear(world: &World<'_>, stage: &StageStatus, place: &Place, wanted: Option<Split<'_>>, actions: &mut Vec<Action>) {
    if stage.rollout.is_some() || strategy::has_clones(world, &stage.environment) || is(Mutant::RouteStays) {
        return;
    }
    // what was made once stays until nothing is to be led there any more
    if wanted.is_none() && route::stands(world, &stage.environment) {
        return;
    }
    let own = route::ours(world, &stage.environment).filter(|route| wanted.is_none() && route.existing.is_none());
    let is_open = || problem::problem(world, &stage.environment).is_none();
    let is_replaced = |left: &&Route| wanted.is_none() || is_answered_for(world, place, left) && is_open();
    if let Some(route) = own.or_else(|| route::left(place).find(is_replaced)) {
        let stands = (&route.namespace, &route.name, &route.uid, &route.resource_version);
        return actions.push(remove(RoutingKind::Route(route.kind), stands));
    }
    let route = place.routing.route.as_ref().filter(|route| route.claim == Claim::Ours);
    let is_named = |service: &RoutedService| {
        let backends = route.and_then(|route| route.shape.as_ref()).into_iter().flat_map(|shape| &shape.backends);
        service.is_named
            || wanted.is_some_and(|split| [split.stable(), split.beside()].contains(&service.name))
            || backends.into_iter().any(|b| b.name == service.name)
    };
    let unwanted = place.routing.services.values().filter(|s| is_made(s) && !s.deleting && !is_named(s));
    let free = unwanted.filter(|_| is_forgotten(world, stage, place));
    actions.extend(free.map(|s| remove(RoutingKind::Service, (&s.namespace, &s.name, &s.uid, &s.resource_version))));
}

/// Whether the wanted route answers in place of one that is left: it is accepted. Of two kinds for the same hosts a router
/// may accept the older one alone, so one of the other kind is not waited for without end.
fn is_answered_for(world: &World<'_>, place: &Place, left: &Route) -> bool {
    place.routing.route.as_ref().is_some_and(|route| {
        let is_late = || route.written.is_none_or(|at| world.is_due(at.plus(REROUTED)));
        route.obstacle.is_none() || left.kind != route.kind && is_late()
    })
}

/// Whether routers go by nothing any more that a route said before: its last write, or its end, is long enough ago. What
/// others write again and again keeps a deleted pipeline only for as long again.
fn is_forgotten(world: &World<'_>, stage: &StageStatus, place: &Place) -> bool {
    let Routing { route, rerouted, .. } = &place.routing;
    let gone = stage.routed.as_ref().filter(|_| route.is_none()).map(|gone| gone.since);
    let limit = gone.filter(|_| world.is_pipeline_deleted()).map(|gone| gone.plus(REROUTED));
    let others = rerouted.map(|at| limit.map_or(at, |limit| at.min(limit)));
    let written = route.as_ref().and_then(|route| route.written);
    [gone, written, others].into_iter().flatten().all(|at| world.is_due(at.plus(REROUTED)))
}

fn remove(kind: RoutingKind, (namespace, name, uid, resource_version): (&String, &String, &String, &String)) -> Action {
    let (namespace, name) = (namespace.clone(), name.clone());
    let (uid, resource_version) = (uid.clone(), resource_version.clone());
    Action::RemoveRouting { kind, namespace, name, uid, resource_version }
}
