//! Image writes: the image values of containers that exist, and our annotations. Nothing else of a workload.

use json_patch::PatchOperation;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::api::labels::{ATTEMPT, CLAIMED_BY, CONTAINERS, REASSERTED};
use crate::api::pipeline::WorkloadKind;
use crate::plan::action::SetImages;

use super::cluster::{LIMIT, Write};
use super::patch::{add, guarded, replace, test};
use super::{Cluster, Error, Object, Written};

impl Cluster {
    pub(super) async fn set_images(&self, pipeline_namespace: &str, set: &SetImages) -> Result<Written, Error> {
        self.confirm(pipeline_namespace, &set.confirm).await?;
        let object = Object::new(set.kind, &set.namespace, &set.name);
        let Some(live) = self.fetch(LIMIT, &object).await? else { return Err(Error::Moved { object }) };
        let patch = guarded(&set.uid, &set.resource_version, operations(&object, &live, set)?);
        let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
        Ok(object.written(&stands.metadata))
    }
}

/// The patch behind the guards. Containers are found by name in the live object; their places are tested again in the
/// patch, so a renamed or moved container is never hit.
fn operations(object: &Object, live: &DynamicObject, set: &SetImages) -> Result<Vec<PatchOperation>, Error> {
    if live.metadata.uid.as_deref() != Some(set.uid.as_str())
        || live.metadata.resource_version.as_deref() != Some(set.resource_version.as_str())
    {
        return Err(Error::Moved { object: object.clone() });
    }
    let mut operations = Vec::new();
    let pod = pod_spec(set.kind);
    for (container, image) in &set.images {
        let (list, index) = place_of(&live.data, pod, container)
            .ok_or_else(|| Error::ContainerNotFound { object: object.clone(), container: container.clone() })?;
        let index = index.to_string();
        let at = |key| pod.iter().copied().chain([list, index.as_str(), key]).collect::<Vec<_>>();
        operations.push(test(at("name"), container.as_str().into()));
        operations.push(replace(at("image"), image.as_str().into()));
    }
    if live.metadata.annotations.is_none() {
        operations.push(add(["metadata", "annotations"], serde_json::json!({})));
    }
    operations.push(add(["metadata", "annotations", CLAIMED_BY], set.claim.as_str().into()));
    operations.push(add(["metadata", "annotations", ATTEMPT], set.attempt.as_str().into()));
    operations.push(add(["metadata", "annotations", CONTAINERS], set.containers.join(",").into()));
    if let Some(generation) = set.reasserted {
        operations.push(add(["metadata", "annotations", REASSERTED], generation.to_string().into()));
    }
    Ok(operations)
}

/// Where the pod template's spec stands in a workload of that kind.
const fn pod_spec(kind: WorkloadKind) -> &'static [&'static str] {
    match kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => &["spec", "template", "spec"],
        WorkloadKind::CronJob => &["spec", "jobTemplate", "spec", "template", "spec"],
    }
}

/// Which list of the pod template the container stands in, and where.
fn place_of(workload: &Value, pod: &[&str], container: &str) -> Option<(&'static str, usize)> {
    let pod = pod.iter().try_fold(workload, |at, key| at.get(key))?;
    ["containers", "initContainers"].into_iter().find_map(|list| {
        let named = |entry: &Value| entry.get("name").and_then(Value::as_str) == Some(container);
        Some((list, pod.get(list)?.as_array()?.iter().position(named)?))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Resource;
    use super::*;

    fn live(annotations: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "uid": "u1", "resourceVersion": "7", "annotations": annotations},
            "spec": {"template": {"spec": {
                "containers": [{"name": "proxy", "image": "p:1"}, {"name": "app", "image": "a:1"}],
                "initContainers": [{"name": "migrate", "image": "m:1"}],
            }}},
        }))
        .unwrap()
    }

    fn set(images: &[(&str, &str)]) -> SetImages {
        SetImages {
            kind: WorkloadKind::Deployment,
            namespace: "shop".into(),
            name: "web".into(),
            uid: "u1".into(),
            resource_version: "7".into(),
            images: images.iter().map(|(name, image)| (name.to_string(), image.to_string())).collect(),
            containers: vec!["app".into(), "migrate".into()],
            reasserted: None,
            claim: "shop/checkout/p1".into(),
            attempt: "a1".into(),
            confirm: vec![],
        }
    }

    fn built(live: &DynamicObject, set: &SetImages) -> Result<Value, Error> {
        let object = Object::new(Resource::Deployment, "shop", "web");
        operations(&object, live, set).map(|operations| serde_json::to_value(operations).unwrap())
    }

    #[test]
    fn images_are_replaced_at_the_places_of_their_containers() {
        let patch = built(&live(&json!(null)), &set(&[("app", "a:2"), ("migrate", "m:2")])).unwrap();
        assert_eq!(
            patch,
            json!([
                {"op": "test", "path": "/spec/template/spec/containers/1/name", "value": "app"},
                {"op": "replace", "path": "/spec/template/spec/containers/1/image", "value": "a:2"},
                {"op": "test", "path": "/spec/template/spec/initContainers/0/name", "value": "migrate"},
                {"op": "replace", "path": "/spec/template/spec/initContainers/0/image", "value": "m:2"},
                {"op": "add", "path": "/metadata/annotations", "value": {}},
                {"op": "add", "path": "/metadata/annotations/windlass.dev~1claimed-by", "value": "shop/checkout/p1"},
                {"op": "add", "path": "/metadata/annotations/windlass.dev~1attempt", "value": "a1"},
                {"op": "add", "path": "/metadata/annotations/windlass.dev~1containers", "value": "app,migrate"},
            ])
        );
    }

    #[test]
    fn a_cron_jobs_template_lies_deeper() {
        let mut live = live(&json!({}));
        let template = live.data["spec"]["template"].take();
        live.data = json!({"spec": {"jobTemplate": {"spec": {"template": template}}}});
        let set = SetImages { kind: WorkloadKind::CronJob, ..set(&[("app", "a:2")]) };
        let patch = built(&live, &set).unwrap();
        assert_eq!(patch[1]["path"], "/spec/jobTemplate/spec/template/spec/containers/1/image");
        let deployment = SetImages { kind: WorkloadKind::Deployment, ..set };
        assert!(matches!(built(&live, &deployment), Err(Error::ContainerNotFound { .. })));
    }

    #[test]
    fn annotations_of_others_stay() {
        let patch = built(&live(&json!({"theirs": "1"})), &set(&[("app", "a:2")])).unwrap();
        assert!(patch.as_array().unwrap().iter().all(|operation| operation["path"] != "/metadata/annotations"));
    }

    #[test]
    fn a_name_that_is_absent_is_an_error_never_an_add() {
        let error = built(&live(&json!(null)), &set(&[("app", "a:2"), ("gone", "g:2")])).unwrap_err();
        assert!(matches!(&error, Error::ContainerNotFound { container, .. } if container == "gone"), "{error}");
        assert!(!error.is_conflict());
    }

    #[test]
    fn an_object_that_moved_is_not_written() {
        for (uid, version) in [("u2", "7"), ("u1", "8")] {
            let mut live = live(&json!(null));
            live.metadata.uid = Some(uid.into());
            live.metadata.resource_version = Some(version.into());
            assert!(built(&live, &set(&[("app", "a:2")])).unwrap_err().is_conflict());
        }
    }
}
