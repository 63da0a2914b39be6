//! Why requests cannot be shared by a route in a stage. Looked at before anything is written.

use crate::api::labels::{STABLE, WEIGHTS};
use crate::api::traffic::GROUP;
use crate::api::{StageStatus, Traffic};
use crate::observe::{Claim, Place};
use crate::plan::reference::{Problem, of};
use crate::plan::world::World;

use super::route::{self, Split, is_made};

/// An existing route that does not send to both Services. They are made first: a route cannot send to what is not there.
pub const NOT_DIVIDED: &str = "RouteNotDivided";

/// The first thing that is in the way.
pub fn problem(world: &World<'_>, environment: &str) -> Option<Problem> {
    let Some(split) = route::of_spec(world, environment) else {
        // what is left of a time with clones needs the label still
        return route::made(world, environment).and_then(|_| track(world, environment));
    };
    let place = world.place(environment)?;
    let kind = split.traffic.route.kind;
    if !place.routing.is_installed {
        return of(
            "GatewayApiMissing",
            format!("spec.traffic.route: the Gateway API ({kind}, {GROUP}/v1) is not installed in this cluster"),
            "the Gateway API installed, or spec.traffic taken out",
        );
    }
    service(place, split.traffic, environment)
        .or_else(|| track(world, environment))
        .or_else(|| names(place, split, environment))
        .or_else(|| existing(world, place, split, environment))
        .or_else(|| rivals(world, place, split, environment))
}

/// Why the weights of an existing route cannot be written.
fn existing(world: &World<'_>, place: &Place, split: Split<'_>, environment: &str) -> Option<Problem> {
    let name = split.traffic.route.existing.as_ref()?;
    let (field, kind) = ("spec.traffic.route.existing", split.traffic.route.kind);
    let Some(found) = place.routing.route.as_ref().filter(|route| !route.deleting) else {
        let message = format!("{field}: {kind} {name} does not exist in {environment}");
        return of("RouteMissing", message, format!("{kind} {name} in its target namespace"));
    };
    if found.claim != Claim::Ours {
        let claim = world.claim();
        let home = claim.rsplit_once('/').map_or(&*claim, |(home, _)| home);
        let message = format!(
            "{field}: {kind} {name} in {environment} does not leave its weights to this pipeline: it lacks the annotation {WEIGHTS}: {home}"
        );
        let remedy = format!("the annotation on {kind} {name}, and weights left alone by what applies it");
        return of("RouteNotGiven", message, remedy);
    }
    if found.existing.as_ref().is_none_or(|existing| existing.is_divided) {
        return None;
    }
    let (stable, beside) = (split.stable(), split.beside());
    if [&stable, &beside].into_iter().any(|name| !place.routing.services.get(name).is_some_and(is_made)) {
        let message = format!("{field}: Services {stable} and {beside} are made in {environment} first");
        return of(NOT_DIVIDED, message, format!("Services {stable} and {beside}"));
    }
    of(
        NOT_DIVIDED,
        format!(
            "{field}: {kind} {name} in {environment} must have a rule that sends to {stable} and {beside}, and none that sends to one of them alone or elsewhere beside"
        ),
        format!("backendRefs {stable} (weight 100) and {beside} (weight 0) in the rules of {kind} {name}"),
    )
}

fn service(place: &Place, traffic: &Traffic, environment: &str) -> Option<Problem> {
    let name = &traffic.service;
    let Some(found) = place.routing.services.get(name).filter(|s| !s.deleting) else {
        let message = format!("Service {name} does not exist in {environment}");
        return of("ServiceMissing", message, format!("Service {name} in its target namespace"));
    };
    if !found.selects || found.ports.is_empty() {
        let message = format!(
            "Service {name} in {environment} cannot be divided: it must have a selector and a port, and not be an ExternalName"
        );
        return of("ServiceNotRoutable", message, format!("a selector and a port of Service {name}"));
    }
    None
}

/// Without the label no Service could have the workload's pods and not the clone's.
fn track(world: &World<'_>, environment: &str) -> Option<Problem> {
    let place = world.place(environment)?;
    let cloned = world.spec.workloads.iter().filter(|workload| workload.is_cloned());
    let mut bare = cloned.filter(|workload| {
        let found = place.workloads.get(&workload.key());
        found.is_some_and(|found| found.pod_track.as_deref() != Some(STABLE))
    });
    let key = bare.next()?.key();
    of(
        "TrackLabelMissing",
        format!(
            "{key} in {environment} lacks the label windlass.dev/track: stable on its pods; add it where the Deployment is kept, under spec.template.metadata.labels (not to spec.selector)"
        ),
        format!("label windlass.dev/track: stable under spec.template.metadata.labels of {key}"),
    )
}

fn names(place: &Place, split: Split<'_>, environment: &str) -> Option<Problem> {
    let made = [split.stable(), split.beside()];
    if let Some(taken) = made.iter().find(|name| place.routing.services.get(*name).is_some_and(|s| !is_made(s))) {
        return of(
            "ServiceNameTaken",
            format!("Service {taken} in {environment} is there and is not of this pipeline"),
            format!("another name for Service {taken}"),
        );
    }
    let own = place.routing.route.as_ref().filter(|route| route.existing.is_none());
    let taken = own.filter(|route| route.claim != Claim::Ours)?;
    of(
        "RouteNameTaken",
        format!("{} {} in {environment} is there and is not of this pipeline", taken.kind, taken.name),
        format!("another name for {} {}", taken.kind, taken.name),
    )
}

fn rivals(world: &World<'_>, place: &Place, split: Split<'_>, environment: &str) -> Option<Problem> {
    let kind = split.traffic.route.kind;
    if let Some(older) = &place.routing.shadow {
        return of(
            "RouteShadowed",
            format!(
                "{kind} {older} is older and takes the same requests (parent, host name and match) before that of {environment}"
            ),
            format!("{kind} {older} deleted, or other spec.traffic.route.matches"),
        );
    }
    let status = world.snap.pipeline.status.as_ref()?;
    let is_here = |stage: &&StageStatus| stage.environment == environment;
    let last = status.stages.iter().find(is_here)?.rewritten.as_ref().filter(|last| last.again)?;
    of(
        "RouteContested",
        format!(
            "{} writes the {kind} of {environment} again and again; for an hour after its last write the route is left as it is, and no build is exposed by it",
            last.by
        ),
        format!("{} kept from writing the route", last.by),
    )
}
