//! What the server would refuse: values beyond the bounds of the CRDs. A status that it refuses stops a pipeline.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;

static SCHEMAS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let crds = crate::api::schema::crds().into_iter();
    crds.map(|crd| {
        let schema = crd.spec.versions[0].schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref());
        (crd.spec.names.kind.clone(), serde_json::to_value(schema.expect("a schema")).expect("JSON"))
    })
    .collect()
});

/// Panics where a status of that kind goes beyond a bound of its schema.
pub fn keep(kind: &str, status: &impl Serialize) {
    let schema = SCHEMAS.iter().find(|(name, _)| name == kind).map(|(_, schema)| &schema["properties"]["status"]);
    let mut beyond = Vec::new();
    look("status", schema.expect("a kind"), &serde_json::to_value(status).expect("JSON"), &mut beyond);
    assert!(beyond.is_empty(), "{kind}: the server would refuse {beyond:?}");
}

fn look(path: &str, schema: &Value, value: &Value, beyond: &mut Vec<String>) {
    let limit = |key: &str| schema[key].as_f64();
    let (size, most) = match value {
        Value::String(text) => (text.chars().count(), limit("maxLength")),
        Value::Array(items) => (items.len(), limit("maxItems")),
        Value::Object(fields) => (fields.len(), limit("maxProperties")),
        Value::Null | Value::Bool(_) | Value::Number(_) => (0, None),
    };
    let number = value.as_f64();
    let is_outside = number.is_some_and(|n| {
        limit("minimum").is_some_and(|least| n < least) || limit("maximum").is_some_and(|most| n > most)
    });
    if is_outside || most.is_some_and(|most| size as f64 > most) {
        beyond.push(format!("{path} = {:.60}", value.to_string()));
    }
    for item in value.as_array().into_iter().flatten() {
        look(&format!("{path}[]"), &schema["items"], item, beyond);
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let known = &schema["properties"][name];
        let inner = if known.is_null() { &schema["additionalProperties"] } else { known };
        assert!(inner.is_object(), "{path}.{name} is not in the schema");
        look(&format!("{path}.{name}"), inner, field, beyond);
    }
}
