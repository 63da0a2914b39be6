//! A release that ends before the last stage.

use std::sync::Arc;

use serde_json::json;

use super::desk::{Desk, image};

fn ends_in(desk: &mut Desk, version: &str, stage: Option<&str>) {
    let name = format!("checkout-{version}");
    let known = desk.snap.releases.iter_mut().find(|r| r.metadata.name.as_deref() == Some(&name)).expect("a release");
    Arc::make_mut(known).spec.last_stage = stage.map(str::to_owned);
}

#[test]
fn it_is_delivered_there_and_goes_no_further_until_it_may() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    ends_in(&mut desk, "1.8.0", Some("staging"));
    desk.run().pass(61).run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    let status = desk.known("1.8.0").status.as_ref().expect("a status");
    let stages: Vec<&str> = status.stages.iter().map(|s| s.environment.as_str()).collect();
    assert_eq!((stages, status.waiting_for.as_deref()), (vec!["staging"], None), "it waits for nothing");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
    assert!(status.delivered_at.is_some());
    assert_eq!(desk.stage("production").available, None, "nothing is offered there");

    let promote = desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert_eq!(desk.answer(&promote), "Refused: checkout-1.8.0 ends in staging (spec.lastStage)");

    ends_in(&mut desk, "1.8.0", None);
    desk.run().pass(61).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
}

#[test]
fn it_keeps_no_other_from_going_on() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    desk.release("1.8.0", 1).run().pass(61).run().release("1.9.0", 2);
    ends_in(&mut desk, "1.9.0", Some("staging"));
    desk.run().pass(61).run();
    assert_eq!(desk.stage("production").available.as_deref(), Some("checkout-1.8.0"));
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run().pass(61).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.condition("1.9.0", "Delivered"), "True Delivered");
}

#[test]
fn a_stage_that_the_pipeline_has_not_is_named_and_nothing_starts() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    ends_in(&mut desk, "1.8.0", Some("stagign"));
    desk.run();
    assert_ne!(desk.image("staging", "checkout"), image("1.8.0"));
    assert_eq!(desk.condition("1.8.0", "Stalled"), "True InvalidLastStage");
    assert_eq!(desk.waiting_for("1.8.0"), "spec.lastStage: the pipeline has no stage stagign");
}

#[test]
fn stale_evidence_that_nobody_waits_for_is_not_won_again() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    desk.release("1.8.0", 1);
    ends_in(&mut desk, "1.8.0", Some("staging"));
    desk.run().report("api", "Passed").run().pass(61).run();
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    assert_eq!(desk.snap.test_runs.len(), 1);
}
