//! The five kinds as the API server gets them: fresh, bounded, described, and refusing bad input in clear words.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // helpers of tests are tests

mod fresh;
#[path = "../../e2e/src/rules.rs"]
mod rules;
mod rules_in_process;
mod schema;

use serde_json::Value;

/// Kind and schema of each CRD.
fn schemas() -> Vec<(String, Value)> {
    let crds = windlass::api::schema::crds().into_iter();
    crds.map(|crd| {
        let schema = crd.spec.versions[0].schema.as_ref().and_then(|s| s.open_api_v3_schema.as_ref());
        (crd.spec.names.kind.clone(), serde_json::to_value(schema.expect("a schema")).expect("JSON"))
    })
    .collect()
}

/// Calls `look` with the path and the schema of every node, the root first. Items of a list are `[]`.
fn walk(path: &str, schema: &Value, look: &mut impl FnMut(&str, &Value)) {
    look(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, look);
    }
    if schema["items"].is_object() {
        walk(&format!("{path}[]"), &schema["items"], look);
    }
}

/// What `judge` finds wrong with any node of any of the five schemas.
fn findings(judge: impl Fn(&str, &Value) -> Option<&'static str>) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, schema) in schemas() {
        walk(&kind, &schema, &mut |path, node| {
            found.extend(judge(path, node).map(|fault| format!("{path}: {fault}")));
        });
    }
    found
}
