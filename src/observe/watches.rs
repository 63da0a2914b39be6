//! All watches: what is watched, how, and what of it is kept.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use kube::core::DeserializeGuard;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::health::tapped;
use super::relate::{self, Change, Key};
use super::slim;
use super::stores::{Stores, Writers};
use super::watch::{Feed, Shared};

/// A rollout depends on all of them, so a dead connection must be noticed soon: kube's own 290 s are too long.
const TIMEOUT_SECONDS: u64 = 60;
const PAGE_SIZE: u32 = 500;

/// Starts every watch. They run until the token is cancelled.
pub fn start(client: &Client, writers: Writers, shared: &Shared, token: &CancellationToken) -> TaskTracker {
    let tasks = TaskTracker::new();
    let starter = Starter { client, shared, token, tasks: &tasks };
    let all = config(shared.health.silence());
    starter.watch("DeliveryPipeline", writers.pipelines, all.clone(), |_| true, relate::pipeline);
    starter.watch("Release", writers.releases, all.clone(), |_| true, relate::release);
    starter.watch("Environment", writers.environments, all.clone(), |_| true, relate::environment);
    starter.watch("TestRun", writers.test_runs, all.clone(), |_| true, relate::test_run);
    starter.watch("Decision", writers.decisions, all.clone(), |_| true, relate::decision);
    starter.watch("Deployment", writers.deployments, all.clone(), |_| true, relate::deployment);
    starter.watch("ReplicaSet", writers.replica_sets, all.clone(), slim::ReplicaSet::is_of_interest, relate::revision);
    starter.watch("StatefulSet", writers.stateful_sets, all.clone(), |_| true, relate::stateful_set);
    starter.watch("DaemonSet", writers.daemon_sets, all.clone(), |_| true, relate::daemon_set);
    starter.watch("ControllerRevision", writers.controller_revisions, all.clone(), |_| true, relate::revision);
    starter.watch("Pod", writers.pods, all.clone(), slim::Pod::is_of_interest, relate::pod);
    starter.watch("Job", writers.jobs, all.clone(), slim::Job::is_of_interest, relate::job);
    starter.watch("CronJob", writers.cron_jobs, all.clone(), |_| true, relate::cron_job);
    starter.watch("Namespace", writers.namespaces, all.clone(), |_| true, relate::namespace);
    starter.watch("Service", writers.services, all.clone(), |_| true, relate::service);
    let (slices, slice) = (writers.endpoint_slices, slim::EndpointSlice::is_of_interest);
    starter.watch("EndpointSlice", slices, all.clone(), slice, relate::endpoint_slice);
    for (kind, writer) in writers.routes.0 {
        starter.watch_of((kind.as_str(), kind), writer, all.clone(), |_| true, relate::route);
    }
    for (kind, writer) in writers.policies.0 {
        let of = (kind.as_str(), kind);
        starter.watch_of(of, writer, all.clone(), slim::AdmissionPolicy::is_of_interest, relate::policy);
    }
    let (budgets, policies) = (writers.pod_disruption_budgets, writers.network_policies);
    starter.watch("PodDisruptionBudget", budgets, all.clone(), |_| true, relate::pod_disruption_budget);
    starter.watch("NetworkPolicy", policies, all.clone(), |_| true, relate::network_policy);
    starter.watch("HorizontalPodAutoscaler", writers.autoscalers, all, |_| true, relate::autoscaler);
    tasks.close();
    tasks
}

/// A living watch is renewed twice and more before its silence would count as death.
fn config(silence: Duration) -> Config {
    let timeout = (silence.as_secs() * 2 / 5).clamp(1, TIMEOUT_SECONDS);
    Config::default().timeout(u32::try_from(timeout).unwrap_or(1)).page_size(PAGE_SIZE)
}

struct Starter<'a> {
    client: &'a Client,
    shared: &'a Shared,
    token: &'a CancellationToken,
    tasks: &'a TaskTracker,
}

impl Starter<'_> {
    fn watch<K>(
        &self,
        kind: &'static str,
        writer: Writer<K>,
        config: Config,
        keep: fn(&K) -> bool,
        relate: fn(&Stores, &Change<'_, K>) -> Vec<Key>,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        self.watch_of((kind, ()), writer, config, keep, relate);
    }

    fn watch_of<K>(
        &self,
        (kind, of): (&'static str, K::DynamicType),
        writer: Writer<K>,
        config: Config,
        keep: fn(&K) -> bool,
        relate: fn(&Stores, &Change<'_, K>) -> Vec<Key>,
    ) where
        K: Resource<DynamicType: Clone + Eq + Hash + Send + Sync>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let health = self.shared.health.kind(kind);
        self.shared.metrics.watched(kind);
        let client = tapped(self.client.clone(), Arc::clone(&health));
        let api = Api::<DeserializeGuard<K>>::all_with(client, &of);
        let feed = Feed { kind, of, writer, keep, relate, health, shared: self.shared.clone(), listed: 0 };
        let token = self.token.clone();
        self.tasks.spawn(async move { token.run_until_cancelled(feed.follow(api, config)).await });
    }
}
