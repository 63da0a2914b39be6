//! A stage's route: which one is wanted, what of it stands, and whether requests still go to a clone by it.

use std::collections::BTreeMap;

use crate::api::labels::{CANARY, STABLE, TRACKS};
use crate::api::rollout::Rollout;
use crate::api::traffic::{Backend, RouteShape};
use crate::api::{Span, StageStatus, Traffic};
use crate::observe::{Claim, Place, Route, RoutedService};
use crate::plan::draft::Draft;
use crate::plan::strategy;
use crate::plan::world::World;

/// How requests are divided: between the workload as it was, and the clone of a track.
#[derive(Clone, Copy)]
pub struct Split<'s> {
    pub traffic: &'s Traffic,
    pub track: &'static str,
}

impl Split<'_> {
    /// The Service of the clone.
    pub fn beside(&self) -> String {
        self.traffic.service_of(self.track)
    }

    /// The Service of the workload as it was.
    pub fn stable(&self) -> String {
        self.traffic.service_of(STABLE)
    }
}

/// How requests reach the stage: as its open rollout has frozen it, else as the spec says, else as they were led once.
pub fn of<'s>(world: &'s World<'_>, stage: &'s StageStatus) -> Option<Split<'s>> {
    let frozen = stage.rollout.as_ref().and_then(of_rollout);
    frozen.or_else(|| of_spec(world, &stage.environment)).or_else(|| made(world, &stage.environment))
}

/// How requests reach the stage while that rollout is open.
pub fn of_rollout(rollout: &Rollout) -> Option<Split<'_>> {
    rollout.traffic.as_ref().map(|traffic| Split { traffic, track: rollout.track() })
}

/// How requests are to reach the stage: none where no build is tried in a clone, or nothing is wanted any more.
pub fn of_spec<'s>(world: &'s World<'_>, environment: &str) -> Option<Split<'s>> {
    let track = world.stage(environment)?.strategy.track()?;
    let traffic = world.spec.traffic.as_ref().filter(|_| !world.is_pipeline_deleted())?;
    Some(Split { traffic, track })
}

/// The route that was made in a stage where no build is tried in a clone any more. Users come by it: it stays.
pub fn made<'s>(world: &'s World<'_>, environment: &str) -> Option<Split<'s>> {
    let traffic = world.spec.traffic.as_ref().filter(|traffic| traffic.route.existing.is_none())?;
    let routing = &world.place(environment).filter(|_| stands(world, environment))?.routing;
    let is_ours = |route: &Route| route.claim == Claim::Ours && !route.deleting && route.existing.is_none();
    let is_there = routing.route.iter().chain(&routing.left).any(is_ours);
    let is_of = |track: &&str| routing.services.get(&traffic.service_of(track)).is_some_and(is_made);
    let track = TRACKS.into_iter().find(is_of).unwrap_or(CANARY);
    is_there.then_some(Split { traffic, track })
}

/// Whether requests are led by Windlass at all, and to that stage.
pub fn stands(world: &World<'_>, environment: &str) -> bool {
    world.spec.traffic.is_some() && world.stage(environment).is_some() && !world.is_pipeline_deleted()
}

/// The route of the stage, if it is there and ours.
pub fn ours<'a>(world: &World<'a>, environment: &str) -> Option<&'a Route> {
    world.place(environment)?.routing.route.as_ref().filter(|route| route.claim == Claim::Ours && !route.deleting)
}

/// Routes of ours that are not the wanted one any more.
pub fn left(place: &Place) -> impl Iterator<Item = &Route> {
    place.routing.left.iter().filter(|left| left.claim == Claim::Ours && !left.deleting)
}

/// Whether it is a Service that Windlass made for this pipeline.
pub fn is_made(service: &RoutedService) -> bool {
    service.claim == Claim::Ours && service.track.is_some()
}

/// Ready pods behind the Services of the workload as it was, or of clones.
pub fn ready(place: &Place, is_stable: bool) -> i32 {
    let is_meant = |s: &&RoutedService| is_made(s) && (s.track.as_deref() == Some(STABLE)) == is_stable;
    place.routing.services.values().filter(is_meant).map(|s| s.ready).max().unwrap_or(0)
}

/// The same behind the Service of a split's clone, and no other.
pub fn ready_beside(place: &Place, split: Split<'_>) -> i32 {
    place.routing.services.get(&split.beside()).filter(|s| is_made(s)).map_or(0, |s| s.ready)
}

/// What the route of a split looks like in a namespace.
pub fn shape(place: &Place, split: Split<'_>, namespace: &str, weight: u32) -> Option<RouteShape> {
    let port = place.routing.services.get(&split.traffic.service)?.ports.first()?.get("port")?.as_i64()?;
    let backend = |name, weight| Backend { name, port, weight };
    let backends = vec![backend(split.stable(), 100 - weight.min(100)), backend(split.beside(), weight.min(100))];
    Some(RouteShape::of(&split.traffic.route, namespace, backends))
}

/// The same route under other weights. Where its rules are not divided as they must be, only the clone's falls.
pub fn weighed(route: &Route, share: u32) -> Option<RouteShape> {
    let mut shape = route.shape.clone()?;
    let is_divided = route.existing.as_ref().is_none_or(|existing| existing.is_divided);
    for backend in &mut shape.backends {
        if !is_stable(backend) {
            backend.weight = if is_divided { share } else { backend.weight.min(share) };
        } else if is_divided {
            backend.weight = 100 - share.min(100);
        }
    }
    Some(shape)
}

/// Whether each rule of an existing route gives the clone that share; none of a route of ours, or one that is not divided.
pub fn has_share(route: &Route, share: u32) -> Option<bool> {
    let existing = route.existing.as_ref().filter(|existing| existing.is_divided)?;
    let mut rules: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for (position, backend) in existing.positions.iter().zip(&route.shape.as_ref()?.backends) {
        let (beside, all) = rules.entry(position.rule).or_default();
        *all += u64::from(backend.weight);
        *beside += if is_stable(backend) { 0 } else { u64::from(backend.weight) };
    }
    Some(rules.values().all(|(beside, all)| *all > 0 && beside * 100 == u64::from(share) * all))
}

/// Whether it is the backend of the workload as it was.
pub fn is_stable(backend: &Backend) -> bool {
    backend.name.ends_with(&format!("-{STABLE}"))
}

/// The clone's share in percent, as the route has it, or a little above; as it had it last where it cannot be read.
pub fn weight(world: &World<'_>, stage: &StageStatus, route: &Route) -> u32 {
    let Some(shape) = &route.shape else { return stage.routed.as_ref().map_or(0, |routed| routed.weight) };
    let traffic = of(world, stage).map(|split| split.traffic).or(world.spec.traffic.as_ref());
    let is_beside = |b: &&Backend| {
        TRACKS.iter().any(|track| match traffic {
            Some(traffic) => b.name == traffic.service_of(track),
            None => b.name.ends_with(&format!("-{track}")),
        })
    };
    let all: u32 = shape.backends.iter().map(|b| b.weight).sum();
    let beside: u32 = shape.backends.iter().filter(is_beside).map(|b| b.weight).sum();
    // the smallest share is a share
    if all == 0 { 0 } else { (beside * 100).div_ceil(all) }
}

/// What stands under the route's name, whosever it is: a route that was taken from us goes on sending where it sent.
pub fn standing<'a>(world: &World<'a>, environment: &str) -> Option<&'a Route> {
    world.place(environment)?.routing.route.as_ref()
}

/// Whether any request goes to a clone by the route as it stands, or by another.
pub fn is_exposing(world: &World<'_>, stage: &StageStatus) -> bool {
    other(world, stage).is_some()
        || standing(world, &stage.environment).is_some_and(|route| weight(world, stage, route) > 0)
}

/// Whether a route that is not ours, or not any more, may go on sending to a clone.
pub fn is_taken(world: &World<'_>, environment: &str) -> bool {
    world.place(environment).is_some_and(|place| {
        !place.routing.others.is_empty() || place.routing.route.iter().any(|route| route.claim != Claim::Ours)
    })
}

/// Another route that gives a clone a share of the requests.
fn other<'a>(world: &World<'a>, stage: &StageStatus) -> Option<&'a String> {
    world.place(&stage.environment)?.routing.others.first()
}

/// Whether the clone may be cut: no route has sent it anything for long enough. One that nobody accepts is not waited for
/// without end.
pub fn is_drained(world: &World<'_>, stage: &StageStatus) -> bool {
    let rerouted = world.place(&stage.environment).and_then(|place| place.routing.rerouted);
    if other(world, stage).is_some() || rerouted.is_some_and(|at| !world.is_due(at.plus(drain(world, stage)))) {
        return false;
    }
    let Some(route) = standing(world, &stage.environment) else {
        return stage.routed.as_ref().is_none_or(|gone| world.is_due(gone.since.plus(drain(world, stage))));
    };
    let Some(routed) = stage.routed.as_ref().filter(|r| r.weight == 0 && r.generation == route.generation) else {
        return false;
    };
    let grace = if routed.accepted { Span::seconds(0) } else { world.snap.settings.reference_grace };
    world.is_due(routed.since.plus(drain(world, stage)).plus(grace))
}

/// What keeps a clone from being cut, in words.
pub fn keeps(world: &World<'_>, stage: &StageStatus) -> Option<String> {
    if let Some(other) = other(world, stage) {
        return Some(format!("{other} still gives the clone a share"));
    }
    let weighed = |route: &'_ Route| (route.kind, route.name.clone(), weight(world, stage, route));
    match standing(world, &stage.environment).map(weighed) {
        Some((kind, name, share)) if share > 0 => Some(format!("{kind} {name} still gives the clone {share} %")),
        _ if is_drained(world, stage) => None,
        Some((kind, name, _)) => Some(format!("requests under way by {kind} {name} are drained")),
        None => Some("requests under way by other routes are drained".to_owned()),
    }
}

fn drain(world: &World<'_>, stage: &StageStatus) -> Span {
    let traffic = of(world, stage).map(|split| split.traffic).or(world.spec.traffic.as_ref());
    traffic.map_or(Span::seconds(30), Traffic::drain)
}

/// What keeps the step's share from standing, in words: endpoints, a parent of the route, requests under way.
pub fn waits(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> Option<String> {
    let split = of_rollout(rollout)?;
    let asked = strategy::asked(rollout);
    let Some(route) = ours(world, &stage.environment) else {
        return Some(format!("its {} does not exist", split.traffic.route.kind));
    };
    let (kind, name) = (route.kind, &route.name);
    let (needed, found) = super::weight::endpoints(world, stage, rollout);
    if found < needed {
        return Some(format!("{found} of {needed} endpoints of Service {} are ready", split.beside()));
    }
    if weight(world, stage, route) != asked {
        return Some(format!("{kind} {name} is to give it {asked} %"));
    }
    let is_seen = |routed: &&crate::api::traffic::Routed| {
        routed.weight == asked && routed.generation == route.generation && routed.accepted
    };
    match stage.routed.as_ref().filter(is_seen) {
        // nothing is under way before the first request
        Some(routed) if asked == 0 || world.is_due(routed.since.plus(split.traffic.drain())) => None,
        Some(_) => Some("requests under way are drained".to_owned()),
        None => {
            let why = route.obstacle.as_deref().unwrap_or("not accepted yet");
            Some(format!("{kind} {name} is not in force: {why}"))
        }
    }
}

/// Whether anything of ours between the router and the workload is left there.
pub fn is_left(world: &World<'_>, environment: &str) -> bool {
    let is_there = |route: &Route| route.claim == Claim::Ours && !route.deleting && route.existing.is_none();
    world.place(environment).is_some_and(|place| {
        // what someone's route sends to is left to a pass of its own
        place.routing.services.values().any(|service| is_made(service) && !service.is_named)
            || place.routing.route.iter().chain(&place.routing.left).any(is_there)
    })
}

/// Whether the pipeline has something to clear away before it may go, or is to make it.
pub fn is_kept(world: &World<'_>, draft: &Draft) -> bool {
    let is_wanted = |stage: &StageStatus| stage.adopted.is_some() && of_spec(world, &stage.environment).is_some();
    world.snap.places.keys().any(|environment| is_left(world, environment)) || draft.status.stages.iter().any(is_wanted)
}
