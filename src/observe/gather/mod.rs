//! One pipeline's `Snapshot`, and one Environment's view, built from the stores. Pure: no client, no clock.

mod access;
mod admission;
mod autoscaler;
mod clone;
mod environment;
mod holder;
mod job;
mod loose;
mod pods;
mod preflight;
mod routing;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;

use super::health::WatchHealth;
use super::snapshot::{Access, CronJob, Place, Routing, Settings, Snapshot, Unreadable};
use super::stores::{Stores, get, is_in};
use crate::api::check::HttpProbe;
use crate::api::pipeline::WorkloadRef;
use crate::api::stage::{JobSource, Stage, Suite};
use crate::api::{DeliveryPipeline, Rollout};

pub use autoscaler::{holder_of_lock, left_lock};
pub use clone::{holder_of_clone, orphan_clone};
pub use environment::{freezes_of, gather_environment};
pub use holder::Holder;
pub use job::{holder_of_job, orphan_job};
pub use loose::{holder_of, loose};
pub use preflight::{is_about, is_service_about};

/// What gathering depends on beside the stores.
#[derive(Clone, Debug)]
pub struct GatherConfig {
    pub settings: Settings,
    /// Field managers of GitOps tools and Helm; every other writer of an image is taken for a person.
    pub tool_managers: Vec<String>,
    /// Names of the providers of metrics.
    pub providers: Arc<BTreeSet<String>>,
    /// Users by the names under which authors of builds are known.
    pub identities: Arc<BTreeMap<String, String>>,
    /// The operator's own namespace: its annotation freezes all Environments.
    pub home: String,
    /// Term of this process, if it leads.
    pub term: Arc<str>,
}

impl Default for GatherConfig {
    fn default() -> Self {
        let tools = ["kustomize-controller", "helm-controller", "argocd-controller", "helm"];
        let tool_managers = tools.map(str::to_owned).to_vec();
        Self {
            settings: Settings::default(),
            tool_managers,
            providers: Arc::default(),
            identities: Arc::default(),
            home: String::new(),
            term: Arc::default(),
        }
    }
}

/// All that the pipeline's decision may look at; none if there is no such pipeline.
pub fn gather(
    stores: &Stores,
    health: &WatchHealth,
    namespace: &str,
    name: &str,
    config: &GatherConfig,
) -> Option<Snapshot> {
    let pipeline = get(&stores.pipelines, namespace, name)?;
    let environments: BTreeSet<&str> = super::relate::environments_of(&pipeline).collect();
    let places =
        environments.into_iter().map(|at| (at.to_owned(), place(stores, health, &pipeline, at, config))).collect();
    Some(Snapshot {
        releases: sorted(stores.releases.state_filter(|r| r.spec.pipeline == name && is_in(r, namespace))),
        test_runs: sorted(stores.test_runs.state_filter(|t| t.spec.pipeline == name && is_in(t, namespace))),
        decisions: sorted(stores.decisions.state_filter(|d| d.spec.is_of(name) && is_in(d, namespace))),
        unreadable: Unreadable {
            releases: health.unreadable("Release", namespace),
            decisions: health.unreadable("Decision", namespace),
        },
        no_release: None,
        origins: BTreeMap::new(),
        admission: admission::admission(stores, health),
        is_guarded: admission::is_guarded(stores),
        providers: Arc::clone(&config.providers),
        identities: Arc::clone(&config.identities),
        places,
        settings: config.settings,
        term: Arc::clone(&config.term),
        touched: BTreeMap::new(),
        doubts: BTreeSet::new(),
        pipeline,
    })
}

/// By name: a store has no order, and equal worlds must give equal plans.
fn sorted<K: ResourceExt>(mut objects: Vec<Arc<K>>) -> Vec<Arc<K>> {
    objects.sort_by_cached_key(|object| object.name_any());
    objects
}

fn place(stores: &Stores, health: &WatchHealth, pipeline: &DeliveryPipeline, at: &str, config: &GatherConfig) -> Place {
    let home = pipeline.namespace().unwrap_or_default();
    let Some(environment) = get(&stores.environments, &home, at) else {
        let is_there = health.is_unreadable("Environment", &home, at);
        return Place { access: if is_there { Access::Unreadable } else { Access::Missing }, ..Place::default() };
    };
    let access = access::access(stores, &environment);
    let target = environment.spec.target_namespace.clone();
    // What is in a namespace that did not let us in is none of the pipeline's business; its own Jobs are.
    let is_open = matches!(access, Access::Granted { .. });
    let workloads = workloads_of(pipeline, at).filter(|_| is_open).filter_map(|wanted| {
        let found = workload::workload(stores, health, pipeline, &target, wanted, config)?;
        Some((wanted.key(), Arc::new(found)))
    });
    let clones = workloads_of(pipeline, at).filter(|_| is_open).filter_map(|of| {
        let found = workload::clone(stores, health, pipeline, at, &target, of, config)?;
        Some((of.key(), Arc::new(found)))
    });
    let cron_jobs = jobs_of(pipeline, at).filter(|_| is_open).filter_map(|job| {
        let found = get(&stores.cron_jobs, &target, &job.cron_job)?;
        let (runnable, containers) = (found.runnable, found.containers());
        Some((job.cron_job.clone(), Arc::new(CronJob { name: job.cron_job.clone(), runnable, containers })))
    });
    let services = http_of(pipeline, at).filter(|_| is_open).filter_map(|http| {
        Some((http.service.clone(), Arc::new(get(&stores.services, &target, &http.service)?.view.clone())))
    });
    // A workload of an open rollout comes before the spec's entry of that name, and is the one that stays.
    let workloads = workloads.fold(BTreeMap::new(), |mut all, (key, found)| {
        all.entry(key).or_insert(found);
        all
    });
    Place {
        workloads,
        clones: clones.collect(),
        cron_jobs: cron_jobs.collect(),
        jobs: job::jobs(stores, pipeline, &target),
        routing: if is_open { routing::routing(stores, health, pipeline, at, &target) } else { Routing::default() },
        preflight: if is_open { preflight::preflight(stores, pipeline, at, &target) } else { Vec::new() },
        autoscalers: if is_open { autoscaler::autoscalers(stores, health, pipeline, at, &target) } else { Vec::new() },
        freezes: environment::freezes(stores, &config.home, &environment),
        access,
        environment: Some(environment),
        refusal: None,
        services: services.collect(),
        measured: BTreeMap::new(),
    }
}

/// Workloads that the pipeline names in that environment: those of an open rollout, frozen, then those of the spec.
pub fn workloads_of<'a>(pipeline: &'a DeliveryPipeline, at: &'a str) -> impl Iterator<Item = &'a WorkloadRef> {
    let frozen = rollout(pipeline, at).into_iter().flat_map(|rollout| &rollout.workloads);
    frozen.map(|planned| &planned.workload).chain(&pipeline.spec.workloads)
}

/// What suites and hooks are made from in that environment: those of an open rollout, then those of the spec.
pub fn jobs_of<'a>(pipeline: &'a DeliveryPipeline, at: &'a str) -> impl Iterator<Item = &'a JobSource> {
    let frozen = rollout(pipeline, at).into_iter().flat_map(Rollout::jobs);
    frozen.chain(pipeline.spec.stage(at).into_iter().flat_map(Stage::jobs))
}

fn all_suites<'a>(pipeline: &'a DeliveryPipeline, at: &'a str) -> impl Iterator<Item = &'a Suite> {
    let frozen = rollout(pipeline, at).into_iter().flat_map(|rollout| &rollout.suites).map(|suite| &suite.plan);
    frozen.chain(pipeline.spec.stage(at).into_iter().flat_map(|stage| &stage.tests))
}

/// Requests to pods that checks and suites make in that environment: those of an open rollout, then those of the spec.
pub fn http_of<'a>(pipeline: &'a DeliveryPipeline, at: &'a str) -> impl Iterator<Item = &'a HttpProbe> {
    let frozen = rollout(pipeline, at).into_iter().flat_map(|rollout| &rollout.checks);
    let named = pipeline.spec.stage(at).into_iter().flat_map(|stage| &stage.checks);
    let checks = frozen.chain(named).filter_map(|check| check.http.as_ref());
    checks.chain(all_suites(pipeline, at).filter_map(|suite| suite.http.as_ref()))
}

/// The track of clones there: of the open rollout, else as the stage would have it.
fn track(pipeline: &DeliveryPipeline, at: &str) -> Option<&'static str> {
    let stage = || pipeline.spec.stage(at)?.strategy.track();
    rollout(pipeline, at).and_then(|rollout| rollout.strategy.track()).or_else(stage)
}

/// The open rollout of that environment.
fn rollout<'a>(pipeline: &'a DeliveryPipeline, at: &str) -> Option<&'a Rollout> {
    pipeline.status.as_ref()?.stage(at)?.rollout.as_ref()
}

#[cfg(test)]
mod tests;
