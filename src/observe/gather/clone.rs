//! Clones that no pipeline looks after.

use kube::ResourceExt;

use super::holder::Holder;
use super::routing::last_written;
use crate::api::labels::{CLAIMED_BY, TRACK};
use crate::observe::health::WatchHealth;
use crate::observe::slim::{Deployment, Route};
use crate::observe::snapshot::Orphan;
use crate::observe::stores::{Stores, get, is_in};

/// A clone of which the pipeline is gone, or goes through no Environment that points at its namespace any more.
pub fn orphan_clone(stores: &Stores, health: &WatchHealth, namespace: &str, name: &str) -> Option<Orphan> {
    let clone = get(&stores.deployments, namespace, name)?;
    holder_of_clone(&clone).filter(|holder| holder.has_surely_left(stores, health, namespace))?;
    let (claim, track) = (clone.annotations().get(CLAIMED_BY), clone.labels().get(TRACK));
    let before = stores.services.state_filter(|service| {
        service.metadata.namespace == clone.metadata.namespace
            && service.labels().get(TRACK) == track
            && service.annotations().get(CLAIMED_BY) == claim
    });
    // what a route still sends to it would get no answer
    let asks = |route: &Route| before.iter().any(|service| route.divides(namespace, &service.name_any()));
    let is_asked = || !stores.routes.state_filter(asks).is_empty();
    let owner = clone.metadata.owner_references.iter().flatten().find(|owner| owner.kind == "Deployment");
    let stable = owner.and_then(|owner| get(&stores.deployments, namespace, &owner.name));
    Some(Orphan {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: clone.uid().unwrap_or_default(),
        resource_version: clone.resource_version().unwrap_or_default(),
        wanted: clone.own.wanted,
        is_empty: clone.own.observed_generation >= clone.metadata.generation.unwrap_or(0) && clone.own.replicas == 0,
        is_needed: clone.own.available > 0 && (stable.is_none_or(|stable| stable.own.available == 0) || is_asked()),
        rerouted: (!before.is_empty()).then(|| last_written(stores, |route| is_in(route, namespace))).flatten(),
        deleting: clone.metadata.deletion_timestamp.is_some(),
    })
}

/// The pipeline that made a clone; none of what is no clone.
pub fn holder_of_clone(clone: &Deployment) -> Option<Holder<'_>> {
    let _ = clone.labels().get(TRACK)?;
    Holder::of_claim(clone.annotations().get(CLAIMED_BY)?)
}
