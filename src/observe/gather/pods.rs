//! The pods of a workload, by the revision that they are of.

use std::sync::Arc;

use kube::ResourceExt;
use kube::core::ObjectMeta;

use crate::api::pipeline::WorkloadKind;
use crate::observe::slim::{self, Controller, ControllerRevision, Deployment, ReplicaSet, pod::View};
use crate::observe::snapshot::{OldPod, Pod};
use crate::observe::stores::Stores;

/// Pods of the ReplicaSet that the template describes, oldest first.
pub fn of_deployment(stores: &Stores, deployment: &Deployment) -> Vec<Pod> {
    let Some(current) = current_set(stores, &deployment.metadata, &deployment.own) else { return Vec::new() };
    oldest_first(
        owned(stores, "ReplicaSet", &current.metadata).iter().filter_map(|pod| replica(pod)).cloned().collect(),
    )
}

/// Pods of a StatefulSet or DaemonSet: those of the revision that the template describes, oldest first, and the others.
pub fn by_revision(
    stores: &Stores,
    kind: WorkloadKind,
    meta: &ObjectMeta,
    own: &Controller,
) -> (Vec<Pod>, Vec<OldPod>) {
    let kind = kind.as_str();
    let revisions = revisions(stores, kind, meta);
    let Some(present) = present(&revisions, own) else { return (Vec::new(), Vec::new()) };
    let (mut pods, mut old) = (Vec::new(), Vec::new());
    for pod in owned(stores, kind, meta) {
        let (Some(view), Some(label)) = (replica(&pod), pod.revision.as_deref()) else { continue };
        if present.is_of(label) {
            pods.push(view.clone());
        } else if let Some(revision) = revisions.iter().find(|revision| revision.is_of(label)) {
            old.push(old_pod(&pod, view, revision));
        }
    }
    old.sort_by(|a, b| a.name.cmp(&b.name));
    (oldest_first(pods), old)
}

/// What the controller calls the revision that the template describes, as its pods carry it; empty until there is one.
pub fn hash_of(stores: &Stores, kind: WorkloadKind, meta: &ObjectMeta, own: &Controller) -> String {
    let named = match kind {
        WorkloadKind::Deployment => current_set(stores, meta, own).and_then(|set| set.hash.clone()),
        WorkloadKind::StatefulSet => present(&revisions(stores, kind.as_str(), meta), own).map(|r| r.name_any()),
        WorkloadKind::DaemonSet => present(&revisions(stores, kind.as_str(), meta), own).and_then(|r| r.hash.clone()),
        WorkloadKind::CronJob => None,
    };
    named.unwrap_or_default()
}

/// The newest of those with the template's images: a cache that lags must not take the revision before for it.
fn present(revisions: &[Arc<ControllerRevision>], own: &Controller) -> Option<Arc<ControllerRevision>> {
    let of_template = revisions.iter().filter(|revision| revision.containers == own.template.containers);
    of_template.max_by_key(|revision| revision.revision).cloned()
}

fn revisions(stores: &Stores, kind: &str, meta: &ObjectMeta) -> Vec<Arc<ControllerRevision>> {
    stores.controller_revisions.state_filter(|revision| is_owned(&revision.metadata, kind, meta))
}

fn old_pod(pod: &slim::Pod, view: &Pod, revision: &ControllerRevision) -> OldPod {
    OldPod {
        name: view.name.clone(),
        uid: pod.uid().unwrap_or_default(),
        resource_version: pod.resource_version().unwrap_or_default(),
        ready: view.ready,
        going: view.going,
        images: revision.containers.iter().map(|c| (c.name.clone(), c.image.clone())).collect(),
    }
}

/// Pods that an object of that kind controls.
pub fn owned(stores: &Stores, kind: &str, owner: &ObjectMeta) -> Vec<Arc<slim::Pod>> {
    stores.pods.state_filter(|pod| is_owned(&pod.metadata, kind, owner))
}

/// Whether an object of that kind controls this one.
pub fn is_owned(meta: &ObjectMeta, kind: &str, owner: &ObjectMeta) -> bool {
    let uid = owner.uid.as_deref().unwrap_or_default();
    meta.namespace == owner.namespace && slim::owner(meta, kind).is_some_and(|owner| owner.uid == uid)
}

fn replica(pod: &slim::Pod) -> Option<&Pod> {
    match &pod.view {
        View::Replica(pod) => Some(pod),
        View::Job(_) | View::Other => None,
    }
}

fn oldest_first(mut pods: Vec<Pod>) -> Vec<Pod> {
    pods.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    pods
}

/// Of the sets with this template and images the one that is equal in everything, then the newest: sets that differ
/// in a restart only are the same revision to us, but one of them has the new pods.
fn current_set(stores: &Stores, meta: &ObjectMeta, own: &Controller) -> Option<Arc<ReplicaSet>> {
    let wanted = &own.template;
    let sets = stores.replica_sets.state_filter(|set| {
        set.template.masked == wanted.masked
            && set.template.containers == wanted.containers
            && is_owned(&set.metadata, "Deployment", meta)
    });
    sets.into_iter()
        .max_by_key(|set| (set.template.exact == wanted.exact, set.creation_timestamp().map(|at| at.0), set.name_any()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::stores::get;
    use crate::observe::tests::fixture::World;

    fn owned(kind: &str) -> Value {
        json!([{"apiVersion": "apps/v1", "kind": kind, "name": "db", "uid": "s-1", "controller": true}])
    }

    fn template(image: &str) -> Value {
        json!({"spec": {"containers": [{"name": "app", "image": image}]}})
    }

    /// Revision 1 with `db-0` and revision 2 with `db-1`, of which the newer came first; the set's template has `image`.
    fn world(kind: &str, image: &str, label: impl Fn(u8) -> String) -> World {
        let mut world = World::of("");
        world.put(
            json!({"kind": kind, "metadata": {"name": "db", "uid": "s-1"}, "spec": {"template": template(image)}}),
        );
        for revision in [2, 1] {
            let labels = json!({"controller-revision-hash": format!("h{revision}")});
            world.put(json!({"kind": "ControllerRevision", "revision": revision,
                "metadata": {"name": format!("db-h{revision}"), "labels": labels, "ownerReferences": owned(kind)},
                "data": {"spec": {"template": template(&format!("r/a:{revision}"))}}}));
            world.put(json!({"kind": "Pod", "metadata": {"name": format!("db-{}", revision - 1),
                "labels": {"controller-revision-hash": label(revision)}, "ownerReferences": owned(kind)}}));
        }
        world
    }

    fn names(world: &World) -> (Vec<String>, Vec<(String, String)>) {
        let stores = world.stores();
        let set = get(&stores.stateful_sets, "shop", "db").unwrap();
        let (pods, old) = by_revision(&stores, WorkloadKind::StatefulSet, &set.metadata, &set.own);
        let old = old.into_iter().map(|pod| (pod.name, pod.images["app"].clone())).collect();
        (pods.into_iter().map(|pod| pod.name).collect(), old)
    }

    #[test]
    fn pods_of_a_stateful_set_are_told_apart_by_the_name_of_their_revision() {
        let of = |image: &str| names(&world("StatefulSet", image, |revision| format!("db-h{revision}")));
        assert_eq!(of("r/a:2"), (vec!["db-1".into()], vec![("db-0".into(), "r/a:1".into())]));
        assert_eq!(of("r/a:1"), (vec!["db-0".into()], vec![("db-1".into(), "r/a:2".into())]), "put back");
        assert_eq!(of("r/a:3"), (vec![], vec![]), "its revision has not been seen yet");
    }

    #[test]
    fn pods_of_a_daemon_set_carry_a_hash() {
        let world = world("DaemonSet", "r/a:2", |revision| format!("h{revision}"));
        let stores = world.stores();
        let set = get(&stores.daemon_sets, "shop", "db").unwrap();
        let (pods, _) = by_revision(&stores, WorkloadKind::DaemonSet, &set.metadata, &set.own);
        assert_eq!(pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["db-1"]);
    }
}
