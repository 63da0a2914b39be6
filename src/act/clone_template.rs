//! A clone as it is sent: the Deployment's pod template under the new images, one more label, and no pods.

use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::api::labels::{ATTEMPT, CLAIMED_BY, TRACK};
use crate::plan::action::CreateClone;

use super::{Error, Object, Resource};

/// What of a Deployment's spec is about how its pods come and go. The rest is not copied, nor are its labels and
/// annotations: by them GitOps tools and Helm know what is theirs, and would prune it.
const COPIED: [&str; 4] = ["strategy", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"];

/// The clone of a Deployment as it stands. It goes with the Deployment.
pub fn clone(of: &DynamicObject, want: &CreateClone) -> Result<DynamicObject, Error> {
    let object = Object::new(Resource::Deployment, &want.namespace, &want.of);
    let spec = of.data.get("spec").cloned().unwrap_or_default();
    let mut template = spec.get("template").cloned().unwrap_or_default();
    let mut selector = spec.get("selector").cloned().unwrap_or_default();
    put(&mut selector, "matchLabels", TRACK, &want.track);
    if let Some(meta) = template.as_object_mut().map(|t| t.entry("metadata").or_insert_with(|| json!({}))) {
        put(meta, "labels", TRACK, &want.track);
    }
    for (container, image) in &want.images {
        set_image(&mut template, container, image)
            .ok_or_else(|| Error::ContainerNotFound { object: object.clone(), container: container.clone() })?;
    }
    let copied = COPIED.iter().filter_map(|key| Some(((*key).to_owned(), spec.get(*key)?.clone())));
    let mut body: Map<String, Value> = copied.collect();
    body.extend([
        ("replicas".to_owned(), 0.into()),
        ("selector".to_owned(), selector),
        ("template".to_owned(), template),
    ]);
    let mut clone = DynamicObject::new(&want.name, &object.resource.api_resource()).within(&want.namespace);
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": want.of, "uid": want.of_uid});
    clone.metadata.owner_references = serde_json::from_value(json!([owner])).ok();
    clone.metadata.labels = Some([(TRACK.to_owned(), want.track.clone())].into());
    clone.metadata.annotations =
        Some([(CLAIMED_BY.to_owned(), want.claim.clone()), (ATTEMPT.to_owned(), want.attempt.clone())].into());
    clone.data = json!({ "spec": body });
    Ok(clone)
}

fn put(object: &mut Value, map: &str, key: &str, value: &str) {
    if let Some(object) = object.as_object_mut() {
        let map = object.entry(map).or_insert_with(|| json!({}));
        if let Some(map) = map.as_object_mut() {
            map.insert(key.to_owned(), value.into());
        }
    }
}

fn set_image(template: &mut Value, container: &str, image: &str) -> Option<()> {
    let pod = template.get_mut("spec")?.as_object_mut()?;
    let lists = pod.iter_mut().filter(|(key, _)| matches!(key.as_str(), "containers" | "initContainers"));
    let mut all = lists.filter_map(|(_, list)| list.as_array_mut()).flatten();
    let found = all.find(|entry| entry.get("name").and_then(Value::as_str) == Some(container))?;
    found.as_object_mut()?.insert("image".to_owned(), image.into());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "checkout", "namespace": "shop", "uid": "u1",
                "labels": {"app": "checkout", "kustomize.toolkit.fluxcd.io/name": "shop", "app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"argocd.argoproj.io/tracking-id": "shop", "meta.helm.sh/release-name": "shop"},
            },
            "spec": {
                "replicas": 3, "paused": false, "minReadySeconds": 5,
                "selector": {"matchLabels": {"app": "checkout"}},
                "template": {
                    "metadata": {"labels": {"app": "checkout", "windlass.dev/track": "stable"}, "annotations": {"scrape": "yes"}},
                    "spec": {
                        "initContainers": [{"name": "migrate", "image": "r/m:1"}],
                        "containers": [{"name": "app", "image": "r/a:1", "env": [{"name": "X", "value": "1"}]}],
                    },
                },
            },
        }))
        .unwrap()
    }

    fn want(containers: &[&str]) -> CreateClone {
        CreateClone {
            namespace: "shop".into(),
            of: "checkout".into(),
            of_uid: "u1".into(),
            name: "checkout-canary".into(),
            track: "canary".into(),
            images: containers.iter().map(|name| ((*name).to_owned(), "r/new:2".to_owned())).collect(),
            claim: "shop/checkout/p1".into(),
            attempt: "a1".into(),
        }
    }

    #[test]
    fn the_template_is_copied_and_what_tools_know_it_by_is_not() {
        let clone = clone(&deployment(), &want(&["app", "migrate"])).unwrap();
        let whole = serde_json::to_value(&clone).unwrap();
        assert_eq!(
            whole["spec"],
            json!({
                "replicas": 0, "minReadySeconds": 5,
                "selector": {"matchLabels": {"app": "checkout", "windlass.dev/track": "canary"}},
                "template": {
                    "metadata": {"labels": {"app": "checkout", "windlass.dev/track": "canary"}, "annotations": {"scrape": "yes"}},
                    "spec": {
                        "initContainers": [{"name": "migrate", "image": "r/new:2"}],
                        "containers": [{"name": "app", "image": "r/new:2", "env": [{"name": "X", "value": "1"}]}],
                    },
                },
            })
        );
        assert_eq!(whole["metadata"]["labels"], json!({"windlass.dev/track": "canary"}));
        let annotations = json!({"windlass.dev/attempt": "a1", "windlass.dev/claimed-by": "shop/checkout/p1"});
        assert_eq!(whole["metadata"]["annotations"], annotations);
        assert_eq!(whole["metadata"]["ownerReferences"][0]["uid"], "u1", "it goes with the Deployment");
    }

    #[test]
    fn a_container_that_is_gone_is_named() {
        let error = clone(&deployment(), &want(&["other"])).unwrap_err();
        assert!(error.to_string().contains("other"), "{error}");
    }
}
