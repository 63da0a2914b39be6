//! Which keys a change concerns.

use super::*;
use crate::observe::tests::fixture::World;

const WORLD: &str = r"
kind: DeliveryPipeline
metadata: {name: checkout, generation: 1}
spec:
  images: [{name: app, repository: r.example/checkout}]
  workloads: [{kind: Deployment, name: checkout, containers: [{name: app, imageName: app}]}]
  stages: [{environment: staging, tests: [{suite: smoke, job: {cronJob: smoke}}], hooks: {before: [{name: migrate, job: {cronJob: migrate}}]}}]
---
kind: DeliveryPipeline
metadata: {name: cart, generation: 1}
spec:
  images: [{name: app, repository: r.example/cart}]
  workloads: [{kind: Deployment, name: cart, containers: [{name: app, imageName: app}]}]
  stages: [{environment: staging}]
---
kind: Environment
metadata: {name: staging, generation: 1}
spec: {targetNamespace: shop-staging}
---
kind: Deployment
metadata: {name: checkout, namespace: shop-staging}
---
kind: ReplicaSet
metadata:
  name: checkout-1
  namespace: shop-staging
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: checkout, uid: d, controller: true}]
---
kind: Job
metadata:
  name: smoke-1
  namespace: shop-staging
  labels: {windlass.dev/namespace: shop, windlass.dev/pipeline: checkout}
---
kind: Release
metadata: {name: checkout-1}
spec: {pipeline: checkout, build: {version: '1', createdAt: 2026-01-01T00:00:00Z, images: []}}
";

fn checkout() -> Key {
    Key::Pipeline { namespace: "shop".into(), name: "checkout".into() }
}

fn staging() -> Key {
    Key::Environment { namespace: "shop".into(), name: "staging".into() }
}

fn read<K: serde::de::DeserializeOwned>(yaml: &str) -> K {
    serde_saphyr::from_str(yaml).unwrap()
}

fn pod(owner: &str, name: &str) -> slim::Pod {
    read(&format!(
        "metadata: {{name: p, namespace: shop-staging, ownerReferences: \
         [{{apiVersion: v1, kind: {owner}, name: {name}, uid: u, controller: true}}]}}"
    ))
}

#[test]
fn pods_lead_to_the_pipeline_by_their_owners() {
    let stores = World::of(WORLD).stores();
    let of = |owner, name| super::pod(&stores, &Change { old: None, new: Some(&pod(owner, name)) });
    assert_eq!(of("ReplicaSet", "checkout-1"), [checkout()]);
    assert_eq!(of("Job", "smoke-1"), [checkout()]);
    assert_eq!(of("ReplicaSet", "unknown"), []);
}

#[test]
fn a_deployment_concerns_the_pipelines_that_name_it_where_they_point() {
    let stores = World::of(WORLD).stores();
    let of = |namespace: &str| {
        let found: slim::Deployment = read(&format!("metadata: {{name: checkout, namespace: {namespace}}}"));
        deployment(&stores, &Change { old: None, new: Some(&found) })
    };
    assert_eq!(of("shop-staging"), [checkout()]);
    assert_eq!(of("elsewhere"), []);
}

#[test]
fn what_a_workload_made_leads_to_the_pipelines_of_that_workload() {
    let mut world = World::of(WORLD);
    for kind in WorkloadKind::ALL {
        world.put(
            serde_json::json!({"kind": "DeliveryPipeline", "metadata": {"name": "checkout"}, "spec": {"images": [],
            "workloads": [{"kind": kind.as_str(), "name": "db", "containers": []}],
            "stages": [{"environment": "staging"}]}}),
        );
        let stores = world.stores();
        let owned = format!(
            "metadata: {{name: a, namespace: shop-staging, ownerReferences: [{{apiVersion: x, kind: {}, name: db, uid: u, controller: true}}]}}",
            kind.as_str()
        );
        let told = match kind {
            WorkloadKind::Deployment => {
                revision::<slim::ReplicaSet>(&stores, &Change { old: None, new: Some(&read(&owned)) })
            }
            WorkloadKind::StatefulSet => super::pod(&stores, &Change { old: None, new: Some(&read(&owned)) }),
            WorkloadKind::DaemonSet => {
                revision::<slim::ControllerRevision>(&stores, &Change { old: None, new: Some(&read(&owned)) })
            }
            WorkloadKind::CronJob => job(&stores, &Change { old: None, new: Some(&read(&owned)) }),
        };
        assert_eq!(told, [checkout()], "{kind:?}");
    }
}

#[test]
fn a_cron_job_concerns_the_pipelines_of_which_a_suite_or_hook_names_it() {
    let stores = World::of(WORLD).stores();
    for name in ["smoke", "migrate"] {
        let found: slim::CronJob = read(&format!("metadata: {{name: {name}, namespace: shop-staging}}"));
        assert_eq!(cron_job(&stores, &Change { old: None, new: Some(&found) }), [checkout()], "{name}");
    }
    let found: slim::CronJob = read("metadata: {name: other, namespace: shop-staging}");
    assert_eq!(cron_job(&stores, &Change { old: None, new: Some(&found) }), []);
}

#[test]
fn a_status_alone_does_not_wake_those_that_do_not_read_it() {
    let world = World::of(WORLD);
    let stores = world.stores();
    let at = get(&stores.environments, "shop", "staging").unwrap();
    assert_eq!(environment(&stores, &Change { old: Some(&at), new: Some(&at) }), [staging()]);
    let all = environment(&stores, &Change { old: None, new: Some(&at) });
    assert_eq!(all.len(), 3, "itself and both pipelines: {all:?}");
    let target: slim::Namespace = read("metadata: {name: shop-staging}");
    let woken = namespace(&stores, &Change { old: None, new: Some(&target) });
    assert!(woken.contains(&staging()) && woken.contains(&checkout()));
    let frozen: slim::Namespace = read("metadata: {name: windlass-system, annotations: {windlass.dev/freeze: audit}}");
    assert_eq!(
        namespace(&stores, &Change { old: None, new: Some(&frozen) }),
        [staging()],
        "it may be the operator's own"
    );
    let same = Change { old: Some(&frozen), new: Some(&frozen) };
    assert_eq!(namespace(&stores, &same), []);
}

#[test]
fn a_release_without_its_pipeline_is_an_orphan() {
    let mut world = World::of(WORLD);
    let of = |world: &World| {
        let stores = world.stores();
        let found = get(&stores.releases, "shop", "checkout-1").unwrap();
        release(&stores, &Change { old: None, new: Some(&found) })
    };
    assert_eq!(of(&world), [checkout()]);
    let gone = get(&world.stores().pipelines, "shop", "checkout").unwrap();
    world.writers.pipelines.apply_watcher_event(&kube::runtime::watcher::Event::Delete(gone.as_ref().clone()));
    let orphan = Key::OrphanRelease { namespace: "shop".into(), name: "checkout-1".into() };
    assert_eq!(of(&world), std::slice::from_ref(&orphan));
    assert!(pipeline(&world.stores(), &Change { old: Some(&gone), new: None }).contains(&orphan));
}

#[test]
fn rivals_for_a_workload_hear_of_each_other() {
    let mut world = World::of(WORLD);
    world.put(serde_json::json!({"kind": "DeliveryPipeline", "metadata": {"name": "twin", "generation": 1}, "spec": {
        "images": [], "stages": [{"environment": "staging"}],
        "workloads": [{"kind": "Deployment", "name": "checkout", "containers": []}]}}));
    let stores = world.stores();
    let twin = get(&stores.pipelines, "shop", "twin").unwrap();
    assert!(pipeline(&stores, &Change { old: Some(&twin), new: None }).contains(&checkout()));
    assert!(!pipeline(&stores, &Change { old: Some(&twin), new: Some(&twin) }).contains(&checkout()));
}

#[test]
fn all_keys_are_there_once() {
    assert_eq!(all(&World::of(WORLD).stores()).len(), 3);
}

/// A Service before a clone of the pipeline `checkout`, under that UID.
fn made(uid: &str) -> String {
    format!(
        "kind: Service\nmetadata: {{name: web-canary, namespace: shop-staging, labels: {{windlass.dev/track: canary}}, \
         annotations: {{windlass.dev/claimed-by: shop/checkout/{uid}}}}}\nspec: {{}}"
    )
}

#[test]
fn a_route_concerns_the_pipeline_to_whose_service_it_sends_from_wherever_it_stands() {
    let world = World::of(&format!("{WORLD}---\n{}", made("DeliveryPipeline-checkout")));
    for (kind, namespace, field, concerned) in [
        ("HTTPRoute", "net", ", namespace: shop-staging", vec![checkout()]),
        ("GRPCRoute", "shop-staging", "", vec![checkout()]),
        ("HTTPRoute", "net", "", vec![]),
    ] {
        let found: slim::Route = read(&format!(
            "kind: {kind}\nmetadata: {{name: front, namespace: {namespace}}}\nspec: {{rules: [{{backendRefs: [{{name: web-canary, port: 80{field}}}]}}]}}"
        ));
        let change = Change { old: Some(&found), new: None };
        assert_eq!(route(&world.stores(), &change), concerned, "{kind} in {namespace}");
    }
}

#[test]
fn a_clone_that_nobody_looks_after_hears_of_the_service_before_it_and_of_its_routes() {
    let clone = "kind: Deployment\nmetadata: {name: checkout-canary, namespace: shop-staging, labels: {windlass.dev/track: canary}, \
                 annotations: {windlass.dev/claimed-by: shop/checkout/gone}}";
    let world = World::of(&format!("{WORLD}---\n{}\n---\n{clone}", made("gone")));
    let left = Key::OrphanClone { namespace: "shop-staging".into(), name: "checkout-canary".into() };
    let before: slim::Service = read(&made("gone"));
    assert!(service(&world.stores(), &Change { old: Some(&before), new: None }).contains(&left));
    let afar: slim::Route = read(
        "kind: HTTPRoute\nmetadata: {name: front, namespace: net}\n\
         spec: {rules: [{backendRefs: [{name: web-canary, namespace: shop-staging}]}]}",
    );
    assert!(route(&world.stores(), &Change { old: Some(&afar), new: None }).contains(&left));
}
