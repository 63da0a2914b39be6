//! Services and routes of ours that no pipeline looks after.

use kube::ResourceExt;
use kube::core::ObjectMeta;

use super::clone::home_of_clone;
use super::job::is_through;
use crate::api::labels::{CLAIMED_BY, TRACK};
use crate::api::traffic::route_name;
use crate::observe::health::WatchHealth;
use crate::observe::snapshot::Loose;
use crate::observe::stores::{Stores, get};

/// A Service or route of which the pipeline is gone, or goes through no Environment that points at its namespace any more.
pub fn loose(stores: &Stores, health: &WatchHealth, is_route: bool, namespace: &str, name: &str) -> Option<Loose> {
    let meta = if is_route {
        get(&stores.http_routes, namespace, name)?.metadata.clone()
    } else {
        get(&stores.services, namespace, name)?.metadata.clone()
    };
    let (home, pipeline, _) = claim_of(&meta, is_route)?;
    let is_unread = health.is_unreadable("DeliveryPipeline", home, pipeline);
    if is_unread || !health.unreadable("Environment", home).is_empty() || !is_loose(stores, &meta, is_route) {
        return None;
    }
    let claim = meta.annotations.as_ref().and_then(|all| all.get(CLAIMED_BY));
    let is_mate = |other: &ObjectMeta| {
        other.namespace == meta.namespace && other.annotations.as_ref().and_then(|all| all.get(CLAIMED_BY)) == claim
    };
    let is_needed = if is_route {
        !stores.deployments.state_filter(|d| home_of_clone(d).is_some() && is_mate(&d.metadata)).is_empty()
    } else {
        !stores.http_routes.state_filter(|route| is_mate(&route.metadata)).is_empty()
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

/// Whether nobody looks after a Service or route of ours, as far as the caches go.
pub fn is_loose(stores: &Stores, meta: &ObjectMeta, is_route: bool) -> bool {
    let Some((home, name, uid)) = claim_of(meta, is_route) else { return false };
    let pipeline = get(&stores.pipelines, home, name).filter(|found| found.uid().as_deref() == Some(uid));
    pipeline.is_none_or(|pipeline| !is_through(stores, &pipeline, meta.namespace.as_deref()))
}

/// Namespace, name and UID of the pipeline that made it; none of what is none of ours.
fn claim_of(meta: &ObjectMeta, is_route: bool) -> Option<(&str, &str, &str)> {
    let has_track = meta.labels.as_ref().is_some_and(|all| all.contains_key(TRACK));
    let (home, uid) = meta.annotations.as_ref()?.get(CLAIMED_BY)?.rsplit_once('/')?;
    let (namespace, name) = home.split_once('/')?;
    let is_its = meta.name.as_deref() == Some(&*route_name(name));
    (if is_route { is_its } else { has_track }).then_some((namespace, name, uid))
}
