//! Who wrote each container's image last, as `managedFields` tell.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

use crate::api::Time;

/// The last owner of an image field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    pub manager: String,
    pub at: Option<Time>,
}

/// By container or init container. Of several owners (server-side apply shares fields) the latest counts.
pub fn image_writers(entries: &[ManagedFieldsEntry]) -> BTreeMap<String, Writer> {
    let mut writers: BTreeMap<String, Writer> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.subresource.as_deref().unwrap_or_default().is_empty()) {
        let Some(fields) = &entry.fields_v1 else { continue };
        let found =
            Writer { manager: entry.manager.clone().unwrap_or_default(), at: entry.time.as_ref().map(Time::from) };
        for container in owned_images(&fields.0) {
            let known = writers.get(&container);
            if known.is_none_or(|known| known.at <= found.at) {
                writers.insert(container, found.clone());
            }
        }
    }
    writers
}

/// Names of the containers whose image stands in this set of fields.
fn owned_images(fields: &Value) -> Vec<String> {
    let spec = fields.pointer("/f:spec/f:template/f:spec");
    // of a CronJob
    let spec = spec.or_else(|| fields.pointer("/f:spec/f:jobTemplate/f:spec/f:template/f:spec"));
    let lists = ["f:containers", "f:initContainers"].into_iter().filter_map(|list| spec?.get(list)?.as_object());
    lists
        .flatten()
        .filter(|(_, owned)| owned.get("f:image").is_some())
        .filter_map(|(key, _)| container_of(key))
        .collect()
}

/// `k:{"name":"app"}` → `app`.
fn container_of(key: &str) -> Option<String> {
    let selector: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
    Some(selector.get("name")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, at: &str, list: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": "Update", "time": at, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": {list: fields}}}}})
    }

    fn read(entries: Vec<Value>) -> BTreeMap<String, Writer> {
        image_writers(&serde_json::from_value::<Vec<ManagedFieldsEntry>>(Value::Array(entries)).unwrap())
    }

    #[test]
    fn the_latest_owner_of_the_image_counts() {
        let writers = read(vec![
            entry("kubectl", "2026-01-02T00:00:00Z", "f:containers", &json!({"k:{\"name\":\"app\"}": {"f:image": {}}})),
            entry("flux", "2026-01-01T00:00:00Z", "f:containers", &json!({"k:{\"name\":\"app\"}": {"f:image": {}}})),
            entry("edit", "2026-01-03T00:00:00Z", "f:containers", &json!({"k:{\"name\":\"app\"}": {"f:env": {}}})),
            entry(
                "helm",
                "2026-01-03T00:00:00Z",
                "f:initContainers",
                &json!({"k:{\"name\":\"init\"}": {"f:image": {}}}),
            ),
        ]);
        let managers: Vec<_> = writers.iter().map(|(name, writer)| (name.as_str(), writer.manager.as_str())).collect();
        assert_eq!(managers, [("app", "kubectl"), ("init", "helm")]);
    }

    #[test]
    fn a_cron_jobs_template_lies_deeper() {
        let fields = json!({"f:containers": {"k:{\"name\":\"app\"}": {"f:image": {}}}});
        let writers = read(vec![json!({"manager": "kubectl", "operation": "Update", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:jobTemplate": {"f:spec": {"f:template": {"f:spec": fields}}}}}})]);
        assert_eq!(writers.keys().collect::<Vec<_>>(), ["app"]);
    }

    #[test]
    fn odd_entries_are_passed_over() {
        let odd = entry("x", "2026-01-01T00:00:00Z", "f:containers", &json!({"k:nonsense": {"f:image": {}}, ".": {}}));
        assert!(read(vec![odd, json!({"manager": "none"})]).is_empty());
    }
}
