//! The caches: one store per kind, filled by its watch and read by everything else.

use kube::Resource;
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};

use super::slim;
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
    pub services: Store<slim::Service>,
    pub endpoint_slices: Store<slim::EndpointSlice>,
    pub http_routes: Store<slim::HttpRoute>,
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
    pub services: Writer<slim::Service>,
    pub endpoint_slices: Writer<slim::EndpointSlice>,
    pub http_routes: Writer<slim::HttpRoute>,
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
            services: self.services.as_reader(),
            endpoint_slices: self.endpoint_slices.as_reader(),
            http_routes: self.http_routes.as_reader(),
            pod_disruption_budgets: self.pod_disruption_budgets.as_reader(),
            network_policies: self.network_policies.as_reader(),
            autoscalers: self.autoscalers.as_reader(),
        }
    }
}

/// The object of that name. A cluster-wide one has an empty namespace.
pub fn get<K>(store: &Store<K>, namespace: &str, name: &str) -> Option<std::sync::Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let reference = ObjectRef::new(name);
    store.get(&if namespace.is_empty() { reference } else { reference.within(namespace) })
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
        "HTTPRoute" => version(&stores.http_routes, namespace, name),
        "HorizontalPodAutoscaler" => version(&stores.autoscalers, namespace, name),
        "Job" => version(&stores.jobs, namespace, name),
        _ => None,
    }
}

fn version<K>(store: &Store<K>, namespace: &str, name: &str) -> Option<(String, u64)>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let object = get(store, namespace, name)?;
    Some((object.meta().uid.clone().unwrap_or_default(), version_number(object.as_ref())))
}

/// An object's version as a number, as Kubernetes defines it since 1.35; 0 if it has none.
pub fn version_number<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}
