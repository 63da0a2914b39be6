//! The caches: one store per kind, filled by its watch and read by everything else.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::{Resource, ResourceExt};

use super::slim::{self, PolicyKind};
use crate::api::traffic::RouteKind;
use crate::api::{Decision, DeliveryPipeline, Environment, Release, TestRun};

/// What was seen last, by kind. Cloning gives another handle on the same caches.
#[derive(Clone, Debug)]
pub struct Stores {
    pub pipelines: Store<DeliveryPipeline>,
    pub releases: Store<Release>,
    pub environments: Store<Environment>,
    pub test_runs: Store<TestRun>,
    pub decisions: Store<Decision>,
    pub deployments: Store<slim::Deployment>,
    pub replica_sets: Store<slim::ReplicaSet>,
    pub stateful_sets: Store<slim::StatefulSet>,
    pub daemon_sets: Store<slim::DaemonSet>,
    pub controller_revisions: Store<slim::ControllerRevision>,
    pub pods: Store<slim::Pod>,
    pub jobs: Store<slim::Job>,
    pub cron_jobs: Store<slim::CronJob>,
    pub namespaces: Store<slim::Namespace>,
    pub policies: Policies,
    pub services: Store<slim::Service>,
    pub endpoint_slices: Store<slim::EndpointSlice>,
    pub routes: Routes,
    pub pod_disruption_budgets: Store<slim::PodDisruptionBudget>,
    pub network_policies: Store<slim::NetworkPolicy>,
    pub autoscalers: Store<slim::HorizontalPodAutoscaler>,
}

/// The writing ends, one for each watch.
#[derive(Debug, Default)]
pub struct Writers {
    pub pipelines: Writer<DeliveryPipeline>,
    pub releases: Writer<Release>,
    pub environments: Writer<Environment>,
    pub test_runs: Writer<TestRun>,
    pub decisions: Writer<Decision>,
    pub deployments: Writer<slim::Deployment>,
    pub replica_sets: Writer<slim::ReplicaSet>,
    pub stateful_sets: Writer<slim::StatefulSet>,
    pub daemon_sets: Writer<slim::DaemonSet>,
    pub controller_revisions: Writer<slim::ControllerRevision>,
    pub pods: Writer<slim::Pod>,
    pub jobs: Writer<slim::Job>,
    pub cron_jobs: Writer<slim::CronJob>,
    pub namespaces: Writer<slim::Namespace>,
    pub policies: PolicyWriters,
    pub services: Writer<slim::Service>,
    pub endpoint_slices: Writer<slim::EndpointSlice>,
    pub routes: RouteWriters,
    pub pod_disruption_budgets: Writer<slim::PodDisruptionBudget>,
    pub network_policies: Writer<slim::NetworkPolicy>,
    pub autoscalers: Writer<slim::HorizontalPodAutoscaler>,
}

impl Writers {
    /// The reading ends.
    pub fn stores(&self) -> Stores {
        Stores {
            pipelines: self.pipelines.as_reader(),
            releases: self.releases.as_reader(),
            environments: self.environments.as_reader(),
            test_runs: self.test_runs.as_reader(),
            decisions: self.decisions.as_reader(),
            deployments: self.deployments.as_reader(),
            replica_sets: self.replica_sets.as_reader(),
            stateful_sets: self.stateful_sets.as_reader(),
            daemon_sets: self.daemon_sets.as_reader(),
            controller_revisions: self.controller_revisions.as_reader(),
            pods: self.pods.as_reader(),
            jobs: self.jobs.as_reader(),
            cron_jobs: self.cron_jobs.as_reader(),
            namespaces: self.namespaces.as_reader(),
            policies: self.policies.as_reader(),
            services: self.services.as_reader(),
            endpoint_slices: self.endpoint_slices.as_reader(),
            routes: self.routes.as_reader(),
            pod_disruption_budgets: self.pod_disruption_budgets.as_reader(),
            network_policies: self.network_policies.as_reader(),
            autoscalers: self.autoscalers.as_reader(),
        }
    }
}

/// Routes of all kinds.
#[derive(Clone, Debug)]
pub struct Routes(BTreeMap<RouteKind, Store<slim::Route>>);

impl Routes {
    /// The route of that kind and name.
    pub fn get(&self, kind: RouteKind, namespace: &str, name: &str) -> Option<Arc<slim::Route>> {
        get_of(self.0.get(&kind)?, kind, namespace, name)
    }

    /// Those that are meant, of all kinds in order.
    pub fn state_filter(&self, is_meant: impl Fn(&slim::Route) -> bool) -> Vec<Arc<slim::Route>> {
        self.0.values().flat_map(|store| store.state_filter(&is_meant)).collect()
    }
}

/// The writing ends of all kinds.
#[derive(Debug)]
pub struct RouteWriters(pub BTreeMap<RouteKind, Writer<slim::Route>>);

impl Default for RouteWriters {
    fn default() -> Self {
        Self(RouteKind::ALL.into_iter().map(|kind| (kind, Writer::new(kind))).collect())
    }
}

impl RouteWriters {
    fn as_reader(&self) -> Routes {
        Routes(self.0.iter().map(|(kind, writer)| (*kind, writer.as_reader())).collect())
    }
}

/// Admission policies and bindings of all kinds.
#[derive(Clone, Debug)]
pub struct Policies(BTreeMap<PolicyKind, Store<slim::AdmissionPolicy>>);

impl Policies {
    /// The one of that kind and name.
    pub fn get(&self, kind: PolicyKind, name: &str) -> Option<Arc<slim::AdmissionPolicy>> {
        get_of(self.0.get(&kind)?, kind, "", name)
    }
}

/// The writing ends of all kinds.
#[derive(Debug)]
pub struct PolicyWriters(pub BTreeMap<PolicyKind, Writer<slim::AdmissionPolicy>>);

impl Default for PolicyWriters {
    fn default() -> Self {
        Self(PolicyKind::ALL.into_iter().map(|kind| (kind, Writer::new(kind))).collect())
    }
}

impl PolicyWriters {
    fn as_reader(&self) -> Policies {
        Policies(self.0.iter().map(|(kind, writer)| (*kind, writer.as_reader())).collect())
    }
}

/// The object of that name. A cluster-wide one has an empty namespace.
pub fn get<K>(store: &Store<K>, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    get_of(store, (), namespace, name)
}

/// The same of a type that stands for several kinds.
pub fn get_of<K>(store: &Store<K>, kind: K::DynamicType, namespace: &str, name: &str) -> Option<Arc<K>>
where
    K: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static,
{
    let reference = ObjectRef::new_with(name, kind);
    store.get(&if namespace.is_empty() { reference } else { reference.within(namespace) })
}

/// Whether it is in that namespace.
pub fn is_in(object: &impl ResourceExt, namespace: &str) -> bool {
    object.meta().namespace.as_deref() == Some(namespace)
}

/// UID and version of the cached object; none if the kind is not watched or the object is not cached.
pub fn resource_version_of(stores: &Stores, kind: &str, namespace: &str, name: &str) -> Option<(String, u64)> {
    match kind {
        "DeliveryPipeline" => version(&stores.pipelines, namespace, name),
        "Release" => version(&stores.releases, namespace, name),
        "Environment" => version(&stores.environments, namespace, name),
        "TestRun" => version(&stores.test_runs, namespace, name),
        "Decision" => version(&stores.decisions, namespace, name),
        "Deployment" => version(&stores.deployments, namespace, name),
        "StatefulSet" => version(&stores.stateful_sets, namespace, name),
        "DaemonSet" => version(&stores.daemon_sets, namespace, name),
        "CronJob" => version(&stores.cron_jobs, namespace, name),
        "Service" => version(&stores.services, namespace, name),
        "HorizontalPodAutoscaler" => version(&stores.autoscalers, namespace, name),
        "Job" => version(&stores.jobs, namespace, name),
        other => identity(stores.routes.get(RouteKind::named(other)?, namespace, name)?.as_ref()),
    }
}

fn version<K>(store: &Store<K>, namespace: &str, name: &str) -> Option<(String, u64)>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    identity(get(store, namespace, name)?.as_ref())
}

fn identity<K: Resource>(object: &K) -> Option<(String, u64)> {
    Some((object.meta().uid.clone().unwrap_or_default(), version_number(object)))
}

/// An object's version as a number, as Kubernetes defines it since 1.35; 0 if it has none.
pub fn version_number<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}
