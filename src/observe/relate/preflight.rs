//! The pipelines that a change of something beside their pods concerns: what selects them, and what scales them. Their
//! statuses change with every pod, and concern none.

use kube::core::{ObjectMeta, Selector, SelectorExt};
use kube::{Resource, ResourceExt};

use super::links::{of_lock, of_workload, pipeline_key, through_namespace};
use super::{Change, Key};
use crate::api::pipeline::WorkloadKind;
use crate::observe::gather::{holder_of_lock, is_about, is_service_about};
use crate::observe::slim;
use crate::observe::stores::Stores;

/// The pipelines whose pods it matches, of a clone or not.
pub fn pod_disruption_budget(stores: &Stores, change: &Change<'_, slim::PodDisruptionBudget>) -> Vec<Key> {
    selecting(stores, change, |budget| budget.selector.as_ref())
}

/// The same.
pub fn network_policy(stores: &Stores, change: &Change<'_, slim::NetworkPolicy>) -> Vec<Key> {
    selecting(stores, change, |policy| policy.selector.as_ref())
}

fn selecting<K: Resource<DynamicType = ()>>(
    stores: &Stores,
    change: &Change<'_, K>,
    selector: fn(&K) -> Option<&Selector>,
) -> Vec<Key> {
    if change.old.map(selector) == change.new.map(selector) {
        return Vec::new();
    }
    let concerned = |side: &K| {
        let (namespace, selector) = (side.namespace().unwrap_or_default(), selector(side));
        through_namespace(stores, &namespace, |pipeline, at| {
            let is_match = |labels: &_| selector.is_some_and(|selector| selector.matches(labels));
            is_about(stores, pipeline, at, &namespace, is_match)
        })
    };
    change.sides().flat_map(concerned).collect()
}

/// The pipelines whose pods it selects, or did.
pub fn service(stores: &Stores, change: &Change<'_, slim::Service>) -> Vec<Key> {
    let told = |side: &slim::Service| (side.view.selector.clone(), side.view.external, ours(&side.metadata));
    if change.old.map(told) == change.new.map(told) {
        return Vec::new();
    }
    let concerned = |side: &slim::Service| {
        let namespace = side.namespace().unwrap_or_default();
        through_namespace(stores, &namespace, |p, at| is_service_about(stores, p, at, &namespace, side))
    };
    change.sides().flat_map(concerned).collect()
}

/// The pipelines of the Deployment that it scales, and the one that has locked it; itself where nobody looks after that lock.
pub fn autoscaler(stores: &Stores, change: &Change<'_, slim::HorizontalPodAutoscaler>) -> Vec<Key> {
    let told = |side: &slim::HorizontalPodAutoscaler| {
        (side.deployment.clone(), side.is_disabled, ours(&side.metadata), side.metadata.deletion_timestamp.clone())
    };
    if change.old.map(told) == change.new.map(told) {
        return Vec::new();
    }
    let scaled = |side: &slim::HorizontalPodAutoscaler| {
        let (namespace, name) = (side.namespace().unwrap_or_default(), side.deployment.clone().unwrap_or_default());
        of_workload(stores, WorkloadKind::Deployment, &namespace, &name)
    };
    let locked = |side: &slim::HorizontalPodAutoscaler| {
        let holder = holder_of_lock(side);
        let left = of_lock(stores, side);
        left.or_else(|| holder.map(|holder| pipeline_key(holder.namespace, holder.name)))
    };
    change.sides().flat_map(scaled).chain(change.sides().filter_map(locked)).collect()
}

/// Labels and annotations: pruned objects have none but ours.
fn ours(meta: &ObjectMeta) -> impl PartialEq + use<> {
    (meta.labels.clone(), meta.annotations.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::tests::fixture::World;

    const WORLD: &str = r"
kind: DeliveryPipeline
metadata: {name: checkout, uid: p-1}
spec:
  images: []
  workloads: [{kind: Deployment, name: web, containers: []}]
  stages: [{environment: production, strategy: {canary: {steps: [{weight: 50}]}}}]
---
kind: Environment
metadata: {name: production}
spec: {targetNamespace: shop}
---
kind: Deployment
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}
";

    fn checkout() -> Key {
        Key::Pipeline { namespace: "shop".into(), name: "checkout".into() }
    }

    fn read<K: serde::de::DeserializeOwned>(value: serde_json::Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_selects_pods_of_either_concerns_their_pipeline_and_its_status_does_not() {
        let stores = World::of(WORLD).stores();
        let budget = |labels: serde_json::Value| -> slim::PodDisruptionBudget {
            read(json!({"metadata": {"name": "a", "namespace": "shop"}, "spec": {"selector": {"matchLabels": labels}}}))
        };
        let (stable, clone, other) = (
            budget(json!({"app": "web"})),
            budget(json!({"windlass.dev/track": "canary"})),
            budget(json!({"app": "other"})),
        );
        for (old, new, expected) in [
            (None, Some(&stable), 1),
            (None, Some(&clone), 1),
            (None, Some(&other), 0),
            (Some(&stable), Some(&stable), 0),
            (Some(&stable), Some(&other), 1),
            (Some(&stable), None, 1),
        ] {
            let keys = pod_disruption_budget(&stores, &Change { old, new });
            assert_eq!(keys, vec![checkout(); expected], "{old:?} {new:?}");
        }
        let policy: slim::NetworkPolicy = read(json!({"metadata": {"name": "a", "namespace": "shop"}}));
        assert_eq!(network_policy(&stores, &Change { old: None, new: Some(&policy) }), [checkout()]);
        let of = |app: &str| -> slim::Service {
            read(json!({"metadata": {"name": "a", "namespace": "shop"}, "spec": {"selector": {"app": app}}}))
        };
        let (mine, other) = (of("web"), of("other"));
        assert_eq!(service(&stores, &Change { old: Some(&other), new: Some(&mine) }), [checkout()]);
        assert!(service(&stores, &Change { old: Some(&mine), new: Some(&mine) }).is_empty());
    }

    #[test]
    fn an_autoscaler_concerns_those_it_scales_and_those_who_locked_it() {
        let stores = World::of(WORLD).stores();
        let of = |deployment: &str, claim: Option<&str>| -> slim::HorizontalPodAutoscaler {
            let marks = claim.map(|claim| json!({"windlass.dev/scale-down": "Max", "windlass.dev/claimed-by": claim}));
            read(json!({"metadata": {"name": "a", "namespace": "shop", "annotations": marks},
                "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}}}))
        };
        let told = |one: &slim::HorizontalPodAutoscaler| autoscaler(&stores, &Change { old: None, new: Some(one) });
        assert_eq!(told(&of("web", None)), [checkout()]);
        assert!(told(&of("other", None)).is_empty());
        assert_eq!(told(&of("other", Some("shop/checkout/p-1"))), [checkout()]);
        let left = Key::LeftLock { namespace: "shop".into(), name: "a".into() };
        assert_eq!(told(&of("other", Some("shop/checkout/p-0"))), [left]);
        let one = of("web", None);
        assert!(autoscaler(&stores, &Change { old: Some(&one), new: Some(&one) }).is_empty(), "its status");
    }
}
