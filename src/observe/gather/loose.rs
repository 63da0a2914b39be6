//! Services and routes of ours that no pipeline looks after.

use kube::core::ObjectMeta;

use super::clone::holder_of_clone;
use super::holder::Holder;
use crate::api::labels::{CLAIMED_BY, TRACK};
use crate::api::traffic::route_name;
use crate::observe::health::WatchHealth;
use crate::observe::slim::HttpRoute;
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
    Some(Loose {
        is_route,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        is_needed,
        deleting: meta.deletion_timestamp.is_some(),
    })
}

/// The pipeline that made it; none of what is none of ours.
pub fn holder_of(meta: &ObjectMeta, is_route: bool) -> Option<Holder<'_>> {
    let has_track = meta.labels.as_ref().is_some_and(|all| all.contains_key(TRACK));
    let holder = Holder::of_claim(meta.annotations.as_ref()?.get(CLAIMED_BY)?)?;
    let is_its = meta.name.as_deref() == Some(&*route_name(holder.name));
    (if is_route { is_its } else { has_track }).then_some(holder)
}
