//! What of a target namespace goes by the labels of pods, and whether it takes a clone's pods for the workload's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};

use super::{holder_of, track, workloads_of};
use crate::api::labels::TRACK;
use crate::api::traffic::RoutingKind;
use crate::api::{DeliveryPipeline, Matches, Preflight, PreflightKind};
use crate::observe::slim;
use crate::observe::stores::{Stores, get, is_in};

type Labels = BTreeMap<String, String>;

/// A workload that gets a clone, and the labels of the pods of both.
pub struct Pair {
    pub deployment: Arc<slim::Deployment>,
    pub clone: Labels,
}

impl Pair {
    fn stable(&self) -> &Labels {
        &self.deployment.own.template.labels
    }

    /// Whether an autoscaler of the Deployment counts the clone's pods: it asks for what the Deployment's selector matches.
    pub fn is_counted(&self) -> bool {
        self.deployment.selector.as_ref().is_some_and(|selector| selector.matches(&self.clone))
    }
}

/// The workloads that get clones in that environment, where they exist: clones of the open rollout's track, else of the spec's.
pub fn pairs(stores: &Stores, pipeline: &DeliveryPipeline, at: &str, namespace: &str) -> Vec<Pair> {
    let Some(track) = track(pipeline, at) else { return Vec::new() };
    let names: BTreeSet<&str> = workloads_of(pipeline, at)
        .filter(|workload| workload.is_cloned())
        .map(|workload| workload.name.as_str())
        .collect();
    let found = names.into_iter().filter_map(|name| get(&stores.deployments, namespace, name));
    let pair = |deployment: Arc<slim::Deployment>| {
        let mut clone = deployment.own.template.labels.clone();
        clone.insert(TRACK.to_owned(), track.to_owned());
        Pair { deployment, clone }
    };
    found.map(pair).collect()
}

/// What matches the pods of workloads that get clones, or those of the clones: what leaves a clone out first.
pub fn preflight(stores: &Stores, pipeline: &DeliveryPipeline, at: &str, namespace: &str) -> Vec<Preflight> {
    let mut all = Vec::new();
    for pair in pairs(stores, pipeline, at, namespace) {
        all.extend(selecting(stores, namespace, &pair));
        all.extend(scaling(stores, namespace, &pair));
    }
    all.sort_by(|a, b| (a.matches, a.kind, &a.name, &a.workload).cmp(&(b.matches, b.kind, &b.name, &b.workload)));
    all
}

/// Services, budgets and policies that match.
fn selecting(stores: &Stores, namespace: &str, pair: &Pair) -> Vec<Preflight> {
    let is_base = |s: &slim::Service| is_in(s, namespace) && holder_of(&s.metadata, RoutingKind::Service).is_none();
    let services = stores.services.state_filter(is_base);
    let services = services.iter().filter_map(|s| {
        let matches = matches(pair, |labels| is_sent_to(s, labels))?;
        Some((PreflightKind::Service, s.name_any(), matches))
    });
    let of = |kind, name: String, selector: Option<&Selector>| {
        Some((kind, name, matches(pair, |labels| selector.is_some_and(|selector| selector.matches(labels)))?))
    };
    let budgets = stores.pod_disruption_budgets.state_filter(|budget| is_in(budget, namespace));
    let budgets =
        budgets.iter().filter_map(|b| of(PreflightKind::PodDisruptionBudget, b.name_any(), b.selector.as_ref()));
    let policies = stores.network_policies.state_filter(|policy| is_in(policy, namespace));
    let policies = policies.iter().filter_map(|p| of(PreflightKind::NetworkPolicy, p.name_any(), p.selector.as_ref()));
    let workload = pair.deployment.name_any();
    let entry = |(kind, name, matches)| Preflight { kind, name, workload: workload.clone(), matches };
    services.chain(budgets).chain(policies).map(entry).collect()
}

/// A Service without a selector sends to none by labels.
fn is_sent_to(service: &slim::Service, labels: &Labels) -> bool {
    let selector = &service.view.selector;
    !service.view.external && !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whose pods match; none if neither's.
fn matches(pair: &Pair, is_match: impl Fn(&Labels) -> bool) -> Option<Matches> {
    match (is_match(pair.stable()), is_match(&pair.clone)) {
        (true, true) => Some(Matches::Both),
        (true, false) => Some(Matches::Stable),
        (false, true) => Some(Matches::Clone),
        (false, false) => None,
    }
}

/// Autoscalers of the workload.
fn scaling(stores: &Stores, namespace: &str, pair: &Pair) -> Vec<Preflight> {
    let workload = pair.deployment.name_any();
    let is_its = |autoscaler: &slim::HorizontalPodAutoscaler| {
        is_in(autoscaler, namespace) && autoscaler.deployment.as_ref() == Some(&workload)
    };
    let matches = if pair.is_counted() { Matches::Both } else { Matches::Stable };
    let kind = PreflightKind::HorizontalPodAutoscaler;
    let entry = |autoscaler: &Arc<slim::HorizontalPodAutoscaler>| Preflight {
        kind,
        name: autoscaler.name_any(),
        workload: workload.clone(),
        matches,
    };
    stores.autoscalers.state_filter(is_its).iter().map(entry).collect()
}

/// Whether something that matches labels is about pods that the pipeline has there, or would have.
pub fn is_about(
    stores: &Stores,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
    is_match: impl Fn(&Labels) -> bool + Copy,
) -> bool {
    pairs(stores, pipeline, at, namespace).iter().any(|pair| matches(pair, is_match).is_some())
}

/// The same of a Service.
pub fn is_service_about(
    stores: &Stores,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
    service: &slim::Service,
) -> bool {
    is_about(stores, pipeline, at, namespace, |labels| is_sent_to(service, labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tests::fixture::World;

    const WORLD: &str = r#"
kind: DeliveryPipeline
metadata: {name: checkout, uid: p-1}
spec:
  images: []
  workloads:
  - {kind: Deployment, name: web, containers: []}
  - {kind: Deployment, name: worker, exposure: Worker, containers: []}
  stages: [{environment: staging}, {environment: production, strategy: {canary: {steps: [{weight: 50}]}}}]
---
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web, tier: front, windlass.dev/track: stable}}}
---
kind: Deployment
metadata: {name: worker}
spec: {selector: {matchLabels: {app: worker}}, template: {metadata: {labels: {app: worker}}}}
---
kind: Service
metadata: {name: web}
spec: {selector: {app: web}}
---
kind: Service
metadata: {name: preview}
spec: {selector: {app: web, windlass.dev/track: canary}}
---
kind: Service
metadata: {name: headless}
spec: {}
---
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, selector: {app: web}}
---
kind: Service
metadata: {name: web-stable, labels: {windlass.dev/track: stable}, annotations: {windlass.dev/claimed-by: shop/checkout/p-1}}
spec: {selector: {app: web, windlass.dev/track: stable}}
---
kind: Service
metadata: {name: elsewhere, namespace: other}
spec: {selector: {app: web}}
---
kind: PodDisruptionBudget
metadata: {name: old}
spec: {selector: {matchLabels: {app: web, windlass.dev/track: stable}}}
---
kind: PodDisruptionBudget
metadata: {name: all}
spec: {selector: {}}
---
kind: PodDisruptionBudget
metadata: {name: none}
spec: {}
---
kind: NetworkPolicy
metadata: {name: all}
spec: {podSelector: {}}
---
kind: NetworkPolicy
metadata: {name: apart}
spec: {podSelector: {matchExpressions: [{key: tier, operator: In, values: [front]}, {key: windlass.dev/track, operator: NotIn, values: [canary]}]}}
---
kind: NetworkPolicy
metadata: {name: worker}
spec: {podSelector: {matchLabels: {app: worker}}}
---
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
kind: HorizontalPodAutoscaler
metadata: {name: worker}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: worker}}
"#;

    fn seen(world: &World, at: &str) -> Vec<String> {
        let stores = world.stores();
        let pipeline = get(&stores.pipelines, "shop", "checkout").unwrap();
        let line = |p: Preflight| format!("{} {} {} {:?}", p.kind.as_str(), p.name, p.workload, p.matches);
        preflight(&stores, &pipeline, at, "shop").into_iter().map(line).collect()
    }

    #[test]
    fn what_leaves_the_clone_out_comes_first() {
        let wanted = [
            "PodDisruptionBudget old web Stable",
            "NetworkPolicy apart web Stable",
            "Service preview web Clone",
            "Service web web Both",
            "PodDisruptionBudget all web Both",
            "HorizontalPodAutoscaler web web Both",
            "NetworkPolicy all web Both",
        ];
        assert_eq!(seen(&World::of(WORLD), "production"), wanted);
        assert!(seen(&World::of(WORLD), "staging").is_empty(), "no clone is made there");
    }

    #[test]
    fn an_autoscaler_counts_what_the_deployments_selector_matches() {
        let mut world = World::of(WORLD);
        world.put(serde_json::json!({
            "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {
                "selector": {"matchLabels": {"app": "web", "windlass.dev/track": "stable"}},
                "template": {"metadata": {"labels": {"app": "web", "windlass.dev/track": "stable"}}},
            },
        }));
        assert!(seen(&world, "production").contains(&"HorizontalPodAutoscaler web web Stable".to_owned()));
    }
}
