//! Every schema node: bounded, described, and of a form that the server takes without a warning.

use serde_json::{Value, json};

use crate::{findings, schemas, walk};

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_list_string_map_and_number_is_bounded() {
    none(findings(|_, node| match node["type"].as_str() {
        Some("array") if node["maxItems"].is_null() => Some("a list without maxItems"),
        Some("string") if node["maxLength"].is_null() && node["enum"].is_null() => Some("a string without maxLength"),
        Some("integer" | "number") if node["minimum"].is_null() || node["maximum"].is_null() => {
            Some("a number without minimum and maximum")
        }
        Some("object") if !node["additionalProperties"].is_null() && node["maxProperties"].is_null() => {
            Some("a map without maxProperties")
        }
        Some("object") if node["x-kubernetes-preserve-unknown-fields"] == json!(true) => Some("an open object"),
        Some(_) => None,
        None => Some("a node without a type"),
    }));
}

#[test]
fn every_list_says_how_it_is_merged() {
    none(findings(|_, node| {
        let is_silent = node["type"] == "array" && node["x-kubernetes-list-type"].is_null();
        is_silent.then_some("a list without x-kubernetes-list-type")
    }));
}

#[test]
fn every_field_has_a_text_that_reads_well() {
    none(findings(|path, node| {
        let text = node["description"].as_str().unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        match () {
            () if path.ends_with("[]") => None,
            () if text.trim().is_empty() => Some("has no description"),
            () if !first.ends_with('.') => Some("its description does not end with a full stop"),
            () if first.len() > 250 => Some("its description is more than one or two plain sentences"),
            () if ["Option<", "Vec<", "::", "[`", "Validated", "struct"].iter().any(|rust| text.contains(rust)) => {
                Some("its description speaks of Rust")
            }
            () => None,
        }
    }));
}

#[test]
fn every_value_of_an_enum_is_explained() {
    none(findings(|_, node| {
        let text = node["description"].as_str().unwrap_or_default();
        let mut values = node["enum"].as_array().into_iter().flatten();
        let all = values.all(|value| text.contains(&format!("\n - `{}`: ", value.as_str().unwrap_or_default())));
        (!all).then_some("a value of the enum is not explained: give it a doc comment, and list the enum in schema.rs")
    }));
}

#[test]
fn the_server_has_nothing_to_warn_about() {
    let known = ["date-time", "int32", "int64"];
    none(findings(|_, node| match node["format"].as_str() {
        Some(format) if !known.contains(&format) => Some("a format that the server does not know"),
        _ if node["nullable"] == json!(true) => Some("takes null: has() in a rule would mean two things"),
        _ => None,
    }));
}

#[test]
fn every_status_begins_as_not_yet_observed() {
    for (kind, schema) in schemas() {
        assert_eq!(schema["properties"]["status"]["default"], json!({"observedGeneration": -1}), "{kind}");
    }
}

/// A rule that a later version adds must not refuse the operator's own checkpoint.
#[test]
fn only_a_test_runs_status_has_rules() {
    for (kind, schema) in schemas().into_iter().filter(|(kind, _)| kind != "TestRun") {
        walk(&kind, &schema["properties"]["status"], &mut |path, node| {
            for key in ["x-kubernetes-validations", "pattern", "minLength", "minItems"] {
                assert_eq!(node[key], Value::Null, "{path} has {key}");
            }
        });
    }
}
