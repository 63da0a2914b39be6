//! Services and routes of ours that no pipeline looks after.

use std::sync::Arc;

use kube::ResourceExt;
use kube::core::ObjectMeta;

use super::clone::holder_of_clone;
use super::holder::Holder;
use super::routing::{bare, existing, last_written};
use crate::api::labels::{CLAIMED_BY, STABLE, TRACK, TRACKS, WEIGHTS};
use crate::api::traffic::{Backend, RoutingKind, route_name};
use crate::observe::health::WatchHealth;
use crate::observe::slim;
use crate::observe::snapshot::{Loose, Route};
use crate::observe::stores::{Stores, get, is_in};

/// A Service or route of which the pipeline is gone, or goes through no Environment that points at its namespace any more;
/// or someone's route of which it had the weights.
pub fn loose(stores: &Stores, health: &WatchHealth, kind: RoutingKind, namespace: &str, name: &str) -> Option<Loose> {
    let (meta, route) = match kind {
        RoutingKind::Service => (get(&stores.services, namespace, name)?.metadata.clone(), None),
        RoutingKind::Route(kind) => {
            let route = stores.routes.get(kind, namespace, name)?;
            (route.metadata.clone(), Some(route))
        }
    };
    holder_of(&meta, kind).filter(|holder| holder.has_surely_left(stores, health, namespace))?;
    let weighed = route.as_ref().map(|route| weighed(stores, route));
    let (claim, is_needed) = match &weighed {
        None => (claim_of(&meta).to_owned(), is_sent_to(stores, &meta)),
        Some(Weighed { claim, is_ours, .. }) => {
            (claim.clone(), !is_ours || !clones(stores, namespace, claim).is_empty())
        }
    };
    let is_answered = || answers(stores, namespace, &claim);
    let exposing = weighed.and_then(|weighed| weighed.exposing).filter(|_| is_answered()).map(Box::new);
    Some(Loose {
        kind,
        rerouted: last_written(stores, |route| is_in(route, namespace)),
        exposing,
        claim,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        is_needed,
        deleting: meta.deletion_timestamp.is_some(),
    })
}

fn claim_of(meta: &ObjectMeta) -> &str {
    meta.annotations.as_ref().and_then(|all| all.get(CLAIMED_BY)).map_or("", String::as_str)
}

/// Whether a route sends to that Service, whoever's: without it the route would answer with errors.
fn is_sent_to(stores: &Stores, service: &ObjectMeta) -> bool {
    let (namespace, name) = (service.namespace.as_deref().unwrap_or_default(), service.name.as_deref());
    let is_mate = |route: &slim::Route| is_in(route, namespace) && claim_of(&route.metadata) == claim_of(service);
    let sends = |route: &slim::Route| is_mate(route) || route.sends_to(namespace, name.unwrap_or_default());
    !stores.routes.state_filter(sends).is_empty()
}

/// What of a route is ours.
struct Weighed {
    /// Whose it is, or whose Services it sends to.
    claim: String,
    /// The whole of it.
    is_ours: bool,
    /// The route, if it sends to a clone.
    exposing: Option<Route>,
}

fn weighed(stores: &Stores, route: &slim::Route) -> Weighed {
    let is_beside = |b: &Backend| b.weight > 0 && !b.name.ends_with(&format!("-{STABLE}"));
    let sends = |found: &Route| found.shape.as_ref().is_some_and(|shape| shape.backends.iter().any(is_beside));
    let claim = claim_of(&route.metadata).to_owned();
    // a copy of ours under another name has our claim in it, and is somebody's
    if Holder::of_claim(&claim).is_some_and(|holder| route.name_any() == route_name(holder.name)) {
        return Weighed { claim, is_ours: true, exposing: Some(bare(route)).filter(sends) };
    }
    let given = route.annotations().get(WEIGHTS).map(|home| format!("{home}/")).unwrap_or_default();
    let Some(service) = beside(stores, route, &given) else {
        return Weighed { claim: given, is_ours: false, exposing: None };
    };
    let beside = service.name_any();
    let stable = beside.rsplit_once('-').map_or_else(String::new, |(base, _)| format!("{base}-{STABLE}"));
    let found = existing::of_pair(route, &[stable, beside]);
    Weighed { claim: claim_of(&service.metadata).to_owned(), is_ours: false, exposing: Some(found).filter(sends) }
}

/// The Service before a clone, made by that pipeline, to which someone's route gives a share.
fn beside(stores: &Stores, route: &slim::Route, given: &str) -> Option<Arc<slim::Service>> {
    let namespace = route.namespace().unwrap_or_default();
    let is_meant = |service: &slim::Service| {
        let track = service.labels().get(TRACK).map(String::as_str);
        is_in(service, &namespace)
            && claim_of(&service.metadata).starts_with(given)
            && track.is_some_and(|track| TRACKS.contains(&track))
            && route.divides(&namespace, &service.name_any())
    };
    stores.services.state_filter(is_meant).into_iter().next()
}

fn clones(stores: &Stores, namespace: &str, claim: &str) -> Vec<Arc<slim::Deployment>> {
    stores.deployments.state_filter(|clone| {
        is_in(clone, namespace) && holder_of_clone(clone).is_some() && claim_of(&clone.metadata) == claim
    })
}

/// Whether there are clones, and the workload of each answers.
fn answers(stores: &Stores, namespace: &str, claim: &str) -> bool {
    let all = clones(stores, namespace, claim);
    let answers = |clone: &Arc<slim::Deployment>| {
        let mut owners = clone.metadata.owner_references.iter().flatten();
        owners.any(|owner| get(&stores.deployments, namespace, &owner.name).is_some_and(|of| of.own.available > 0))
    };
    !all.is_empty() && all.iter().all(answers)
}

/// The pipeline that made it, or to which its weights are left; none of what is none of ours.
pub fn holder_of(meta: &ObjectMeta, kind: RoutingKind) -> Option<Holder<'_>> {
    let annotation = |key: &str| meta.annotations.as_ref()?.get(key);
    let made = annotation(CLAIMED_BY).and_then(|claim| Holder::of_claim(claim));
    let has_track = meta.labels.as_ref().is_some_and(|all| all.contains_key(TRACK));
    let is_its = |holder: &Holder<'_>| meta.name.as_deref() == Some(&*route_name(holder.name));
    match kind {
        RoutingKind::Service => made.filter(|_| has_track),
        RoutingKind::Route(_) => {
            made.filter(is_its).or_else(|| annotation(WEIGHTS).and_then(|home| Holder::of_home(home)))
        }
    }
}
