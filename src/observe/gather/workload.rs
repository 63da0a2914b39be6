//! A workload as the pipeline sees it: what of it is managed, whose it is, and the pods of its present template.

use kube::ResourceExt;
use kube::core::ObjectMeta;

use super::holder::Holder;
use super::{GatherConfig, job, pods};
use crate::api::DeliveryPipeline;
use crate::api::labels::{ATTEMPT, CLAIMED_BY, REASSERTED, TRACK, TRACKS};
use crate::api::pipeline::{WorkloadKind, WorkloadRef};
use crate::observe::health::WatchHealth;
use crate::observe::slim::{self, Controller};
use crate::observe::snapshot::{Claim, ImageWriter, Reach, Workload};
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
    let of = |meta: &ObjectMeta, own: &Controller| whole(stores, health, pipeline, (meta, own), wanted, config);
    match wanted.kind {
        WorkloadKind::Deployment => {
            let found = get(&stores.deployments, namespace, &wanted.name)?;
            Some(Workload { pods: pods::of_deployment(stores, &found), ..of(&found.metadata, &found.own) })
        }
        WorkloadKind::StatefulSet => {
            let found = get(&stores.stateful_sets, namespace, &wanted.name)?;
            let (pods, old_pods) = pods::by_revision(stores, wanted.kind, &found.metadata, &found.own);
            Some(Workload { pods, old_pods, ..of(&found.metadata, &found.own) })
        }
        WorkloadKind::DaemonSet => {
            let found = get(&stores.daemon_sets, namespace, &wanted.name)?;
            let (pods, _) = pods::by_revision(stores, wanted.kind, &found.metadata, &found.own);
            Some(Workload { pods, ..of(&found.metadata, &found.own) })
        }
        WorkloadKind::CronJob => {
            let found = get(&stores.cron_jobs, namespace, &wanted.name)?;
            Some(Workload { jobs: job::of_cron_job(stores, &found), ..of(&found.metadata, &found.own) })
        }
    }
}

/// Its clone, one at a time: of the open rollout's track, else what is left of another one, else what stands under the name
/// of the clone that the stage would make.
pub fn clone(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
    of: &WorkloadRef,
    config: &GatherConfig,
) -> Option<Workload> {
    let frozen = super::rollout(pipeline, at).and_then(|rollout| rollout.strategy.track());
    let wanted = pipeline.spec.stage(at).and_then(|stage| stage.strategy.track());
    let found = TRACKS.into_iter().filter(|_| of.is_cloned()).filter_map(|track| {
        let named = WorkloadRef { name: of.clone_name(track), ..of.clone() };
        let found = workload(stores, health, pipeline, namespace, &named, config)?;
        let rank = (Some(track) != frozen, !found.is_clone(), Some(track) != wanted);
        (rank < (true, true, true)).then_some((rank, found))
    });
    found.min_by_key(|(rank, _)| *rank).map(|(_, found)| found)
}

/// All but its pods.
fn whole(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    (meta, own): (&ObjectMeta, &Controller),
    wanted: &WorkloadRef,
    config: &GatherConfig,
) -> Workload {
    let is_managed = |name: &str| wanted.containers.iter().any(|container| container.name == name);
    let annotation = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key));
    Workload {
        kind: wanted.kind,
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: wanted.name.clone(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        generation: meta.generation.unwrap_or(0),
        observed_generation: own.observed_generation,
        deleting: meta.deletion_timestamp.is_some(),
        rolls: own.rolls,
        obstacle: own.obstacle.clone(),
        track: meta.labels.as_ref().and_then(|all| all.get(TRACK)).cloned(),
        pod_track: own.template.labels.get(TRACK).cloned(),
        images: own.template.containers.iter().map(|c| (c.name.clone(), c.image.clone())).collect(),
        fingerprint: own.template.fingerprint(is_managed),
        attempt: annotation(ATTEMPT).cloned(),
        reasserted: annotation(REASSERTED).and_then(|text| text.parse().ok()),
        claim: claim(stores, health, pipeline, annotation(CLAIMED_BY).map(String::as_str)),
        image_writers: own.writers.iter().map(|(name, writer)| (name.clone(), image_writer(writer, config))).collect(),
        wanted: own.wanted,
        replicas: own.replicas,
        updated: own.updated,
        ready: own.ready,
        available: own.available,
        refused: own.refused.clone(),
        reach: Reach {
            labels: own.template.labels.clone(),
            ports: own.template.ports.clone(),
            hash: pods::hash_of(stores, wanted.kind, meta, own),
        },
        pods: Vec::new(),
        old_pods: Vec::new(),
        jobs: Vec::new(),
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
pub fn claim(stores: &Stores, health: &WatchHealth, pipeline: &DeliveryPipeline, value: Option<&str>) -> Claim {
    let Some(holder) = value.and_then(Holder::of_claim) else { return Claim::None };
    if pipeline.metadata.uid.as_deref() == holder.uid {
        return Claim::Ours;
    }
    match stores.pipelines.find(|other| other.metadata.uid.as_deref() == holder.uid) {
        Some(other) => Claim::Other(format!("{}/{}", other.namespace().unwrap_or_default(), other.name_any())),
        // one that cannot be read is there all the same
        None if health.is_unreadable("DeliveryPipeline", holder.namespace, holder.name) => {
            Claim::Other(format!("{}/{}", holder.namespace, holder.name))
        }
        None => Claim::None,
    }
}
