//! The port of kstatus' rules that stories use, and what follows from it for objects of ours that nobody has seen yet.

#[path = "../e2e/src/kstatus.rs"]
mod kstatus;

use kstatus::{Status, kstatus};
use serde_json::{Value, json};

fn object(generation: i64, status: &Value) -> Value {
    json!({"metadata": {"generation": generation}, "status": status})
}

fn conditions(pairs: &[(&str, &str)]) -> Value {
    let list: Vec<Value> = pairs.iter().map(|(kind, status)| json!({"type": kind, "status": status})).collect();
    json!({"observedGeneration": 2, "conditions": list})
}

#[test]
fn each_generic_rule() {
    for (status, expected) in [
        (json!({}), Status::Current),
        (json!({"observedGeneration": -1}), Status::InProgress),
        (json!({"observedGeneration": 1}), Status::InProgress),
        (json!({"observedGeneration": 2}), Status::Current),
        (conditions(&[("Reconciling", "True")]), Status::InProgress),
        (conditions(&[("Stalled", "True")]), Status::Failed),
        (conditions(&[("Reconciling", "False"), ("Stalled", "False")]), Status::Current),
        (conditions(&[("Ready", "False")]), Status::InProgress),
        (conditions(&[("Ready", "Unknown")]), Status::InProgress),
        (conditions(&[("Ready", "True")]), Status::Current),
        (conditions(&[("Ready", "False"), ("Stalled", "True")]), Status::Failed),
        (conditions(&[("Ready", "True"), ("Reconciling", "True")]), Status::InProgress),
        (conditions(&[("Delivered", "False"), ("Ready", "True")]), Status::Current),
    ] {
        assert_eq!(kstatus(&object(2, &status)), expected, "{status}");
    }
}

/// Ours are sorted by type, so `Reconciling` speaks before `Stalled`; the plan sets one of them at most.
#[test]
fn the_first_of_two_abnormal_conditions_decides() {
    assert_eq!(kstatus(&object(2, &conditions(&[("Reconciling", "True"), ("Stalled", "True")]))), Status::InProgress);
    assert_eq!(kstatus(&object(2, &conditions(&[("Stalled", "True"), ("Reconciling", "True")]))), Status::Failed);
}

#[test]
fn an_object_on_its_way_out_is_terminating_whatever_it_says() {
    let mut object = object(2, &conditions(&[("Stalled", "True")]));
    object["metadata"]["deletionTimestamp"] = json!("2026-11-20T09:30:00Z");
    assert_eq!(kstatus(&object), Status::Terminating);
}

#[test]
fn an_object_that_the_operator_has_not_seen_is_in_progress() {
    for crd in windlass::api::schema::crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let status = &schema["openAPIV3Schema"]["properties"]["status"]["default"];
        assert_eq!(kstatus(&object(1, status)), Status::InProgress, "{}", crd.spec.names.kind);
    }
}
