//! Gates and references (walks 2, 3, 15, 16): what may enter, in which order, and what says why not.

use std::sync::Arc;

use serde_json::json;

use super::desk::{Desk, image};
use crate::api::environment::Policy;
use crate::observe::{Access, Claim, Rolls};

#[test]
fn the_newest_enters_and_the_others_are_superseded() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).release("1.8.1", 2).release("1.8.2", 3).finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.2"));
    for version in ["1.8.0", "1.8.1"] {
        assert_eq!(desk.phase(version, "staging"), "Superseded");
        assert_eq!(desk.condition(version, "Ready"), "True Superseded");
        assert_eq!(desk.condition(version, "Delivered"), "False Superseded");
    }
}

#[test]
fn a_newer_release_waits_for_an_open_rollout_and_ends_a_bake() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    desk.until_written("staging", "1.8.0");
    desk.change("staging", "checkout", |w| w.available = 1).release("1.8.1", 2).run();
    assert_eq!(desk.waiting_for("1.8.1"), "1.8.0 to finish in staging");
    desk.change("staging", "checkout", |w| w.available = 2).run();
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Superseded"]);
    assert_eq!(desk.phase("1.8.1", "staging"), "Delivered Baking");
    desk.finish();
    assert_eq!(desk.phase("1.8.1", "production"), "Delivered");
}

#[test]
fn a_recreated_release_delivers_nothing() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.7.0", 1).finish();
    desk.release("1.8.0", 2).finish();
    let writes = desk.writes();
    for version in ["1.7.0", "1.8.0"] {
        desk.pass(5).release(version, if version == "1.7.0" { 1 } else { 2 });
        let again = Arc::make_mut(desk.snap.releases.last_mut().expect("the release"));
        again.metadata.uid = Some(format!("{version}-second-uid"));
        desk.finish();
    }
    assert_eq!(desk.writes(), writes);
    assert_eq!(desk.phase("1.7.0", "production"), "Superseded");
    assert_eq!(
        (desk.phase("1.8.0", "production"), desk.condition("1.8.0", "Delivered")),
        ("Delivered".into(), "True Delivered".into())
    );
}

#[test]
fn bad_builds_are_said_with_the_field() {
    let cases = [
        (
            "elsewhere.example/app@sha256:1".to_owned(),
            "spec.build.images: app is from elsewhere.example/app, the pipeline takes it from r.example/shop/app",
        ),
        (format!("{}:1.0", super::desk::REPOSITORY), "an image is given by tag only, and staging does not allow tags"),
    ];
    for (image, said) in cases {
        let mut desk = Desk::adopted(|_| {});
        desk.release_of("1.8.0", 1, &image).finish();
        assert_eq!((desk.waiting_for("1.8.0"), desk.writes()), (said.to_owned(), 0));
    }
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 600 + 11).run();
    assert!(desk.waiting_for("1.8.0").starts_with("spec.build.createdAt:"), "{}", desk.waiting_for("1.8.0"));
    assert_eq!(desk.condition("1.8.0", "Stalled"), "True InvalidBuild");
}

#[test]
fn what_is_missing_is_waited_for_then_named_and_cleared_when_it_comes() {
    let mut desk = Desk::adopted(|_| {});
    let access = std::mem::replace(
        &mut desk.place("production").access,
        Access::NoConsent { namespace: "shop-production".into() },
    );
    desk.run();
    assert_eq!(desk.pipeline_condition("Stalled"), "False NoConsent", "for a minute it may be on its way");
    desk.pass(60).run();
    assert_eq!(desk.pipeline_condition("Stalled"), "True NoConsent");
    desk.release("1.8.0", 1).finish();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    desk.place("production").access = access;
    desk.finish();
    assert_eq!(
        (desk.pipeline_condition("Stalled"), desk.phase("1.8.0", "production")),
        ("False Ready".into(), "Delivered".into())
    );
}

#[test]
fn another_pipelines_workload_and_a_paused_one_are_left_alone() {
    let mut desk = Desk::adopted(|_| {});
    desk.change("staging", "checkout", |w| w.claim = Claim::Other("shop/web".into()));
    desk.release("1.8.0", 1).finish();
    assert_eq!((desk.pipeline_condition("Stalled"), desk.writes()), ("True WorkloadClaimed".into(), 0));
    desk.change("staging", "checkout", |w| {
        w.claim = Claim::None;
        w.rolls = Rolls::Paused;
    });
    desk.run();
    assert_eq!((desk.pipeline_condition("Stalled"), desk.writes()), ("True WorkloadPaused".into(), 0));
}

#[test]
fn an_environment_may_refuse_to_be_first_and_may_allow_tags() {
    let mut desk = Desk::adopted(|_| {});
    let policy = |require_upstream, allow_tags| Some(Policy { require_upstream, allow_tags, ..Policy::default() });
    desk.rules("staging", |rules| rules.policy = policy(true, false));
    desk.release("1.8.0", 1).finish();
    assert_eq!((desk.pipeline_condition("Stalled"), desk.writes()), ("True UpstreamRequired".into(), 0));
    assert_eq!(desk.gate("1.8.0", "staging", "evidence").source, "policy");
    assert_eq!(desk.gate("1.8.0", "production", "evidence").source, "pipeline");
    desk.rules("staging", |rules| rules.policy = policy(false, true));
    desk.release_of("1.9.0", 2, &format!("{}:1.9", super::desk::REPOSITORY)).finish();
    assert_eq!(desk.image("staging", "checkout"), format!("{}:1.9", super::desk::REPOSITORY));
    assert_ne!(
        desk.image("production", "checkout"),
        desk.image("staging", "checkout"),
        "production does not allow tags"
    );
}

#[test]
fn a_pause_says_whose_it_is() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    desk.release("1.8.0", 1).finish();
    assert_eq!(desk.gate("1.8.0", "production", "pause").source, "release");
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).spec.suspend = true;
    desk.pass(1).run();
    assert_eq!(desk.gate("1.8.0", "production", "pause").source, "pipeline");
}

#[test]
fn every_gate_says_since_when_and_what_would_change_it() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    desk.release("1.8.0", 1).finish();
    let gates =
        |desk: &Desk| desk.known("1.8.0").status.as_ref().map(|s| s.stages[1].gates.clone()).unwrap_or_default();
    let before = gates(&desk);
    desk.pass(500).run();
    assert_eq!(before, gates(&desk), "nothing changed, nor did the times");
    for gate in before.iter().filter(|g| g.state == "Closed") {
        assert!(!gate.reason.is_empty() && !gate.change.is_empty(), "{gate:?}");
    }
    assert_eq!(before.iter().filter(|g| g.state == "Closed").count(), 1);
}

#[test]
fn a_workload_that_was_recreated_gets_its_build_back() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    desk.change("production", "checkout", |w| {
        w.uid = "another".into();
        w.attempt = None;
        w.claim = Claim::None;
        w.images.insert("app".into(), "placeholder.invalid/none:0".into());
    });
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-1.8.0 Restored"));
    assert!(desk.stage("production").rollout.is_none());
}
