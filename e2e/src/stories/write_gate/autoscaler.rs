//! The lock on an autoscaler, written as the operator's own ServiceAccount under the chart's rights and no others: granted
//! where the chart binds them, for this one kind of write; anything beyond is refused by the server.

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{DeleteParams, Patch, PatchParams};

use super::*;
use crate::chart;

pub(super) async fn is_locked_by_the_charts_rights_alone(t: &Story) {
    let (listed, unlisted) = (World::new(t, "autoscalers").await, World::new(t, "unlisted").await);
    let operator = identity(t, &listed.namespace).await;
    let gate = Cluster::new(operator.clone(), Leadership::always(), Arc::new(Metrics::new().unwrap()));
    let down = json!({"scaleDown": {"stabilizationWindowSeconds": 5}});
    listed.make::<HorizontalPodAutoscaler>(autoscaler("web", &down)).await;
    unlisted.make::<HorizontalPodAutoscaler>(autoscaler("web", &down)).await;
    let before = settled::<HorizontalPodAutoscaler>(&listed, "web").await;

    let mut stale = before.clone();
    stale.metadata.resource_version = Some("1".into());
    let done = gate.carry_out(&listed.namespace, &[lock(&stale)]).await;
    assert!(matches!(only_error(&done), Error::Moved { .. }), "{done:?}");
    let done = gate.carry_out(&listed.namespace, &[lock(&before)]).await;
    assert!(done.failed.is_empty() && done.written.len() == 1, "{done:?}");
    let locked = settled::<HorizontalPodAutoscaler>(&listed, "web").await;
    let (mut was, is) = (spec(&before), spec(&locked));
    was["behavior"]["scaleDown"]["selectPolicy"] = "Disabled".into();
    assert_eq!(was, is, "nothing else changed");
    assert_eq!(locked.annotations()["windlass.dev/claimed-by"], "shop/checkout/p");

    let there = settled::<HorizontalPodAutoscaler>(&unlisted, "web").await;
    for action in [lock(&there), unlock(&there)] {
        let done = gate.carry_out(&unlisted.namespace, &[action]).await;
        assert!(matches!(only_error(&done), Error::Refused { source, .. } if source.code == 403), "{done:?}");
        assert!(!only_error(&done).is_conflict(), "{done:?}");
    }
    let stands = unlisted.api::<HorizontalPodAutoscaler>().get("web").await.unwrap();
    assert_eq!(stands.resource_version(), there.resource_version());
    beyond(&operator, &listed.namespace, &locked).await;

    let done = gate.carry_out(&listed.namespace, &[unlock(&locked)]).await;
    assert!(done.failed.is_empty(), "{done:?}");
    let after = settled::<HorizontalPodAutoscaler>(&listed, "web").await;
    assert_eq!(spec(&after), spec(&before));
    assert!(after.annotations().is_empty(), "{:?}", after.annotations());
}

/// What the lock does not need, tried with the same identity in the namespace where the chart lets it write.
async fn beyond(operator: &Client, namespace: &str, live: &HorizontalPodAutoscaler) {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(operator.clone(), namespace);
    let new = serde_json::from_value(autoscaler("other", &json!({}))).unwrap();
    let (create, params, patch) = (PostParams::default(), PatchParams::default(), json!({"status": {"desiredReplicas": 9}}));
    let scale = json!({"spec": {"replicas": 0}});
    let deployments: Api<Deployment> = Api::namespaced(operator.clone(), namespace);
    let tried = [
        ("create", api.create(&create, &new).await.map(drop)),
        ("update", api.replace("web", &create, live).await.map(drop)),
        ("patch status", api.patch_status("web", &params, &Patch::Merge(patch)).await.map(drop)),
        ("delete", api.delete("web", &DeleteParams::default()).await.map(drop)),
        ("delete all", api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.map(drop)),
        ("scale", deployments.patch_scale("web", &params, &Patch::Merge(scale)).await.map(drop)),
    ];
    for (what, answer) in tried {
        assert!(matches!(&answer, Err(kube::Error::Api(status)) if status.code == 403), "{what}: {answer:?}");
    }
}

/// The ServiceAccount `windlass` with what the chart gives it, and write access to that namespace, once both are in force.
async fn identity(t: &Story, namespace: &str) -> Client {
    let home = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": chart::NAMESPACE}});
    t.apply(&home.to_string()).await.unwrap();
    t.apply(&chart::rights(t.cluster(), namespace).await.unwrap()).await.unwrap();
    let token = t.cluster().service_account_token(chart::NAMESPACE, "windlass").await.unwrap();
    let operator = t.cluster().client_with_token(&token).await.unwrap();
    let asked: SelfSubjectAccessReview = serde_json::from_value(json!({"spec": {"resourceAttributes": {
        "namespace": namespace, "verb": "patch", "group": "autoscaling", "resource": "horizontalpodautoscalers",
    }}}))
    .unwrap();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(operator.clone());
    let may = || async {
        let answer = reviews.create(&PostParams::default(), &asked).await?;
        Ok(answer.status.is_some_and(|status| status.allowed).then_some(()))
    };
    t.eventually(std::time::Duration::from_secs(30), "the chart's rights to be in force", may).await.unwrap();
    operator
}

fn autoscaler(name: &str, behavior: &serde_json::Value) -> serde_json::Value {
    json!({"metadata": {"name": name}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2, "maxReplicas": 9, "behavior": behavior,
    }})
}

fn spec(autoscaler: &HorizontalPodAutoscaler) -> serde_json::Value {
    serde_json::to_value(&autoscaler.spec).unwrap()
}

fn lock(of: &HorizontalPodAutoscaler) -> Action {
    let (namespace, name, uid) = (of.namespace().unwrap(), of.name_any(), of.uid().unwrap());
    let resource_version = of.resource_version().unwrap();
    Action::LockScaleDown { namespace, name, uid, resource_version, claim: "shop/checkout/p".into() }
}

fn unlock(of: &HorizontalPodAutoscaler) -> Action {
    let (namespace, name, uid) = (of.namespace().unwrap(), of.name_any(), of.uid().unwrap());
    Action::UnlockScaleDown { namespace, name, uid, resource_version: of.resource_version().unwrap() }
}
