//! The git head (walk 4): forward, back, forward again, reused, bounded.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::pipeline::Head;

fn head(version: &str) -> Value {
    json!({"version": version, "images": [{"name": "app", "ref": image(version)}]})
}

fn set(desk: &mut Desk, value: Value) {
    let head: Head = serde_json::from_value(value).expect("a head");
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.release = Some(head);
    pipeline.metadata.generation = pipeline.metadata.generation.map(|g| g + 1);
    desk.pass(60).run();
}

#[test]
fn a_head_is_delivered_and_its_release_named() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    assert_eq!(desk.pipeline_condition("Delivered"), "True Delivered");
    set(&mut desk, head("1.8.0_RC"));
    let names: Vec<_> = desk.snap.releases.iter().filter_map(|r| r.metadata.name.clone()).collect();
    assert!(
        names.iter().any(|n| n.len() == "checkout-".len() + 10 && *n != "checkout-1.8.0"),
        "no legal name: {names:?}"
    );
}

#[test]
fn forward_back_and_forward_again() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    set(&mut desk, head("1.8.1"));
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.1"));
    set(&mut desk, head("1.8.0"));
    for environment in ["staging", "production"] {
        assert_eq!(desk.image(environment, "checkout"), image("1.8.0"), "{environment}: at once");
        assert_eq!(desk.history(environment).last().map(String::as_str), Some("checkout-1.8.1 Reverted HeadMovedBack"));
        assert!(desk.stage(environment).held.is_none());
    }
    assert_eq!(desk.bans(), 0);
    assert!(desk.stage("staging").proofs.iter().filter(|p| p.release == "checkout-1.8.1").all(|p| p.void.is_some()));
    assert_eq!(desk.pipeline_condition("Delivered"), "True Delivered");
    set(&mut desk, head("1.8.1"));
    desk.finish();
    assert_eq!(desk.phase("1.8.1", "production"), "Delivered", "exempt from the mark, a new attempt");
    let attempts = desk.stage("staging").history.iter().filter(|e| e.release == "checkout-1.8.1").count();
    assert_eq!(attempts, 3, "{:?}", desk.history("staging"));
}

#[test]
fn a_head_set_back_aborts_an_open_rollout_above_it() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.release = serde_json::from_value(head("1.8.1")).expect("a head");
    desk.until_written("staging", "1.8.1");
    desk.change("staging", "checkout", |w| w.available = 1).run();
    set(&mut desk, head("1.8.0"));
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    desk.change("staging", "checkout", |w| w.available = 2).run();
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.1 Reverted HeadMovedBack"));
}

#[test]
fn later_releases_are_no_candidates_above_the_head() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    desk.release("1.9.0", 606).run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    assert_eq!(desk.waiting_for("1.9.0"), "the head is 1.8.0");
    let promote = desk.decide("Promote", json!({"environment": "staging", "release": "checkout-1.9.0"}));
    desk.run();
    assert_eq!(desk.answer(&promote), "Refused: the head is 1.8.0; change spec.release");
}

#[test]
fn a_version_stands_for_one_build() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    let writes = desk.writes();
    set(&mut desk, json!({"version": "1.8.0", "images": [{"name": "app", "ref": image("other")}]}));
    desk.finish();
    assert_eq!((desk.pipeline_condition("Stalled"), desk.writes()), ("True VersionReused".into(), writes));
    set(&mut desk, json!({"version": "1.8.2", "images": [{"name": "app", "ref": "elsewhere.example/app:1"}]}));
    assert_eq!(desk.pipeline_condition("Stalled"), "True HeadInvalid");
}

#[test]
fn a_head_that_was_taken_back_stalls_the_pipeline_until_the_next() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.release = serde_json::from_value(head("1.9.0")).ok();
    desk.until_written("production", "1.9.0").crash("production", "checkout").run();
    desk.heal("production", "checkout").finish();
    assert_eq!(desk.pipeline_condition("Stalled"), "True HeadFailed");
    assert_eq!(desk.pipeline_condition("Delivered"), "False HeadFailed");
    assert_eq!(desk.condition("1.9.0", "Stalled"), "True Reverted", "though later releases lie above the head");
    desk.release("2.0.0", 606).run();
    assert_eq!(desk.condition("1.9.0", "Stalled"), "True Reverted");
    set(&mut desk, head("1.9.1"));
    desk.finish();
    assert_eq!(desk.pipeline_condition("Stalled"), "False Ready");
    assert_eq!(desk.pipeline_condition("Delivered"), "True Delivered");
}

#[test]
fn a_withdrawn_head_says_by_whom() {
    let mut desk = Desk::adopted(|_| {});
    set(&mut desk, head("1.8.0"));
    desk.finish();
    desk.decide("Withdraw", json!({"release": "checkout-1.8.0", "reason": "bad"}));
    desk.finish();
    assert_eq!(desk.pipeline_condition("Delivered"), "False HeadFailed");
}

#[test]
fn a_release_that_cannot_be_made_is_said() {
    let mut desk = Desk::adopted(|_| {});
    desk.snap.no_release = Some("Release shop/checkout-1.8.0 exists with a different pipeline".into());
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.release = serde_json::from_value(head("1.8.0")).ok();
    desk.step();
    assert_eq!(desk.pipeline_condition("Stalled"), "True HeadRefused");
}
