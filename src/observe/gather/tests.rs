//! What `gather` makes of objects as the server sends them.

use serde_json::json;

use super::*;
use crate::api::labels::CLAIMED_BY;
use crate::api::traffic::{RouteKind, RoutingKind};
use crate::observe::health::Undecodable;
use crate::observe::snapshot::{Claim, TroubleKind};
use crate::observe::tests::fixture::World;

const WORLD: &str = r#"
kind: DeliveryPipeline
metadata: {name: checkout, uid: p-1}
spec:
  images: [{name: app, repository: r.example/checkout}]
  workloads: [{kind: Deployment, name: checkout, containers: [{name: app, imageName: app}]}]
  stages: [{environment: staging, tests: [{suite: smoke, job: {cronJob: smoke}}], hooks: {before: [{name: migrate, job: {cronJob: migrate}}]}}]
status: {stages: [{environment: removed}]}
---
kind: Environment
metadata: {name: staging, creationTimestamp: 2026-01-01T00:00:00Z}
spec: {targetNamespace: shop-staging}
---
kind: Namespace
metadata: {name: shop-staging, annotations: {windlass.dev/accept-from: shop/staging}}
---
kind: Deployment
metadata:
  name: checkout
  namespace: shop-staging
  uid: d-1
  generation: 3
  annotations: {windlass.dev/claimed-by: shop/checkout/p-1, windlass.dev/attempt: a1}
  managedFields:
  - manager: helm
    operation: Update
    time: 2026-01-01T00:00:00Z
    fieldsV1: {f:spec: {f:template: {f:spec: {f:containers: {'k:{"name":"app"}': {f:image: {}}}}}}}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: checkout}}
    spec: {containers: [{name: app, image: 'r.example/checkout:2'}, {name: proxy, image: 'r.example/proxy:1'}]}
status: {observedGeneration: 3, replicas: 3, updatedReplicas: 1, availableReplicas: 2}
---
kind: CronJob
metadata: {name: migrate, namespace: shop-staging}
spec: {suspend: true, jobTemplate: {spec: {template: {spec: {containers: [{name: test}]}}}}}
---
kind: CronJob
metadata: {name: smoke, namespace: shop-staging, labels: {windlass.dev/runnable: 'true'}}
spec: {suspend: true, jobTemplate: {spec: {template: {spec: {containers: [{name: test}]}}}}}
---
kind: Job
metadata:
  name: smoke-1
  namespace: shop-staging
  uid: j-1
  finalizers: [windlass.dev/verdict]
  labels: {windlass.dev/namespace: shop, windlass.dev/pipeline: checkout}
status: {conditions: [{type: FailureTarget, status: 'True', reason: BackoffLimitExceeded}]}
---
kind: Pod
metadata:
  name: smoke-1-x
  namespace: shop-staging
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: smoke-1, uid: j-1, controller: true}]
status: {containerStatuses: [{name: test, state: {terminated: {exitCode: 4}}}]}
"#;

fn replica_set(name: &str, image: &str, created: &str, restarted: &str) -> serde_json::Value {
    json!({"kind": "ReplicaSet", "metadata": {"name": name, "namespace": "shop-staging", "uid": name,
        "creationTimestamp": created,
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "uid": "d-1", "controller": true}]},
        "spec": {"template": {"metadata": {"labels": {"app": "checkout", "pod-template-hash": name},
            "annotations": {"kubectl.kubernetes.io/restartedAt": restarted}},
            "spec": {"containers": [{"name": "app", "image": image}, {"name": "proxy", "image": "r.example/proxy:1"}]}}}})
}

fn pod_of(set: &str, name: &str) -> serde_json::Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop-staging",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": set, "controller": true}]},
        "status": {"containerStatuses": [{"name": "app", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}})
}

fn seen(world: &World) -> Snapshot {
    gather(&world.stores(), &WatchHealth::default(), "shop", "checkout", &GatherConfig::default()).unwrap()
}

fn workload(world: &World) -> Arc<crate::observe::Workload> {
    Arc::clone(&seen(world).places["staging"].workloads["Deployment/checkout"])
}

#[test]
fn the_snapshot_holds_what_the_pipeline_names() {
    let world = World::of(WORLD);
    let snapshot = seen(&world);
    assert_eq!(snapshot.places.keys().collect::<Vec<_>>(), ["removed", "staging"]);
    assert_eq!(snapshot.places["removed"].access, Access::Missing);
    let place = &snapshot.places["staging"];
    assert_eq!(place.access, Access::Granted { namespace: "shop-staging".into() });
    let found = &place.workloads["Deployment/checkout"];
    assert_eq!((found.wanted, found.updated, found.available, found.generation), (2, 1, 2, 3));
    assert_eq!((&found.claim, found.attempt.as_deref()), (&Claim::Ours, Some("a1")));
    assert_eq!(found.images["app"], "r.example/checkout:2");
    assert!(found.image_writers["app"].is_tool);
    assert!(place.cron_jobs["smoke"].runnable);
    assert!(!place.cron_jobs["migrate"].runnable, "what hooks name is seen, too");
    let job = &place.jobs["smoke-1"];
    assert_eq!((job.failed.as_deref(), job.kept, job.complete), (Some("BackoffLimitExceeded"), true, false));
    assert_eq!(job.pods[0].exit_code, Some(4));
    assert!(gather(&world.stores(), &WatchHealth::default(), "shop", "other", &GatherConfig::default()).is_none());
}

#[test]
fn only_pods_of_the_template_s_own_replica_set_are_seen() {
    let mut world = World::of(WORLD);
    world.put(replica_set("old", "r.example/checkout:1", "2026-01-01T00:00:00Z", ""));
    world.put(pod_of("old", "old-1"));
    assert!(workload(&world).pods.is_empty());
    world.put(replica_set("new", "r.example/checkout:2", "2026-01-02T00:00:00Z", "a"));
    world.put(pod_of("new", "new-1"));
    let pods = workload(&world).pods.clone();
    assert_eq!(pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["new-1"]);
    assert_eq!(pods[0].trouble.as_ref().unwrap().kind, TroubleKind::CrashLoop);
    world.put(replica_set("again", "r.example/checkout:2", "2026-01-03T00:00:00Z", "b"));
    assert!(workload(&world).pods.is_empty(), "a restart makes a newer set of the same revision");
}

#[test]
fn the_fingerprint_leaves_out_managed_images_only() {
    let mut world = World::of(WORLD);
    let before = workload(&world).fingerprint.clone();
    let with = |app: &str, proxy: &str| {
        json!({"kind": "Deployment", "metadata": {"name": "checkout", "namespace": "shop-staging"}, "spec": {"template": {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {"containers": [{"name": "app", "image": app}, {"name": "proxy", "image": proxy}]}}}})
    };
    world.put(with("r.example/checkout:3", "r.example/proxy:1"));
    assert_eq!(workload(&world).fingerprint, before);
    world.put(with("r.example/checkout:3", "r.example/proxy:2"));
    assert_ne!(workload(&world).fingerprint, before);
}

#[test]
fn a_claim_is_told_by_uid_and_void_without_its_pipeline() {
    let mut world = World::of(WORLD);
    let claimed = |by: &str, world: &mut World| {
        world.put(json!({"kind": "Deployment", "metadata": {"name": "checkout", "namespace": "shop-staging",
            "annotations": {"windlass.dev/claimed-by": by}}}));
        workload(world).claim.clone()
    };
    assert_eq!(claimed("shop/renamed/p-1", &mut world), Claim::Ours);
    assert_eq!(claimed("shop/checkout/p-0", &mut world), Claim::None, "a pipeline of that name, but another one");
    world.put(json!({"kind": "DeliveryPipeline", "metadata": {"name": "twin", "uid": "p-2"},
        "spec": {"images": [], "workloads": [], "stages": []}}));
    assert_eq!(claimed("shop/twin/p-2", &mut world), Claim::Other("shop/twin".into()));
}

#[test]
fn a_pipeline_that_cannot_be_read_keeps_its_claim_and_its_jobs() {
    let mut world = World::of(WORLD);
    let mut found = world.stores().deployments.state()[0].as_ref().clone();
    found.metadata.annotations = Some([(CLAIMED_BY.to_owned(), "shop/unread/p-9".to_owned())].into());
    world.writers.deployments.apply_watcher_event(&kube::runtime::watcher::Event::Apply(found));
    world.put(json!({"kind": "Job", "metadata": {"name": "lost", "namespace": "shop-staging",
        "labels": {"windlass.dev/namespace": "shop", "windlass.dev/pipeline": "unread"}}}));
    let (stores, health) = (world.stores(), WatchHealth::default());
    let claim = |health: &WatchHealth| {
        let seen = gather(&stores, health, "shop", "checkout", &GatherConfig::default()).unwrap();
        seen.places["staging"].workloads["Deployment/checkout"].claim.clone()
    };
    assert_eq!(claim(&health), Claim::None, "a pipeline that is gone");
    assert!(orphan_job(&stores, &health, "shop-staging", "lost").is_some());
    let unread = Undecodable { kind: "DeliveryPipeline", namespace: "shop".into(), name: "unread".into() };
    health.cannot_read(unread, "suspend is no bool");
    assert_eq!(claim(&health), Claim::Other("shop/unread".into()));
    assert!(orphan_job(&stores, &health, "shop-staging", "lost").is_none());
}

/// Read falsely, a pipeline would seem to go there no more, and its exposed clone would be cut.
#[test]
fn nothing_is_let_go_while_an_environment_of_its_pipeline_cannot_be_read() {
    let mut world = World::of(WORLD);
    let ours = json!({"windlass.dev/claimed-by": "shop/checkout/p-1"});
    world.put(json!({"kind": "Job", "metadata": {"name": "lost", "namespace": "elsewhere",
        "labels": {"windlass.dev/namespace": "shop", "windlass.dev/pipeline": "checkout"}}}));
    world.put(json!({"kind": "Deployment", "metadata": {"name": "checkout-canary", "namespace": "elsewhere",
        "labels": {"windlass.dev/track": "canary"}, "annotations": ours}, "spec": {"replicas": 1,
        "selector": {}, "template": {"spec": {"containers": []}}}}));
    world.put(json!({"kind": "Service", "metadata": {"name": "checkout-canary", "namespace": "elsewhere",
        "labels": {"windlass.dev/track": "canary"}, "annotations": ours}, "spec": {}}));
    let (stores, health) = (world.stores(), WatchHealth::default());
    let orphans = |health: &WatchHealth| {
        [
            orphan_job(&stores, health, "elsewhere", "lost").is_some(),
            orphan_clone(&stores, health, "elsewhere", "checkout-canary").is_some(),
            loose(&stores, health, RoutingKind::Service, "elsewhere", "checkout-canary").is_some(),
        ]
    };
    assert_eq!(orphans(&health), [true; 3]);
    health.cannot_read(
        Undecodable { kind: "Environment", namespace: "shop".into(), name: "production".into() },
        "targetNamespace is no string",
    );
    assert_eq!(orphans(&health), [false; 3]);
}

#[test]
fn a_job_is_an_orphan_where_its_pipeline_does_not_go() {
    let mut world = World::of(WORLD);
    let elsewhere = json!({"kind": "Job", "metadata": {"name": "smoke-2", "namespace": "elsewhere",
        "labels": {"windlass.dev/namespace": "shop", "windlass.dev/pipeline": "checkout"}}});
    world.put(elsewhere);
    let (stores, health) = (world.stores(), WatchHealth::default());
    assert!(orphan_job(&stores, &health, "shop-staging", "smoke-1").is_none());
    assert!(orphan_job(&stores, &health, "elsewhere", "smoke-2").is_some());
    let keys = crate::observe::relate::all(&stores);
    let orphan = crate::observe::Key::OrphanJob { namespace: "elsewhere".into(), name: "smoke-2".into() };
    assert_eq!(
        keys.iter().filter(|key| matches!(key, crate::observe::Key::OrphanJob { .. })).collect::<Vec<_>>(),
        [&orphan]
    );
}

fn access_of(world: &World, namespace: &str, name: &str) -> Access {
    gather_environment(&world.stores(), "windlass-system", namespace, name).unwrap().access
}

#[test]
fn another_namespace_must_name_the_environment() {
    let mut world = World::of(WORLD);
    world.put(json!({"kind": "Environment", "metadata": {"name": "rival", "namespace": "other"},
        "spec": {"targetNamespace": "shop-staging"}}));
    let namespace = "shop-staging".to_owned();
    assert_eq!(access_of(&world, "other", "rival"), Access::NoConsent { namespace: namespace.clone() });
    world.put(json!({"kind": "Namespace", "metadata": {"name": "shop-staging",
        "annotations": {"windlass.dev/accept-from": "other/rival"}}}));
    assert_eq!(access_of(&world, "other", "rival"), Access::Granted { namespace: namespace.clone() });
    assert_eq!(access_of(&world, "shop", "staging"), Access::NoConsent { namespace });
    let place = &seen(&world).places["staging"];
    assert!(place.workloads.is_empty() && place.cron_jobs.is_empty(), "what is there is none of its business");
    assert_eq!(place.jobs.len(), 1, "its own Jobs are");
}

#[test]
fn its_namespace_or_the_operators_own_freezes_it() {
    let mut world = World::of(WORLD);
    let freezes =
        |world: &World| gather_environment(&world.stores(), "windlass-system", "shop", "staging").unwrap().freezes;
    let freeze = |name: &str, reason: &str| {
        let annotations = json!({"windlass.dev/accept-from": "shop/staging", "windlass.dev/freeze": reason});
        json!({"kind": "Namespace", "metadata": {"name": name, "annotations": annotations}})
    };
    world.put(freeze("elsewhere", "not ours"));
    assert!(freezes(&world).is_empty());
    world.put(freeze("shop-staging", " audit "));
    world.put(freeze("windlass-system", ""));
    let seen = |world: &World| -> Vec<String> {
        freezes(world)
            .into_iter()
            .map(|f| format!("{}: {} {}", f.source, f.reason, f.until.map_or("-".into(), |u| u.to_string())))
            .collect()
    };
    let annotated = ["namespace windlass-system: no reason given -", "namespace shop-staging: audit -"];
    assert_eq!(seen(&world), annotated);
    let decision = |name: &str, r#type: &str, environment: &str| {
        let spec = json!({"type": r#type, "environment": environment, "reason": "the bank is down", "user": "ann",
            "until": "2026-11-23T00:00:00Z"});
        json!({"kind": "Decision", "metadata": {"name": name}, "spec": spec})
    };
    for (name, r#type, environment) in
        [("f1", "Freeze", "staging"), ("f2", "Freeze", "production"), ("u1", "Unfreeze", "staging")]
    {
        world.put(decision(name, r#type, environment));
    }
    let mut going = decision("f3", "Freeze", "staging");
    going["metadata"]["deletionTimestamp"] = json!("2026-11-22T00:00:00Z");
    world.put(going);
    let decided = "ann, by Decision f1: the bank is down 2026-11-23T00:00:00Z";
    assert_eq!(seen(&world)[2..], [decided]);
    let view = gather_environment(&world.stores(), "windlass-system", "shop", "staging").unwrap();
    let names: Vec<String> = view.decisions.iter().map(|d| d.name_any()).collect();
    assert_eq!(names, ["f1", "f3", "u1"]);
}

#[test]
fn in_its_own_namespace_the_oldest_environment_holds() {
    let mut world = World::default();
    world.put(json!({"kind": "Namespace", "metadata": {"name": "shop"}}));
    for (name, created) in [("b", "2026-01-01T00:00:00Z"), ("a", "2026-01-02T00:00:00Z"), ("c", "2026-01-02T00:00:00Z")]
    {
        world.put(json!({"kind": "Environment", "metadata": {"name": name, "creationTimestamp": created},
            "spec": {"targetNamespace": "shop"}}));
    }
    let taken = |by: &str| Access::NamespaceTaken { namespace: "shop".into(), by: by.into() };
    assert_eq!(access_of(&world, "shop", "b"), Access::Granted { namespace: "shop".into() });
    assert_eq!(access_of(&world, "shop", "a"), taken("shop/b"));
    world.put(
        json!({"kind": "Namespace", "metadata": {"name": "shop", "annotations": {"windlass.dev/accept-from": "x/y"}}}),
    );
    assert_eq!(access_of(&world, "shop", "b"), Access::Granted { namespace: "shop".into() }, "no such Environment");
    world.put(json!({"kind": "Environment", "metadata": {"name": "y", "namespace": "x"}, "spec": {"targetNamespace": "shop"}}));
    assert_eq!(access_of(&world, "shop", "b"), taken("x/y"));
}

#[test]
fn a_missing_namespace_is_told() {
    let mut world = World::default();
    world.put(json!({"kind": "Environment", "metadata": {"name": "a"}, "spec": {"targetNamespace": "nowhere"}}));
    assert_eq!(access_of(&world, "shop", "a"), Access::NamespaceMissing { namespace: "nowhere".into() });
}

#[test]
fn a_clone_that_is_left_behind_stays_while_a_route_sends_to_it() {
    let mut world = World::of(WORLD);
    let (ns, ours) = ("elsewhere", json!({"windlass.dev/claimed-by": "shop/checkout/p-1"}));
    let deployment = |name: &str, labels: serde_json::Value, owners: serde_json::Value| {
        json!({"kind": "Deployment", "metadata": {"name": name, "namespace": ns, "uid": name, "labels": labels,
            "annotations": ours, "ownerReferences": owners},
            "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": []}}},
            "status": {"availableReplicas": 1}})
    };
    let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "uid": "checkout"}]);
    world.put(deployment("checkout", json!({}), json!([])));
    world.put(deployment("checkout-canary", json!({"windlass.dev/track": "canary"}), owner));
    world.put(json!({"kind": "Service", "metadata": {"name": "web-canary", "namespace": ns,
        "labels": {"windlass.dev/track": "canary"}, "annotations": ours}, "spec": {}}));
    // a copy of our route under another name has our claim in it, and is somebody's
    let copied = json!({"windlass.dev/claimed-by": "shop/checkout/p-1", "windlass.dev/weights": "shop/checkout"});
    world.put(json!({"kind": "HTTPRoute", "metadata": {"name": "copy", "namespace": ns, "annotations": copied},
        "spec": {"rules": [{"backendRefs": [{"name": "web-stable", "port": 80}]}]}}));
    let found =
        loose(&world.stores(), &WatchHealth::default(), RoutingKind::Route(RouteKind::Http), ns, "copy").unwrap();
    assert!(found.is_needed && found.exposing.is_none());
    // whoever looks at it without the stable one beside it does not come for the application
    world.put(json!({"kind": "GRPCRoute", "metadata": {"name": "preview", "namespace": ns},
        "spec": {"rules": [{"backendRefs": [{"name": "web-canary", "port": 80}]}]}}));
    let left = json!({"windlass.dev/weights": "shop/checkout"});
    for (kind, name, annotations) in [
        (RouteKind::Http, "windlass-checkout", &ours),
        (RouteKind::Grpc, "windlass-checkout", &ours),
        (RouteKind::Http, "front", &left),
        (RouteKind::Grpc, "front", &left),
    ] {
        for (weight, is_needed) in [(80, true), (0, false)] {
            let refs = json!([{"name": "web-stable", "port": 80, "weight": 20}, {"name": "web-canary", "port": 80, "weight": weight}]);
            world.put(json!({"kind": kind, "metadata": {"name": name, "namespace": ns, "annotations": annotations},
                "spec": {"rules": [{"backendRefs": refs}]}}));
            let (stores, health) = (world.stores(), WatchHealth::default());
            let clone = orphan_clone(&stores, &health, ns, "checkout-canary").unwrap();
            let route = loose(&stores, &health, RoutingKind::Route(kind), ns, name).unwrap();
            let found = (clone.is_needed, route.exposing.is_some(), route.is_needed);
            assert_eq!(found, (is_needed, is_needed, true), "{kind} {name} {weight}");
            assert_eq!(route.claim, if is_needed || name != "front" { "shop/checkout/p-1" } else { "shop/checkout/" });
        }
    }
}
