//! Evidence that goes stale: the template changed where it was won, so its suites run again before the next stage.

use serde_json::json;

use super::desk::{Desk, image};
use crate::api::Outcome;

/// Staging asks CI, production a person.
fn desk() -> Desk {
    Desk::adopted(|spec| {
        spec["stages"][0]["tests"] = json!([{"suite": "contract", "external": {}}]);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
}

/// 1.8.0 is proven in staging, and its bake there is over.
fn proven() -> Desk {
    let mut desk = desk();
    desk.release("1.8.0", 1).run().report("contract", "Passed").run().pass(61).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered");
    desk
}

fn promote(desk: &mut Desk) {
    desk.pass(1).decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0", "reason": "go"}));
    desk.run();
}

#[test]
fn the_suites_run_again_by_themselves_and_then_it_may_go_on() {
    let mut desk = proven();
    desk.pass(5).change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    assert_eq!((desk.snap.test_runs.len(), desk.phase("1.8.0", "staging").as_str()), (2, "Verifying"));
    promote(&mut desk);
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"), "its evidence is stale");
    desk.report("contract", "Passed").run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.writes(), 2, "no image was written anew in staging");
}

#[test]
fn they_run_again_at_any_time_since_nothing_is_exposed() {
    let mut desk = proven();
    let closed = json!([{"deny": "0 * * * *", "for": "2h"}]);
    desk.rules("staging", |rules| rules.windows = serde_json::from_value(closed).expect("windows"));
    desk.pass(5).change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    assert_eq!((desk.snap.test_runs.len(), desk.phase("1.8.0", "staging").as_str()), (2, "Verifying"));
}

#[test]
fn what_fails_under_the_new_template_goes_no_further() {
    let mut desk = proven();
    desk.pass(5).change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    desk.snap.test_runs.remove(0);
    desk.report("contract", "Failed").run();
    assert_eq!((desk.bans(), desk.phase("1.8.0", "staging").as_str()), (1, "Reverted Failed"));
    promote(&mut desk);
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn what_gives_no_verdict_leaves_a_build_to_go_back_to() {
    let mut desk = proven();
    desk.pass(5).change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    desk.snap.test_runs.remove(0);
    desk.report("contract", "Errored").run().pass(3600).run();
    assert_eq!(desk.stage("staging").history.last().map(|e| e.outcome), Some(Outcome::Unverified));
    desk.pass(7200).run();
    assert_eq!(desk.snap.test_runs.len(), 1, "it is for a person to try again");
    desk.release("1.9.0", 2).until_written("staging", "1.9.0").crash("staging", "checkout").run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
}

#[test]
fn what_comes_to_nothing_is_tried_once_for_each_change() {
    let mut desk = proven();
    desk.pass(5).change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    desk.pass(1).decide("Abort", json!({"environment": "staging", "reason": "not now"}));
    desk.run().pass(61).run();
    assert_eq!((desk.snap.test_runs.len(), desk.phase("1.8.0", "staging").as_str()), (2, "Delivered"));
    desk.pass(5).change("staging", "checkout", |w| w.fingerprint = "f2".into()).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Verifying");
}

#[test]
fn a_template_that_changes_while_the_suites_run_makes_them_run_again() {
    let mut desk = desk();
    desk.release("1.8.0", 1).run();
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    desk.report("contract", "Passed").run().pass(61).run();
    assert_eq!((desk.snap.test_runs.len(), desk.phase("1.8.0", "staging").as_str()), (2, "Verifying"));
}

#[test]
fn a_build_that_runs_there_no_more_waits_for_a_person() {
    let mut desk = proven();
    desk.release("1.9.0", 2).run().report("contract", "Passed").run().pass(61).run();
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    promote(&mut desk);
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    let why = desk.known("1.8.0").status.as_ref().and_then(|s| s.stages.get(1)).map(|s| s.message.clone());
    assert_eq!(why.as_deref(), Some("its evidence in staging is stale: the pod template changed there since"));
}

#[test]
fn what_is_delivered_everywhere_is_not_tested_again() {
    let mut desk = proven();
    promote(&mut desk);
    desk.pass(61).run();
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    assert_eq!(desk.snap.test_runs.len(), 1);
}

#[test]
fn a_workload_that_is_made_again_as_it_was_leaves_the_evidence() {
    let mut desk = proven();
    desk.change("staging", "checkout", |w| w.uid = "made-again".into()).run();
    promote(&mut desk);
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}
