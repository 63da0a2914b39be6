//! How long a build runs in the stage before, proven there and without a break, before it may go on.

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::environment::Policy;
use crate::api::release::GateStatus;
use crate::api::{Span, Time};
use crate::plan::plan;

fn soaked(spec: &mut Value) {
    spec["stages"][1]["promotion"] = json!({"soak": "10m"});
}

/// 1.8.0 is proven in staging; gives when that was.
fn proven(change: impl FnOnce(&mut Value)) -> (Desk, Time) {
    let mut desk = Desk::adopted(change);
    desk.release("1.8.0", 1).run();
    let since = desk.now;
    (desk, since)
}

fn allow(desk: &mut Desk, min_soak: Span) {
    desk.rules("production", |rules| rules.policy = Some(Policy { min_soak: Some(min_soak), ..Policy::default() }));
}

/// How the gate stands for a release in production.
fn gate(desk: &Desk, version: &str) -> GateStatus {
    desk.gate(version, "production", "soak")
}

#[test]
fn a_build_goes_on_when_it_has_soaked_and_not_before() {
    let (mut desk, since) = proven(soaked);
    let until = since.plus(Span::seconds(600));
    assert_eq!(desk.waiting_for("1.8.0"), format!("its soak in staging until {until}: 10m (promotion.soak)"));
    desk.pass(599).run();
    assert!(!desk.is_in("1.8.0"));
    assert_eq!(plan(&desk.snap, desk.now).wake_at, Some(until), "nothing else would wake it");
    desk.pass(1).run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn the_longer_of_policy_and_pipeline_counts_and_is_named() {
    let (mut desk, since) = proven(soaked);
    assert_eq!((gate(&desk, "1.8.0").source.as_str(), gate(&desk, "1.8.0").state.as_str()), ("pipeline", "Closed"));
    allow(&mut desk, Span::seconds(60));
    desk.run();
    assert_eq!(gate(&desk, "1.8.0").source, "pipeline", "the pipeline asks for more");
    allow(&mut desk, Span::seconds(1200));
    desk.pass(600).run();
    assert!(!desk.is_in("1.8.0"), "a pipeline loosens nothing");
    let closed = gate(&desk, "1.8.0");
    assert_eq!((closed.source.as_str(), closed.state.as_str()), ("policy", "Closed"));
    assert!(closed.reason.ends_with("20m (policy.minSoak)"), "{}", closed.reason);
    assert!(closed.change.starts_with(&since.plus(Span::seconds(1200)).to_string()), "{}", closed.change);
    desk.pass(600).run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn a_break_starts_it_anew_and_the_longest_counts() {
    let (mut desk, _) = proven(soaked);
    desk.pass(120).run().release("1.9.0", 2);
    desk.until_written("staging", "1.9.0");
    assert!(gate(&desk, "1.8.0").reason.contains("2m of 10m"), "{}", gate(&desk, "1.8.0").reason);
    desk.pass(600).run();
    assert!(!desk.is_in("1.8.0"), "something else ran there");

    // back in staging its time starts anew
    let (mut desk, _) = proven(soaked);
    desk.pass(120).run().release("1.9.0", 2);
    desk.until_written("staging", "1.9.0");
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    desk.pass(599).run();
    assert!(!desk.is_in("1.8.0"));
    desk.pass(1).run();
    assert!(desk.is_in("1.8.0"));

    // what has soaked may go on although something else runs there now
    let (mut desk, _) = proven(|spec| {
        soaked(spec);
        spec["stages"][1]["promotion"]["mode"] = json!("Manual");
    });
    desk.pass(600).run().release("1.9.0", 2);
    desk.until_written("staging", "1.9.0");
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn under_another_template_it_soaks_anew() {
    let (mut desk, _) = proven(soaked);
    desk.pass(61).run().pass(239).change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    desk.pass(599).run();
    assert!(!desk.is_in("1.8.0"));
    desk.pass(1).run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn images_that_someone_set_are_a_break() {
    let (mut desk, _) = proven(soaked);
    desk.pass(61).run();
    desk.change("staging", "checkout", |w| drop(w.images.insert("app".into(), "elsewhere.example/x:1".into()))).run();
    desk.pass(600).run();
    assert!(!desk.is_in("1.8.0"));
    assert!(gate(&desk, "1.8.0").reason.contains("it has not soaked in staging"), "{}", gate(&desk, "1.8.0").reason);
}

#[test]
fn a_first_stage_has_nothing_to_soak_in() {
    let mut desk = Desk::adopted(|spec| drop(spec["stages"].as_array_mut().expect("stages").remove(0)));
    allow(&mut desk, Span::seconds(60));
    desk.release("1.8.0", 1).run().pass(61).run();
    assert!(!desk.is_in("1.8.0"));
    assert!(desk.waiting_for("1.8.0").contains("policy.minSoak asks for 1m"), "{}", desk.waiting_for("1.8.0"));
}

#[test]
fn what_a_revert_could_not_bring_back_does_not_soak() {
    let (mut desk, _) = proven(soaked);
    desk.pass(120).run().release("1.9.0", 2);
    desk.until_written("staging", "1.9.0");
    desk.writes_lost = true;
    desk.crash("staging", "checkout").run().pass(601).run().pass(601).run();
    assert_eq!(desk.stage("staging").alert.as_ref().expect("an alert").reason, "RevertFailed");
    desk.pass(6000).run();
    assert!(!desk.is_in("1.8.0"), "{:?}", desk.stage("staging").proofs);
}

#[test]
fn what_is_seen_to_be_gone_does_not_soak() {
    let (mut desk, _) = proven(soaked);
    desk.pass(61).run();
    let away = desk.place("staging").workloads.remove("Deployment/checkout").expect("a workload");
    // the operator was away for as long
    desk.pass(600).run();
    assert!(!desk.is_in("1.8.0"));
    desk.place("staging").workloads.insert("Deployment/checkout".into(), away);
    desk.run().pass(599).run();
    assert!(!desk.is_in("1.8.0"));
    desk.pass(1).run();
    assert!(desk.is_in("1.8.0"));
}
