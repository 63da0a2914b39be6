//! A small world for tests: YAML documents decoded by the real code into real stores.

use std::hash::Hash;

use kube::Resource;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::Event;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::traffic::RouteKind;
use crate::observe::stores::{Stores, Writers};

/// Stores that a test fills.
#[derive(Default)]
pub struct World {
    pub writers: Writers,
}

impl World {
    /// From YAML documents, separated by `---`. Namespaced ones without a namespace are in `shop`.
    pub fn of(yaml: &str) -> Self {
        let mut world = Self::default();
        for document in serde_saphyr::from_multiple::<Value>(yaml).unwrap() {
            world.put(document);
        }
        world
    }

    /// Adds or replaces one object.
    pub fn put(&mut self, mut object: Value) {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let meta = &mut object["metadata"];
        if kind != "Namespace" && !kind.contains("AdmissionPolicy") && meta["namespace"].is_null() {
            meta["namespace"] = "shop".into();
        }
        for (field, default) in [("uid", format!("{kind}-{}", meta["name"])), ("resourceVersion", "1".to_owned())] {
            if meta[field].is_null() {
                meta[field] = default.replace('"', "").into();
            }
        }
        let writers = &mut self.writers;
        match kind.as_str() {
            "DeliveryPipeline" => apply(&mut writers.pipelines, object),
            "Release" => apply(&mut writers.releases, object),
            "Environment" => apply(&mut writers.environments, object),
            "TestRun" => apply(&mut writers.test_runs, object),
            "Decision" => apply(&mut writers.decisions, object),
            "Deployment" => apply(&mut writers.deployments, object),
            "ReplicaSet" => apply(&mut writers.replica_sets, object),
            "StatefulSet" => apply(&mut writers.stateful_sets, object),
            "DaemonSet" => apply(&mut writers.daemon_sets, object),
            "ControllerRevision" => apply(&mut writers.controller_revisions, object),
            "Pod" => apply(&mut writers.pods, object),
            "Job" => apply(&mut writers.jobs, object),
            "CronJob" => apply(&mut writers.cron_jobs, object),
            "Service" => apply(&mut writers.services, object),
            "EndpointSlice" => apply(&mut writers.endpoint_slices, object),
            "PodDisruptionBudget" => apply(&mut writers.pod_disruption_budgets, object),
            "NetworkPolicy" => apply(&mut writers.network_policies, object),
            "HorizontalPodAutoscaler" => apply(&mut writers.autoscalers, object),
            "Namespace" => apply(&mut writers.namespaces, object),
            other if other.contains("AdmissionPolicy") => {
                let mut policies = writers.policies.0.iter_mut();
                let (_, writer) = policies.find(|(kind, _)| kind.as_str() == other).unwrap();
                apply(writer, object);
            }
            other => match RouteKind::named(other).and_then(|kind| writers.routes.0.get_mut(&kind)) {
                Some(routes) => apply(routes, object),
                None => panic!("no store for {other}"),
            },
        }
    }

    pub fn stores(&self) -> Stores {
        self.writers.stores()
    }
}

fn apply<K>(writer: &mut Writer<K>, object: Value)
where
    K: Resource<DynamicType: Clone + Eq + Hash> + Clone + DeserializeOwned + 'static,
{
    writer.apply_watcher_event(&Event::Apply(serde_json::from_value(object).unwrap()));
}
