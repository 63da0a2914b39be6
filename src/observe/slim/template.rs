//! A pod template as two hashes and its images, so that it need not be kept.

use serde_json::{Map, Value};

use super::is_ours;
use crate::api::build::hex;
use crate::api::labels::TRACK;

/// Set by `kubectl rollout restart`: new pods of the same revision.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Set by the Deployment's controller on the templates of its ReplicaSets.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// What is kept of a pod template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Hash of all but the `pod-template-hash`: finds the ReplicaSet that a Deployment's template describes.
    pub exact: String,
    /// Hash without any image, our own keys, `pod-template-hash` and `restartedAt`.
    pub masked: String,
    /// The label `windlass.dev/track` of its pods.
    pub track: Option<String>,
    /// In the order of the template, init containers first.
    pub containers: Vec<Container>,
}

/// A container of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    pub init: bool,
    pub image: String,
}

impl Template {
    /// Reads the raw JSON, as the server sent it: a field that this program does not know counts as well.
    pub fn read(mut raw: Value) -> Self {
        if let Some(meta) = raw.get_mut("metadata").and_then(Value::as_object_mut) {
            // `null` on older servers, absent on newer ones.
            meta.remove("creationTimestamp");
            remove_keys(meta, "labels", |key| key == TEMPLATE_HASH);
        }
        // serde_json keeps keys sorted, so equal content gives equal text.
        let track = raw.pointer("/metadata/labels").and_then(|labels| labels.get(TRACK)?.as_str()).map(str::to_owned);
        let exact = hex(&raw.to_string(), 40);
        let mut containers = take_images(&mut raw, "initContainers", true);
        containers.extend(take_images(&mut raw, "containers", false));
        if let Some(meta) = raw.get_mut("metadata").and_then(Value::as_object_mut) {
            remove_keys(meta, "labels", is_ours);
            remove_keys(meta, "annotations", |key| is_ours(key) || key == RESTARTED_AT);
        }
        Self { exact, track, masked: hex(&raw.to_string(), 40), containers }
    }

    /// Hash of the template without the images of the named containers; 40 hex digits.
    pub fn fingerprint(&self, is_managed: impl Fn(&str) -> bool) -> String {
        let foreign = self.containers.iter().filter(|container| !is_managed(&container.name));
        let lines = foreign.map(|container| format!("\n{}={}", container.name, container.image));
        hex(&std::iter::once(self.masked.clone()).chain(lines).collect::<String>(), 40)
    }
}

/// Removes entries of a string map, and the map if nothing is left: an empty map means the same as none.
fn remove_keys(meta: &mut Map<String, Value>, field: &str, unwanted: impl Fn(&str) -> bool) {
    let Some(map) = meta.get_mut(field).and_then(Value::as_object_mut) else { return };
    map.retain(|key, _| !unwanted(key));
    if map.is_empty() {
        meta.remove(field);
    }
}

fn take_images(raw: &mut Value, field: &str, init: bool) -> Vec<Container> {
    let list = raw.get_mut("spec").and_then(|spec| spec.get_mut(field)).and_then(Value::as_array_mut);
    let read = |container: &mut Value| {
        let container = container.as_object_mut()?;
        let image = container.remove("image");
        let name = container.get("name")?.as_str()?.to_owned();
        Some(Container { name, init, image: image.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned() })
    };
    list.into_iter().flatten().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(labels: Value, annotations: Value, app: &str, sidecar: &str) -> Template {
        Template::read(json!({
            "metadata": {"creationTimestamp": null, "labels": labels, "annotations": annotations},
            "spec": {"containers": [{"name": "app", "image": app}, {"name": "proxy", "image": sidecar}]},
        }))
    }

    #[test]
    fn images_and_our_own_keys_do_not_count_in_the_masked_hash() {
        let plain = template(json!({"app": "a"}), json!({}), "r/a:1", "r/p:1");
        let touched = template(
            json!({"app": "a", "pod-template-hash": "x", "windlass.dev/track": "stable"}),
            json!({"kubectl.kubernetes.io/restartedAt": "now", "windlass.dev/attempt": "1"}),
            "r/a:2",
            "r/p:2",
        );
        assert_eq!(plain.masked, touched.masked);
        assert_ne!(plain.exact, touched.exact);
    }

    #[test]
    fn anything_else_counts() {
        let plain = template(json!({"app": "a"}), json!({}), "r/a:1", "r/p:1");
        assert_ne!(plain.masked, template(json!({"app": "b"}), json!({}), "r/a:1", "r/p:1").masked);
        assert_ne!(plain.masked, template(json!({"app": "a"}), json!({"note": "x"}), "r/a:1", "r/p:1").masked);
    }

    #[test]
    fn the_fingerprint_counts_images_that_are_not_managed() {
        let managed = |name: &str| name == "app";
        let plain = template(json!({}), json!({}), "r/a:1", "r/p:1").fingerprint(managed);
        assert_eq!(plain.len(), 40);
        assert_eq!(plain, template(json!({}), json!({}), "r/a:2", "r/p:1").fingerprint(managed));
        assert_ne!(plain, template(json!({}), json!({}), "r/a:1", "r/p:2").fingerprint(managed));
    }

    #[test]
    fn the_order_of_keys_does_not_count() {
        let one: Value = serde_json::from_str(r#"{"spec":{"a":1,"b":2}}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"spec":{"b":2,"a":1}}"#).unwrap();
        assert_eq!(Template::read(one), Template::read(two));
    }
}
