//! Ends of a canary that came about in odd ways: the clone always goes, and what is recorded is what runs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::clones::{size, steps};
use super::desk::{Desk, image};
use super::routing::{by_shares, canary};
use crate::observe::{Access, Claim, TroubleKind};

const OLD: &str = "elsewhere.example/old:1";

/// 1.8.0 is on its way home, which cannot be finished.
fn homing(change: impl FnOnce(&mut Value)) -> Desk {
    let mut desk = Desk::stepping(change);
    desk.pass(60).run().pass(60).run().report("smoke", "Passed").run().pass(60);
    desk.until_written("production", "1.8.0").trouble("production", "checkout", TroubleKind::Pull).run().pass(61).run();
    assert_eq!(desk.pipeline_condition("Stalled"), "True HomecomingFailed");
    desk
}

/// What ran before is no target any more.
fn without_target(desk: &mut Desk) {
    let status = Arc::make_mut(&mut desk.snap.pipeline).status.as_mut().unwrap();
    let stage = status.stages.iter_mut().find(|stage| stage.environment == "production").unwrap();
    stage.current.as_mut().unwrap().healthy = false;
    stage.previous.clear();
    if let Some(rollout) = &mut stage.rollout {
        rollout.target = None;
    }
}

#[test]
fn exposure_falls_though_another_pipeline_has_claimed_the_workload() {
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| w.claim = Claim::Other("shop/other".into())).go(31);
    assert!(desk.stage("production").adopted.is_none());
    assert_eq!(desk.exposed("production"), None);

    let mut desk = Desk::behind_route(by_shares(&[25]));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1).go(10);
    assert_eq!(desk.weight("production"), Some(25));
    desk.change("production", "checkout", |w| w.claim = Claim::Other("shop/other".into())).go(31);
    assert_eq!((desk.weight("production"), desk.exposed("production")), (Some(0), None));
}

#[test]
fn a_workload_that_nobody_wants_a_pod_of_keeps_no_clone() {
    let zero = |desk: &mut Desk| {
        desk.change("production", "checkout", |w| size(w, 0)).endpoints();
    };
    let mut desk = Desk::stepping(|_| {});
    desk.decide("Abort", json!({"environment": "production"}));
    zero(&mut desk);
    desk.run();
    assert_eq!(desk.exposed("production"), None);

    let mut desk = Desk::behind_route(by_shares(&[25]));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1).go(10);
    desk.decide("Abort", json!({"environment": "production"}));
    zero(&mut desk);
    desk.go(31);
    assert_eq!((desk.weight("production"), desk.exposed("production")), (Some(0), None));
}

#[test]
fn what_was_kept_beside_a_clone_is_not_its_build() {
    let mut desk = Desk::stepping(|_| {});
    desk.change("production", "checkout", |w| {
        w.uid = "made-again".into();
        w.images.insert("app".into(), "elsewhere.example/base:1".into());
    });
    desk.run();
    assert_eq!(desk.image("production", "checkout"), OLD, "put back");
    without_target(&mut desk);
    desk.crash_clone("production", TroubleKind::CrashLoop).run();
    let current = desk.stage("production").current.as_ref().unwrap();
    assert_eq!((current.release.as_str(), desk.exposed("production")), ("", None), "{:?}", desk.history("production"));
}

#[test]
fn a_suite_that_fails_later_on_the_way_home_takes_it_back() {
    let mut desk =
        homing(|spec| spec["stages"][1]["tests"] = json!([{"suite": "smoke", "external": {}, "timeout": "5m"}]));
    desk.report("smoke", "Failed").run().heal("production", "checkout").run();
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Failed");
    assert_eq!((desk.bans(), desk.image("production", "checkout").as_str()), (1, OLD));
}

#[test]
fn a_homecoming_that_was_aborted_is_told_no_more() {
    let mut desk = homing(|_| {});
    desk.decide("Abort", json!({"environment": "production"}));
    desk.run().heal("production", "checkout").run();
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted Aborted");
    assert_eq!(desk.stage("production").alert, None);
}

#[test]
fn a_deleted_release_whose_evidence_is_gone_goes_back() {
    let mut desk = Desk::stepping(|spec| {
        spec["stages"][1]["bake"] = json!("1h");
        spec["stages"][0]["bake"] = json!("2h");
    });
    desk.pass(60).run().pass(60).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    desk.decide("Abort", json!({"environment": "staging"}));
    Arc::make_mut(&mut desk.snap.releases[0]).metadata.deletion_timestamp = Some(desk.now.into());
    desk.run();
    assert_eq!(desk.history("production").last().unwrap(), "checkout-1.8.0 Reverted EvidenceWithdrawn");
}

#[test]
fn interruptions_with_nothing_to_go_back_to_are_held_too() {
    let mut desk = Desk::stepping(|_| {});
    for nth in 0..4 {
        without_target(&mut desk);
        desk.change("production", "checkout", |w| w.fingerprint = format!("f{}", nth + 1)).run();
    }
    let held = desk.stage("production").held.as_ref().expect("a hold");
    assert_eq!(held.kind, crate::api::checkpoint::HoldKind::Interrupted);
}

#[test]
fn evidence_of_a_stage_whose_canary_was_interrupted_is_stale() {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][0]["strategy"] = canary(&[25]);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.change("staging", "checkout", |w| size(w, 4)).release("1.8.0", 1);
    for _ in 0..6 {
        desk.run().pass(61);
    }
    desk.release("1.9.0", 2);
    desk.until(|desk| desk.exposed("staging") == Some((image("1.9.0"), 1))).run();
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    let proof = desk.stage("staging").proofs.iter().find(|proof| proof.release == "checkout-1.8.0").expect("a proof");
    assert!(proof.stale.is_some());
}

#[test]
fn a_revert_past_what_runs_beside_the_clone_leaves_that_too() {
    let mut desk = Desk::adopted(steps);
    for (version, minute) in [("1.7.0", 1), ("1.8.0", 2)] {
        desk.release(version, minute);
        for _ in 0..8 {
            desk.run().pass(61);
        }
        assert_eq!(desk.phase(version, "production"), "Delivered");
    }
    desk.release("1.9.0", 3).until(|desk| desk.exposed("production").is_some()).run();
    desk.decide("Revert", json!({"environment": "production", "to": "checkout-1.7.0"}));
    desk.run();
    let proof = |version: &str| {
        let mut all = desk.stage("production").proofs.iter();
        all.find(|proof| proof.release == format!("checkout-{version}")).expect("a proof").void.is_some()
    };
    assert!(proof("1.8.0") && !proof("1.7.0"));
}

#[test]
fn a_bake_ends_in_sight() {
    let mut desk = Desk::stepping(|_| {});
    desk.pass(60).run().pass(60).run();
    let namespace = "shop-production".to_owned();
    desk.place("production").access = Access::NoConsent { namespace: namespace.clone() };
    desk.pass(3600).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    desk.place("production").access = Access::Granted { namespace };
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn a_release_that_comes_while_a_re_created_workload_waits_for_its_build_takes_its_steps() {
    let mut desk = Desk::stepping(steps);
    desk.run().pass(61).run().pass(61).run().pass(61).run();
    assert_eq!((desk.image("production", "checkout"), desk.exposed("production")), (image("1.8.0"), None));
    // re-created as git has it, and a release made, while the operator is away
    desk.release("1.9.0", 2).until_written("staging", "1.9.0");
    desk.change("production", "checkout", |w| {
        (w.uid, w.attempt) = ("another".into(), None);
        w.images.insert("app".into(), OLD.into());
    });
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "it has its build back");
    let (_, pods) = desk.exposed("production").expect("a clone beside it");
    assert_eq!(pods, 1, "the first step");
}

#[test]
fn after_a_lost_status_no_attempt_has_the_stamp_of_one_before() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    let bears = |desk: &Desk| desk.snap.places["staging"].workloads["Deployment/checkout"].attempt.clone().unwrap();
    let before = bears(&desk);
    Arc::make_mut(&mut desk.snap.pipeline).status = None;
    desk.release("1.9.0", 2).run();
    let attempts: Vec<String> = desk.stage("staging").history.iter().map(|entry| entry.attempt.clone()).collect();
    assert_ne!(bears(&desk), before, "it would be taken for written: {attempts:?}");
}
