//! A workload as the pipeline sees it: what of it is managed, whose it is, and the pods of its present template.

use kube::ResourceExt;

use super::GatherConfig;
use crate::api::DeliveryPipeline;
use crate::api::labels::{ATTEMPT, CLAIMED_BY};
use crate::api::pipeline::{WorkloadKind, WorkloadRef};
use crate::observe::health::WatchHealth;
use crate::observe::slim::{self, Deployment, ReplicaSet, pod::View};
use crate::observe::snapshot::{Claim, ImageWriter, Pod, Workload};
use crate::observe::stores::{Stores, get};

/// The workload of that name, if it exists.
pub fn workload(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    namespace: &str,
    wanted: &WorkloadRef,
    config: &GatherConfig,
) -> Option<Workload> {
    match wanted.kind {
        WorkloadKind::Deployment => {
            let deployment = get(&stores.deployments, namespace, &wanted.name)?;
            Some(of_deployment(stores, health, pipeline, &deployment, wanted, config))
        }
    }
}

fn of_deployment(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    seen: &Deployment,
    wanted: &WorkloadRef,
    config: &GatherConfig,
) -> Workload {
    let meta = &seen.metadata;
    let is_managed = |name: &str| wanted.containers.iter().any(|container| container.name == name);
    Workload {
        kind: wanted.kind,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: wanted.name.clone(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        generation: meta.generation.unwrap_or(0),
        observed_generation: seen.observed_generation,
        deleting: meta.deletion_timestamp.is_some(),
        paused: seen.paused,
        images: seen.template.containers.iter().map(|c| (c.name.clone(), c.image.clone())).collect(),
        fingerprint: seen.template.fingerprint(is_managed),
        attempt: seen.annotations().get(ATTEMPT).cloned(),
        claim: claim(stores, health, pipeline, seen.annotations().get(CLAIMED_BY).map(String::as_str)),
        image_writers: seen.writers.iter().map(|(name, writer)| (name.clone(), image_writer(writer, config))).collect(),
        wanted: seen.wanted,
        replicas: seen.replicas,
        updated: seen.updated,
        ready: seen.ready,
        available: seen.available,
        refused: seen.refused.clone(),
        pods: pods(stores, seen),
    }
}

fn image_writer(writer: &slim::writers::Writer, config: &GatherConfig) -> ImageWriter {
    let is_tool = config.tool_managers.contains(&writer.manager);
    ImageWriter { manager: writer.manager.clone(), at: writer.at, is_tool }
}

/// `namespace/name/uid` → whose. The UID decides: a pipeline of the same name made anew is another one.
///
/// A UID that no cached pipeline has counts as void: the stores are complete when a pass runs. Missing by delay can only
/// be a pipeline that was made, and wrote its first image, in the moment before this instance became the leader.
fn claim(stores: &Stores, health: &WatchHealth, pipeline: &DeliveryPipeline, value: Option<&str>) -> Claim {
    let Some((holder, uid)) = value.and_then(|value| value.rsplit_once('/')).filter(|(_, uid)| !uid.is_empty()) else {
        return Claim::None;
    };
    // one that cannot be read is there all the same
    let is_unread = |(namespace, name)| health.is_unreadable("DeliveryPipeline", namespace, name);
    if pipeline.metadata.uid.as_deref() == Some(uid) {
        return Claim::Ours;
    }
    match stores.pipelines.find(|other| other.metadata.uid.as_deref() == Some(uid)) {
        Some(other) => Claim::Other(format!("{}/{}", other.namespace().unwrap_or_default(), other.name_any())),
        None if holder.split_once('/').is_some_and(is_unread) => Claim::Other(holder.to_owned()),
        None => Claim::None,
    }
}

/// Pods of the ReplicaSet that the template describes, oldest first.
fn pods(stores: &Stores, deployment: &Deployment) -> Vec<Pod> {
    let Some(current) = current_set(stores, deployment) else { return Vec::new() };
    let uid = current.metadata.uid.as_deref().unwrap_or_default();
    let owned = stores.pods.state_filter(|pod| {
        pod.metadata.namespace == deployment.metadata.namespace
            && slim::owner(&pod.metadata, "ReplicaSet").is_some_and(|owner| owner.uid == uid)
    });
    let mut pods: Vec<Pod> = owned
        .iter()
        .filter_map(|pod| match &pod.view {
            View::Replica(pod) => Some(pod.as_ref().clone()),
            View::Job(_) | View::Other => None,
        })
        .collect();
    pods.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    pods
}

/// Of the sets with this template and images the one that is equal in everything, then the newest: sets that differ
/// in a restart only are the same revision to us, but one of them has the new pods.
fn current_set(stores: &Stores, deployment: &Deployment) -> Option<std::sync::Arc<ReplicaSet>> {
    let uid = deployment.metadata.uid.as_deref().unwrap_or_default();
    let wanted = &deployment.template;
    let sets = stores.replica_sets.state_filter(|set| {
        set.metadata.namespace == deployment.metadata.namespace
            && set.template.masked == wanted.masked
            && set.template.containers == wanted.containers
            && slim::owner(&set.metadata, "Deployment").is_some_and(|owner| owner.uid == uid)
    });
    sets.into_iter()
        .max_by_key(|set| (set.template.exact == wanted.exact, set.creation_timestamp().map(|at| at.0), set.name_any()))
}
