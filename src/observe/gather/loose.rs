//! Services and routes of ours that no pipeline looks after.

use std::sync::Arc;

use kube::core::ObjectMeta;

use super::clone::holder_of_clone;
use super::holder::Holder;
use super::routing::shape_of;
use crate::api::Time;
use crate::api::labels::{CLAIMED_BY, STABLE, TRACK};
use crate::api::traffic::{Backend, RouteShape, route_name};
use crate::observe::health::WatchHealth;
use crate::observe::slim::{Deployment, HttpRoute};
use crate::observe::snapshot::Loose;
use crate::observe::stores::{Stores, get};

/// A Service or route of which the pipeline is gone, or goes through no Environment that points at its namespace any more.
pub fn loose(stores: &Stores, health: &WatchHealth, is_route: bool, namespace: &str, name: &str) -> Option<Loose> {
    let meta = if is_route {
        get(&stores.http_routes, namespace, name)?.metadata.clone()
    } else {
        get(&stores.services, namespace, name)?.metadata.clone()
    };
    holder_of(&meta, is_route)
        .filter(|holder| holder.has_left(stores, Some(namespace)) && !holder.is_in_doubt(health))?;
    let claim = meta.annotations.as_ref().and_then(|all| all.get(CLAIMED_BY));
    let is_mate = |other: &ObjectMeta| {
        other.namespace == meta.namespace && other.annotations.as_ref().and_then(|all| all.get(CLAIMED_BY)) == claim
    };
    let is_needed = if is_route {
        !stores.deployments.state_filter(|d| holder_of_clone(d).is_some() && is_mate(&d.metadata)).is_empty()
    } else {
        // whoever's: without it that route would answer with errors
        let sends = |route: &HttpRoute| is_mate(&route.metadata) || route.sends_to(namespace, name);
        !stores.http_routes.state_filter(sends).is_empty()
    };
    let exposing = if is_route { exposing(stores, namespace, name, is_mate) } else { None };
    Some(Loose {
        is_route,
        rerouted: last_written(stores, namespace),
        exposing,
        claim: claim.cloned().unwrap_or_default(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        is_needed,
        deleting: meta.deletion_timestamp.is_some(),
    })
}

/// When a route of that namespace was written last.
fn last_written(stores: &Stores, namespace: &str) -> Option<Time> {
    let here = stores.http_routes.state_filter(|route| route.metadata.namespace.as_deref() == Some(namespace));
    here.iter().filter_map(|route| route.writer.as_ref()?.at).max()
}

/// What a route does that sends to a clone, if each clone's workload answers.
fn exposing(stores: &Stores, namespace: &str, name: &str, is_mate: impl Fn(&ObjectMeta) -> bool) -> Option<RouteShape> {
    let shape = shape_of(get(&stores.http_routes, namespace, name)?.as_ref())?;
    let clones = stores.deployments.state_filter(|d| holder_of_clone(d).is_some() && is_mate(&d.metadata));
    let answers = |clone: &Arc<Deployment>| {
        let mut owners = clone.metadata.owner_references.iter().flatten();
        owners.any(|owner| get(&stores.deployments, namespace, &owner.name).is_some_and(|of| of.own.available > 0))
    };
    let is_beside = |backend: &Backend| backend.weight > 0 && !backend.name.ends_with(&format!("-{STABLE}"));
    let is_exposing = shape.backends.iter().any(is_beside);
    (is_exposing && !clones.is_empty() && clones.iter().all(answers)).then_some(shape)
}

/// The pipeline that made it; none of what is none of ours.
pub fn holder_of(meta: &ObjectMeta, is_route: bool) -> Option<Holder<'_>> {
    let has_track = meta.labels.as_ref().is_some_and(|all| all.contains_key(TRACK));
    let holder = Holder::of_claim(meta.annotations.as_ref()?.get(CLAIMED_BY)?)?;
    let is_its = meta.name.as_deref() == Some(&*route_name(holder.name));
    (if is_route { is_its } else { has_track }).then_some(holder)
}
