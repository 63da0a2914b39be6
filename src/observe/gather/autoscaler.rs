//! Autoscalers of the workloads that get clones, and locks of ours.

use std::sync::Arc;

use kube::ResourceExt;

use super::clone::holder_of_clone;
use super::holder::Holder;
use super::preflight::{Pair, pairs};
use super::sorted;
use super::workload::claim;
use crate::api::DeliveryPipeline;
use crate::api::labels::{CLAIMED_BY, SCALE_DOWN};
use crate::observe::health::WatchHealth;
use crate::observe::slim::HorizontalPodAutoscaler;
use crate::observe::snapshot::{Autoscaler, Claim, LeftLock};
use crate::observe::stores::{Stores, get, is_in};

/// Those that scale a workload which gets a clone, and those that the pipeline has locked, whatever they scale now.
pub fn autoscalers(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
) -> Vec<Autoscaler> {
    let pairs = pairs(stores, pipeline, at, namespace);
    let all = stores.autoscalers.state_filter(|found| is_in(found, namespace));
    let seen = |found: Arc<HorizontalPodAutoscaler>| {
        let pair = pairs.iter().find(|pair| found.deployment.as_ref() == Some(&pair.deployment.name_any()));
        let lock = holder_of_lock(&found)
            .map(|_| claim(stores, health, pipeline, found.annotations().get(CLAIMED_BY).map(String::as_str)));
        let is_its = pair.is_some() || lock == Some(Claim::Ours);
        is_its.then(|| autoscaler(&found, pair, lock))
    };
    sorted(all).into_iter().filter_map(seen).collect()
}

fn autoscaler(found: &HorizontalPodAutoscaler, pair: Option<&Pair>, lock: Option<Claim>) -> Autoscaler {
    Autoscaler {
        namespace: found.namespace().unwrap_or_default(),
        name: found.name_any(),
        uid: found.uid().unwrap_or_default(),
        resource_version: found.resource_version().unwrap_or_default(),
        deleting: found.metadata.deletion_timestamp.is_some(),
        deployment: found.deployment.clone(),
        counts_clone: pair.is_some_and(Pair::is_counted),
        is_controlled: found.metadata.owner_references.iter().flatten().any(|owner| owner.controller == Some(true)),
        is_disabled: found.is_disabled,
        lock,
    }
}

/// A lock of which the pipeline is gone, or goes through no Environment that points at its namespace any more.
pub fn left_lock(stores: &Stores, health: &WatchHealth, namespace: &str, name: &str) -> Option<LeftLock> {
    let found = get(&stores.autoscalers, namespace, name)?;
    let holder = holder_of_lock(&found).filter(|holder| holder.has_surely_left(stores, health, namespace))?;
    let clones =
        stores.deployments.state_filter(|clone| is_in(clone, namespace) && holder_of_clone(clone) == Some(holder));
    Some(LeftLock {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: found.uid().unwrap_or_default(),
        resource_version: found.resource_version().unwrap_or_default(),
        is_needed: !clones.is_empty(),
        deleting: found.metadata.deletion_timestamp.is_some(),
    })
}

/// The pipeline that locked an autoscaler; none of what bears no lock.
pub fn holder_of_lock(found: &HorizontalPodAutoscaler) -> Option<Holder<'_>> {
    let _ = found.annotations().get(SCALE_DOWN)?;
    Holder::of_claim(found.annotations().get(CLAIMED_BY)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tests::fixture::World;

    const WORLD: &str = r"
kind: DeliveryPipeline
metadata: {name: checkout, uid: p-1}
spec:
  images: []
  workloads: [{kind: Deployment, name: web, containers: []}]
  stages: [{environment: production, strategy: {blueGreen: {}}}]
---
kind: Environment
metadata: {name: production}
spec: {targetNamespace: shop}
---
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web, windlass.dev/track: stable}}
  template: {metadata: {labels: {app: web, windlass.dev/track: stable}}}
---
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
kind: HorizontalPodAutoscaler
metadata: {name: keda, ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: a, uid: u, controller: true}]}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
kind: HorizontalPodAutoscaler
metadata: {name: once, annotations: {windlass.dev/scale-down: Max, windlass.dev/claimed-by: shop/checkout/p-1}}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: renamed}, behavior: {scaleDown: {selectPolicy: Disabled}}}
---
kind: HorizontalPodAutoscaler
metadata: {name: other}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: other}}
---
kind: HorizontalPodAutoscaler
metadata: {name: left, annotations: {windlass.dev/scale-down: Max, windlass.dev/claimed-by: shop/checkout/p-0}}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
---
kind: Deployment
metadata: {name: web-canary, labels: {windlass.dev/track: canary}, annotations: {windlass.dev/claimed-by: shop/checkout/p-0}}
";

    #[test]
    fn those_of_cloned_workloads_are_seen_and_locks_of_ours() {
        let stores = World::of(WORLD).stores();
        let pipeline = get(&stores.pipelines, "shop", "checkout").unwrap();
        let all = autoscalers(&stores, &WatchHealth::default(), &pipeline, "production", "shop");
        let line = |a: &Autoscaler| (a.name.clone(), a.is_controlled, a.is_disabled, a.lock.clone());
        let wanted = [
            ("keda".to_owned(), true, false, None),
            ("left".to_owned(), false, false, Some(Claim::None)),
            ("once".to_owned(), false, true, Some(Claim::Ours)),
            ("web".to_owned(), false, false, None),
        ];
        assert_eq!(all.iter().map(line).collect::<Vec<_>>(), wanted);
        assert!(all.iter().all(|a| !a.counts_clone));
    }

    #[test]
    fn a_lock_that_nobody_looks_after_waits_for_its_clone() {
        let stores = World::of(WORLD).stores();
        let left = |name: &str| left_lock(&stores, &WatchHealth::default(), "shop", name);
        assert!(left("left").unwrap().is_needed);
        assert_eq!((left("once"), left("web")), (None, None), "its pipeline looks after it; no lock");
    }
}
