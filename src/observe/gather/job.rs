//! Jobs with their pods' results: those that Windlass made for a pipeline, and those of its CronJobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;

use super::holder::Holder;
use super::pods::{is_owned, owned};
use crate::api::labels::{NAMESPACE, PIPELINE, VERDICT_FINALIZER};
use crate::api::{DeliveryPipeline, Time};
use crate::observe::health::WatchHealth;
use crate::observe::slim::{self, pod::View};
use crate::observe::snapshot::{Job, JobPod};
use crate::observe::stores::{Stores, get, is_in};

/// By name: the pipeline's Jobs in that namespace.
pub fn jobs(stores: &Stores, pipeline: &DeliveryPipeline, namespace: &str) -> BTreeMap<String, Arc<Job>> {
    let (home, name) = (pipeline.namespace().unwrap_or_default(), pipeline.name_any());
    let found = stores.jobs.state_filter(|job| {
        let is_its = |holder: Holder<'_>| holder.namespace == home && holder.name == name;
        is_in(job, namespace) && holder_of_job(job).is_some_and(is_its)
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

/// A Job of ours that no pipeline looks after any more.
pub fn orphan_job(stores: &Stores, health: &WatchHealth, namespace: &str, name: &str) -> Option<Job> {
    let job = get(&stores.jobs, namespace, name)?;
    holder_of_job(&job).filter(|holder| holder.has_surely_left(stores, health, namespace))?;
    Some(of(stores, &job))
}

/// The pipeline that made a Job.
pub fn holder_of_job(job: &slim::Job) -> Option<Holder<'_>> {
    let label = |key: &str| job.labels().get(key).map(String::as_str);
    Some(Holder { namespace: label(NAMESPACE)?, name: label(PIPELINE)?, uid: None })
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
