//! Clones that no pipeline looks after.

use kube::ResourceExt;

use super::job::is_through;
use crate::api::labels::{CLAIMED_BY, TRACK};
use crate::observe::health::WatchHealth;
use crate::observe::slim::Deployment;
use crate::observe::snapshot::Orphan;
use crate::observe::stores::{Stores, get};

/// A clone of which the pipeline is gone, or goes through no Environment that points at its namespace any more.
pub fn orphan_clone(stores: &Stores, health: &WatchHealth, namespace: &str, name: &str) -> Option<Orphan> {
    let clone = get(&stores.deployments, namespace, name)?;
    let (home, pipeline, _) = home_of_clone(&clone)?;
    if health.is_unreadable("DeliveryPipeline", home, pipeline) || !is_orphan_clone(stores, &clone) {
        return None;
    }
    let owner = clone.metadata.owner_references.iter().flatten().find(|owner| owner.kind == "Deployment");
    let stable = owner.and_then(|owner| get(&stores.deployments, namespace, &owner.name));
    Some(Orphan {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: clone.uid().unwrap_or_default(),
        resource_version: clone.resource_version().unwrap_or_default(),
        wanted: clone.own.wanted,
        is_empty: clone.own.observed_generation >= clone.metadata.generation.unwrap_or(0) && clone.own.replicas == 0,
        is_needed: clone.own.available > 0 && stable.is_none_or(|stable| stable.own.available == 0),
        deleting: clone.metadata.deletion_timestamp.is_some(),
    })
}

/// Whether nobody looks after a clone of ours, as far as the caches go.
pub fn is_orphan_clone(stores: &Stores, clone: &Deployment) -> bool {
    let Some((home, name, uid)) = home_of_clone(clone) else { return false };
    let pipeline = get(&stores.pipelines, home, name).filter(|found| found.metadata.uid.as_deref() == Some(uid));
    pipeline.is_none_or(|pipeline| !is_through(stores, &pipeline, clone.metadata.namespace.as_deref()))
}

/// Namespace, name and UID of the pipeline that made a clone; none of what is no clone.
pub fn home_of_clone(clone: &Deployment) -> Option<(&str, &str, &str)> {
    let _ = clone.labels().get(TRACK)?;
    let (home, uid) = clone.annotations().get(CLAIMED_BY)?.rsplit_once('/')?;
    let (namespace, name) = home.split_once('/')?;
    Some((namespace, name, uid))
}
