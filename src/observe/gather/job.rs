//! Jobs with their pods' results: those that Windlass made for a pipeline, and those of its CronJobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;

use super::pods::{is_owned, owned};
use crate::api::labels::{NAMESPACE, PIPELINE, VERDICT_FINALIZER};
use crate::api::{DeliveryPipeline, Time};
use crate::observe::health::WatchHealth;
use crate::observe::relate::environments_of;
use crate::observe::slim::{self, pod::View};
use crate::observe::snapshot::{Job, JobPod};
use crate::observe::stores::{Stores, get};

/// By name: the pipeline's Jobs in that namespace.
pub fn jobs(stores: &Stores, pipeline: &DeliveryPipeline, namespace: &str) -> BTreeMap<String, Arc<Job>> {
    let (home, name) = (pipeline.namespace().unwrap_or_default(), pipeline.name_any());
    let found = stores.jobs.state_filter(|job| {
        job.metadata.namespace.as_deref() == Some(namespace) && home_of(job) == Some((&home, &name))
    });
    found.iter().map(|job| (job.name_any(), Arc::new(of(stores, job)))).collect()
}

/// Jobs of a CronJob that run the images of its present template, oldest first.
pub fn of_cron_job(stores: &Stores, cron: &slim::CronJob) -> Vec<Job> {
    let mut found = stores.jobs.state_filter(|job| {
        is_owned(&job.metadata, "CronJob", &cron.metadata) && job.containers == cron.own.template.containers
    });
    found.sort_by_cached_key(|job| (job.creation_timestamp().map(|at| at.0), job.name_any()));
    found.iter().map(|job| of(stores, job)).collect()
}

/// A Job of ours that no pipeline looks after any more: its pipeline is gone, or goes through no Environment that
/// points at its namespace.
pub fn orphan_job(stores: &Stores, health: &WatchHealth, namespace: &str, name: &str) -> Option<Job> {
    let job = get(&stores.jobs, namespace, name)?;
    let (home, pipeline) = home_of(&job)?;
    let is_unread = health.is_unreadable("DeliveryPipeline", home, pipeline);
    (!is_unread && is_orphan(stores, &job)).then(|| of(stores, &job))
}

/// Whether nobody looks after a Job of ours, as far as the caches go.
pub fn is_orphan(stores: &Stores, job: &slim::Job) -> bool {
    let Some((home, name)) = home_of(job) else { return false };
    let Some(pipeline) = get(&stores.pipelines, home, name) else { return true };
    !is_through(stores, &pipeline, job.metadata.namespace.as_deref())
}

/// Whether a pipeline goes through an Environment that points at that namespace.
pub fn is_through(stores: &Stores, pipeline: &DeliveryPipeline, namespace: Option<&str>) -> bool {
    let home = pipeline.metadata.namespace.as_deref().unwrap_or_default();
    let is_here = |environment: &str| {
        get(&stores.environments, home, environment)
            .is_some_and(|e| namespace == Some(e.spec.target_namespace.as_str()))
    };
    environments_of(pipeline).any(is_here)
}

/// Namespace and name of the pipeline that made a Job.
pub fn home_of(job: &slim::Job) -> Option<(&str, &str)> {
    let label = |key: &str| job.labels().get(key).map(String::as_str);
    label(NAMESPACE).zip(label(PIPELINE))
}

fn of(stores: &Stores, seen: &slim::Job) -> Job {
    let meta = &seen.metadata;
    Job {
        name: seen.name_any(),
        namespace: meta.namespace.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        created: meta.creation_timestamp.as_ref().map(Time::from).unwrap_or_default(),
        deleting: meta.deletion_timestamp.is_some(),
        suspended: seen.suspended,
        kept: seen.finalizers().iter().any(|finalizer| finalizer == VERDICT_FINALIZER),
        complete: seen.complete,
        failed: seen.failed.clone(),
        ended: seen.ended,
        pods: pods(stores, seen),
    }
}

/// Oldest first.
fn pods(stores: &Stores, job: &slim::Job) -> Vec<JobPod> {
    let mut owned = owned(stores, "Job", &job.metadata);
    owned.sort_by_cached_key(|pod| (pod.creation_timestamp().map(|at| at.0), pod.name_any()));
    let result = |pod: &Arc<slim::Pod>| match &pod.view {
        View::Job(result) => Some(result.as_ref().clone()),
        View::Replica(_) | View::Other => None,
    };
    owned.iter().filter_map(result).collect()
}
