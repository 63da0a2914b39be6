//! The write gate against a real API server, with no operator beside it: guards answer as the code takes them to answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "it asserts; the runner tells a panic as a failure")]

mod autoscaler;

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use windlass::act::{Cluster, Done, Error, Leadership};
use windlass::api::pipeline::WorkloadKind;
use windlass::api::{
    BuildHash, Decision, DecisionSpec, DecisionType, DeliveryPipeline, Environment, PipelineStatus, Release, ReleaseStatus, Runner,
    TestRun, TestRunSpec,
};
use windlass::metrics::Metrics;
use windlass::plan::action::{Action, CreateJob, Kind, Note, SetImages, Target, Touchable, Untouched};

use crate::story::Story;

pub async fn run(t: &Story) -> anyhow::Result<()> {
    tokio::join!(
        images_are_written_only_as_planned(t),
        a_touch_moves_the_version_and_nothing_else(t),
        a_job_is_made_started_once_and_removed(t),
        our_own_objects_are_made_written_and_deleted(t),
        what_happens_is_told_on_both_objects(t),
        without_leadership_nothing_is_written(t),
        autoscaler::is_locked_by_the_charts_rights_alone(t),
    );
    Ok(())
}

struct World {
    client: Client,
    cluster: Cluster,
    namespace: String,
}

impl World {
    async fn new(t: &Story, namespace: &str) -> Self {
        let client = t.client();
        let namespace = t.ns(namespace).await.unwrap();
        let cluster = Cluster::new(client.clone(), Leadership::always(), Arc::new(Metrics::new().unwrap()));
        Self { client, cluster, namespace }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn make<K>(&self, value: serde_json::Value) -> K
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + serde::de::DeserializeOwned
            + serde::Serialize
            + Clone
            + std::fmt::Debug,
    {
        self.api::<K>().create(&PostParams::default(), &serde_json::from_value(value).unwrap()).await.unwrap()
    }

    async fn act(&self, action: Action) -> Done {
        self.cluster.carry_out(&self.namespace, &[action]).await
    }
}

fn target(kind: Kind, object: &impl ResourceExt) -> Target {
    Target {
        kind,
        name: object.name_any(),
        uid: object.uid().unwrap(),
        resource_version: object.resource_version().unwrap(),
    }
}

fn pipeline() -> serde_json::Value {
    json!({
        "metadata": {"name": "checkout"},
        "spec": {
            "images": [{"name": "app", "repository": "registry.example/shop/app"}],
            "workloads": [{"kind": "Deployment", "name": "web", "containers": [{"name": "app", "imageName": "app"}]}],
            "stages": [{"environment": "staging"}],
        },
    })
}

fn release() -> serde_json::Value {
    json!({
        "metadata": {"name": "checkout-1"},
        "spec": {"pipeline": "checkout", "build": {"version": "1", "createdAt": "2026-11-21T09:00:00Z",
            "images": [{"name": "app", "ref": format!("registry.example/shop/app@sha256:{}", "a".repeat(64))}]}},
    })
}

#[track_caller]
fn only_error(done: &Done) -> &Error {
    assert!(done.written.is_empty() && done.failed.len() == 1, "{done:?}");
    &done.failed[0]
}

/// Status updates of an object's controller go on for a moment: the object once three looks in a row show the same.
async fn settled<K>(world: &World, name: &str) -> K
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + serde::de::DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api = world.api::<K>();
    let (mut seen, mut looks) = (api.get(name).await.unwrap(), 0);
    while looks < 2 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let now = api.get(name).await.unwrap();
        looks = if now.resource_version() == seen.resource_version() { looks + 1 } else { 0 };
        seen = now;
    }
    seen
}

async fn images_are_written_only_as_planned(t: &Story) {
    let world = World::new(t, "images").await;
    let labels = json!({"app": "web"});
    world
        .make::<Deployment>(json!({
            "metadata": {"name": "web"},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                "initContainers": [{"name": "migrate", "image": "registry.example/m:1"}],
                "containers": [{"name": "side", "image": "registry.example/s:1"}, {"name": "app", "image": "registry.example/a:1"}],
            }}},
        }))
        .await;
    let pipeline = world.make::<DeliveryPipeline>(pipeline()).await;
    let live = settled::<Deployment>(&world, "web").await;
    let set = SetImages {
        kind: WorkloadKind::Deployment,
        namespace: world.namespace.clone(),
        name: "web".into(),
        uid: live.uid().unwrap(),
        resource_version: live.resource_version().unwrap(),
        images: vec![("app".into(), "registry.example/a:2".into()), ("migrate".into(), "registry.example/m:2".into())],
        containers: vec!["app".into(), "migrate".into()],
        reasserted: Some(3),
        claim: "shop/checkout/p".into(),
        attempt: "a1".into(),
        confirm: vec![target(Kind::Pipeline, &pipeline)],
    };
    let missing = SetImages { images: vec![("gone".into(), "x:1".into())], ..set.clone() };
    assert!(matches!(only_error(&world.act(Action::SetImages(missing)).await), Error::ContainerNotFound { .. }));
    let refused = SetImages { images: vec![("app".into(), String::new())], ..set.clone() };
    let done = world.act(Action::SetImages(refused)).await;
    assert!(matches!(only_error(&done), Error::Refused { .. }) && !only_error(&done).is_conflict(), "{done:?}");
    let mut moved = set.clone();
    moved.confirm[0].resource_version = "1".into();
    assert!(matches!(only_error(&world.act(Action::SetImages(moved)).await), Error::Moved { .. }));

    // frozen after it was planned, and nobody has seen it: a watch may be dead
    let place = json!({"metadata": {"name": "production"}, "spec": {"targetNamespace": world.namespace}});
    let place = world.make::<Environment>(place).await;
    let planned = SetImages { confirm: vec![target(Kind::Environment, &place)], ..set.clone() };
    let freeze = Patch::Merge(json!({"spec": {"freeze": {"reason": "audit"}}}));
    world.api::<Environment>().patch("production", &PatchParams::default(), &freeze).await.unwrap();
    assert!(matches!(only_error(&world.act(Action::SetImages(planned)).await), Error::Moved { .. }));

    let done = world.act(Action::SetImages(set.clone())).await;
    assert!(done.failed.is_empty(), "{done:?}");
    assert_ne!(done.written[0].resource_version, set.resource_version);
    let after = settled::<Deployment>(&world, "web").await;
    let (mut was, is) = (serde_json::to_value(&live.spec).unwrap(), serde_json::to_value(&after.spec).unwrap());
    was["template"]["spec"]["containers"][1]["image"] = "registry.example/a:2".into();
    was["template"]["spec"]["initContainers"][0]["image"] = "registry.example/m:2".into();
    assert_eq!(was, is, "nothing else changed");
    assert_eq!(after.annotations()["windlass.dev/claimed-by"], "shop/checkout/p");
    assert_eq!(after.annotations()["windlass.dev/reasserted"], "3");
    assert_eq!(after.annotations()["windlass.dev/containers"], "app,migrate", "the field guard goes by it");
    assert!(only_error(&world.act(Action::SetImages(set)).await).is_conflict(), "planned from an older version");
}

/// What was planned before a touch comes to nothing, and a touch changes nothing but the label: no generation, no pods.
async fn a_touch_moves_the_version_and_nothing_else(t: &Story) {
    let world = World::new(t, "touch").await;
    let labels = json!({"app": "web"});
    for meta in [json!({"name": "bare"}), json!({"name": "labelled", "labels": {"team": "shop"}})] {
        world
            .make::<Deployment>(json!({
                "metadata": meta,
                "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "registry.example/a:1"}]}}},
            }))
            .await;
        let live = settled::<Deployment>(&world, meta["name"].as_str().unwrap()).await;
        let of = Untouched {
            kind: Touchable::Workload(WorkloadKind::Deployment),
            namespace: world.namespace.clone(),
            name: live.name_any(),
            uid: live.uid().unwrap(),
            resource_version: live.resource_version().unwrap(),
        };
        let touch = || Action::Touch { of: of.clone(), term: "two".into() };
        let done = world.act(touch()).await;
        assert!(done.failed.is_empty() && done.written[0].resource_version != of.resource_version, "{done:?}");
        let after = settled::<Deployment>(&world, &of.name).await;
        let mut wanted = live.labels().clone();
        wanted.insert("windlass.dev/term".into(), "two".into());
        assert_eq!((after.labels(), after.metadata.generation), (&wanted, live.metadata.generation));
        assert_eq!(serde_json::to_value(&after.spec).unwrap(), serde_json::to_value(&live.spec).unwrap());
        assert!(only_error(&world.act(touch()).await).is_conflict(), "planned from an older version");
    }
}

async fn a_job_is_made_started_once_and_removed(t: &Story) {
    let world = World::new(t, "jobs").await;
    world
        .make::<CronJob>(json!({
            "metadata": {"name": "smoke", "labels": {"windlass.dev/runnable": "true"}},
            "spec": {"suspend": true, "schedule": "0 0 1 1 *", "jobTemplate": {"spec": {
                "ttlSecondsAfterFinished": 1, "template": {"spec": {"restartPolicy": "OnFailure",
                    "containers": [{"name": "test", "image": "registry.example/t:1"}]}}}}},
        }))
        .await;
    let create = CreateJob {
        namespace: world.namespace.clone(),
        cron_job: "smoke".into(),
        name: "smoke-1".into(),
        images: vec![("test".into(), "registry.example/t:2".into())],
        labels: vec![("windlass.dev/release".into(), "checkout-1".into())],
        annotations: vec![("windlass.dev/version".into(), "1.8.0".into())],
    };
    let done = world.act(Action::CreateJob(create.clone())).await;
    assert!(done.failed.is_empty(), "{done:?}");
    let again = world.act(Action::CreateJob(create.clone())).await;
    assert_eq!(again.written[0].uid, done.written[0].uid, "that it exists already is success");
    let other = CreateJob { labels: vec![("windlass.dev/release".into(), "checkout-2".into())], ..create };
    assert!(matches!(only_error(&world.act(Action::CreateJob(other)).await), Error::NotOurs { .. }));

    let job = settled::<Job>(&world, "smoke-1").await;
    assert_eq!(job.spec.as_ref().unwrap().suspend, Some(true));
    let (namespace, name, uid) = (world.namespace.clone(), job.name_any(), job.uid().unwrap());
    let start = |version: String| Action::StartJob {
        namespace: namespace.clone(),
        name: name.clone(),
        uid: uid.clone(),
        resource_version: version,
    };
    let stale = world.act(start("1".into())).await;
    assert!(matches!(only_error(&stale), Error::Refused { source, .. } if source.code == 409), "{stale:?}");
    let version = job.resource_version().unwrap();
    assert!(world.act(start(version)).await.failed.is_empty());
    let job = settled::<Job>(&world, &name).await;
    assert_eq!(job.spec.as_ref().unwrap().suspend, Some(false));
    let twice = world.act(start(job.resource_version().unwrap())).await;
    assert!(matches!(only_error(&twice), Error::Refused { source, .. } if source.code == 422), "{twice:?}");
    assert!(only_error(&twice).is_conflict());

    let jobs = world.api::<Job>();
    // its controller may write it between the look and ours
    let remove = loop {
        let job = jobs.get(&name).await.unwrap();
        let (namespace, name, uid) = (namespace.clone(), name.clone(), uid.clone());
        let remove = Action::RemoveJob { namespace, name, uid, resource_version: job.resource_version().unwrap() };
        let done = world.act(remove.clone()).await;
        if done.failed.is_empty() {
            break remove;
        }
        assert!(only_error(&done).is_conflict(), "{done:?}");
    };
    // it goes when its pods have
    while let Some(job) = jobs.get_opt("smoke-1").await.unwrap() {
        assert!(job.metadata.deletion_timestamp.is_some(), "it stays: {job:?}");
        let kept = job.metadata.finalizers.unwrap_or_default();
        assert!(kept.iter().all(|f| f == "foregroundDeletion"), "it is kept by {kept:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(world.act(remove).await.failed.is_empty(), "that it is gone is success");
}

async fn our_own_objects_are_made_written_and_deleted(t: &Story) {
    let world = World::new(t, "objects").await;
    let pipeline = world.make::<DeliveryPipeline>(pipeline()).await;
    let status = PipelineStatus { observed_generation: 1, ..PipelineStatus::default() };
    let written = world.cluster.checkpoint(&pipeline, &status).await.unwrap();
    assert_eq!(written.status, Some(status.clone()));
    assert_ne!(written.resource_version(), pipeline.resource_version());
    let changed = PipelineStatus { observed_generation: 2, ..status };
    assert!(world.cluster.checkpoint(&pipeline, &changed).await.unwrap_err().is_conflict(), "an older version");

    let wanted: Release = serde_json::from_value(release()).unwrap();
    let create = Action::CreateRelease { name: "checkout-1".into(), spec: Box::new(wanted.spec.clone()) };
    assert!(world.act(create.clone()).await.failed.is_empty());
    assert!(world.act(create).await.failed.is_empty(), "that it exists already is success");
    let mut other = wanted.spec;
    other.build.version = "2".into();
    let other = world.act(Action::CreateRelease { name: "checkout-1".into(), spec: Box::new(other) }).await;
    assert!(matches!(only_error(&other), Error::NotOurs { differs: "version", .. }), "{other:?}");

    let live = world.api::<Release>().get("checkout-1").await.unwrap();
    let status = Box::new(ReleaseStatus { observed_generation: 1, ..ReleaseStatus::default() });
    let done = world.act(Action::ReleaseStatus { target: target(Kind::Release, &live), status: status.clone() }).await;
    assert!(done.failed.is_empty(), "{done:?}");
    let stale = Action::Finalizer { target: target(Kind::Release, &live), present: true };
    assert!(only_error(&world.act(stale).await).is_conflict());
    let live = world.api::<Release>().get("checkout-1").await.unwrap();
    let put = Action::Finalizer { target: target(Kind::Release, &live), present: true };
    assert_eq!(world.act(put).await.written.len(), 1);

    test_run_and_ban(&world, &live).await;

    let live = world.api::<Release>().get("checkout-1").await.unwrap();
    let done = world.act(Action::Delete { target: target(Kind::Release, &live) }).await;
    assert!(done.failed.is_empty(), "{done:?}");
    let live = world.api::<Release>().get("checkout-1").await.unwrap();
    assert!(live.metadata.deletion_timestamp.is_some(), "our finalizer keeps it");
    let done = world.act(Action::Finalizer { target: target(Kind::Release, &live), present: false }).await;
    assert!(done.failed.is_empty() && done.written.is_empty(), "{done:?}");
    assert!(world.api::<Release>().get_opt("checkout-1").await.unwrap().is_none());
}

async fn test_run_and_ban(world: &World, release: &Release) {
    let spec = TestRunSpec {
        pipeline: "checkout".into(),
        release: release.name_any(),
        release_uid: release.uid().unwrap(),
        build_hash: BuildHash("a".repeat(40)),
        template: "b".repeat(40),
        environment: "staging".into(),
        attempt: "20261121t093000123z".into(),
        suite: "smoke".into(),
        runner: Runner::External,
        minimum_coverage: None,
    };
    let create = Action::CreateTestRun { name: "run-1".into(), release: target(Kind::Release, release), spec };
    assert!(world.act(create.clone()).await.failed.is_empty());
    assert!(world.act(create).await.failed.is_empty());
    let run = world.api::<TestRun>().get("run-1").await.unwrap();
    assert_eq!(run.owner_references()[0].uid, release.uid().unwrap());

    let spec: DecisionSpec = serde_json::from_value(json!({
        "type": "Ban", "pipeline": "checkout", "environment": "staging", "release": "checkout-1",
        "buildHash": "a".repeat(40), "attempt": "20261121t093000123z", "reason": "smoke failed",
    }))
    .unwrap();
    let ban = Action::CreateBan { name: "ban-1".into(), spec: spec.clone() };
    assert!(world.act(ban).await.failed.is_empty());
    let reworded = DecisionSpec { reason: "said otherwise".into(), ..spec.clone() };
    assert!(world.act(Action::CreateBan { name: "ban-1".into(), spec: reworded }).await.failed.is_empty());
    let other = DecisionSpec { attempt: Some("20261121t093000999z".into()), ..spec };
    let other = world.act(Action::CreateBan { name: "ban-1".into(), spec: other }).await;
    assert!(matches!(only_error(&other), Error::NotOurs { differs: "attempt", .. }), "{other:?}");
    let live = world.api::<Decision>().get("ban-1").await.unwrap();
    assert_eq!(live.spec.r#type, DecisionType::Ban);
    assert!(world.act(Action::Delete { target: target(Kind::Decision, &live) }).await.failed.is_empty());
}

async fn what_happens_is_told_on_both_objects(t: &Story) {
    let world = World::new(t, "events").await;
    let pipeline = world.make::<DeliveryPipeline>(pipeline()).await;
    let release = world.make::<Release>(release()).await;
    let note = |message: &str| Note {
        release: Some("checkout-1".into()),
        warning: false,
        reason: "Delivered".into(),
        message: message.into(),
    };
    world.cluster.tell(&pipeline, &[note("delivered to staging"), note("delivered to production")]).await;
    let events = world.api::<Event>().list(&ListParams::default()).await.unwrap().items;
    assert_eq!(events.len(), 4, "{events:?}");
    let about = |uid: Option<String>| {
        events.iter().filter(|event| event.regarding.as_ref().and_then(|about| about.uid.clone()) == uid).count()
    };
    assert_eq!((about(pipeline.uid()), about(release.uid())), (2, 2));
}

async fn without_leadership_nothing_is_written(t: &Story) {
    let world = World::new(t, "standby").await;
    let pipeline = world.make::<DeliveryPipeline>(pipeline()).await;
    let (_grant, leadership) = Leadership::new();
    let standby = Cluster::new(world.client.clone(), leadership, Arc::new(Metrics::new().unwrap()));
    let error = standby.checkpoint(&pipeline, &PipelineStatus::default()).await.unwrap_err();
    assert!(matches!(error, Error::NotLeading { .. }), "{error}");
    let stands = world.api::<DeliveryPipeline>().get("checkout").await.unwrap();
    assert_eq!(stands.resource_version(), pipeline.resource_version());
}
