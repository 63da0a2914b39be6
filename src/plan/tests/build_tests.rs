//! Suites about the build itself: asked for where releases begin, binding everywhere.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use super::evidence::said;
use crate::api::RunPhase;
use crate::plan::Action;

fn tested(spec: &mut Value) {
    spec["tests"] =
        json!([{"suite": "unit", "external": {}}, {"suite": "scan", "external": {}, "minimumCoverage": 80}]);
}

fn runs(desk: &Desk) -> Vec<String> {
    desk.snap.test_runs.iter().filter_map(|run| run.metadata.name.clone()).collect()
}

/// A release whose suites have passed, on its way.
fn passed() -> Desk {
    let mut desk = Desk::adopted(tested);
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed"}));
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    desk
}

#[test]
fn nothing_is_exposed_before_all_have_passed() {
    let mut desk = Desk::adopted(tested);
    desk.release("1.8.0", 1).run();
    let names = runs(&desk);
    let stamp = names[0].strip_prefix("checkout-1.8.0.build.unit.").expect("the name of a run");
    assert_eq!(names[1], format!("checkout-1.8.0.build.scan.{stamp}"));
    assert_eq!(said(&desk).phase, Some(RunPhase::Running));
    assert_eq!(desk.waiting_for("1.8.0"), "tests of the build: unit, scan");
    let gate = desk.gate("1.8.0", "staging", "buildTests");
    assert_eq!(gate.change, format!("its result in the TestRun {}", names[0]));
    desk.says("unit", json!({"phase": "Passed"}));
    assert_eq!(desk.waiting_for("1.8.0"), "tests of the build: scan");
    assert!(desk.known("1.8.0").status.as_ref().is_some_and(|s| s.tests.as_deref() == Some("1/2")));
    desk.says("scan", json!({"phase": "Errored", "message": "out of memory"}));
    assert_eq!(desk.waiting_for("1.8.0"), "suite scan gave no verdict for this build: out of memory");
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    let told: Vec<_> =
        desk.known("1.8.0").status.iter().flat_map(|s| &s.build_tests).map(|t| t.suite.as_str()).collect();
    assert_eq!(told, ["scan", "unit"]);
    assert_eq!(runs(&desk).len(), 2, "of each there is one");
}

#[test]
fn one_that_fails_keeps_the_build_out_and_says_so() {
    let mut desk = Desk::adopted(tested);
    desk.release("1.8.0", 1).run();
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    let writes = desk.writes();
    desk.says("unit", json!({"phase": "Failed", "message": "3 of 40 failed"}));
    desk.finish();
    let why = "suite unit failed for this build: 3 of 40 failed";
    assert_eq!((desk.writes(), desk.bans()), (writes, 0));
    assert_eq!(desk.waiting_for("1.8.0"), why);
    assert_eq!(desk.condition("1.8.0", "Stalled"), "True BuildTestFailed");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "False BuildTestFailed");
    desk.release("1.8.1", 2).run();
    assert_eq!(desk.condition("1.8.0", "Stalled"), "False BuildTestFailed", "a newer one is there");
}

#[test]
fn a_pass_that_covers_too_little_is_none() {
    let mut desk = Desk::adopted(tested);
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed"}));
    desk.says("scan", json!({"phase": "Passed"}));
    let why = "it passed and reports no coverage, which must be at least 80 % (minimumCoverage)";
    assert_eq!(desk.waiting_for("1.8.0"), format!("suite scan gave no verdict for this build: {why}"));
    desk.says("scan", json!({"phase": "Passed", "coverage": 41}));
    let run = desk.snap.test_runs.iter().find(|run| run.spec.suite == "scan").and_then(|run| run.status.clone());
    assert_eq!(run.and_then(|status| status.phase), Some(RunPhase::Failed), "the run says so itself");
    assert!(desk.waiting_for("1.8.0").starts_with("suite scan failed for this build: coverage is 41 %"));
}

#[test]
fn a_failure_in_mid_rollout_takes_it_back_without_a_ban() {
    let mut desk = passed();
    desk.until_written("production", "1.8.0");
    desk.says("unit", json!({"phase": "Failed"}));
    desk.finish();
    for environment in ["staging", "production"] {
        assert_ne!(desk.image(environment, "checkout"), image("1.8.0"));
        assert_eq!(
            desk.history(environment).last().map(String::as_str),
            Some("checkout-1.8.0 Reverted EvidenceWithdrawn")
        );
    }
    assert_eq!(desk.bans(), 0);
    let retry = desk.decide("Retry", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert_eq!(desk.answer(&retry), "Pending: stands; waits: suite unit failed for this build");
}

#[test]
fn a_failure_after_all_has_settled_is_told_and_takes_nothing_back() {
    let mut desk = passed();
    desk.finish();
    let writes = desk.writes();
    desk.says("unit", json!({"phase": "Failed"}));
    desk.finish();
    assert_eq!((desk.writes(), desk.condition("1.8.0", "Stalled")), (writes, "True BuildTestFailed".into()));
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
}

#[test]
fn what_is_asked_for_is_frozen_in_the_run() {
    let mut desk = passed();
    desk.finish();
    let writes = desk.writes();
    Arc::make_mut(&mut desk.snap.pipeline).spec.tests =
        serde_json::from_value(json!([{"suite": "scan", "external": {}, "minimumCoverage": 98}])).expect("suites");
    desk.finish();
    assert_eq!((desk.writes(), desk.condition("1.8.0", "Stalled")), (writes, "False Delivered".into()));
    desk.release("1.9.0", 2).run();
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    assert!(desk.waiting_for("1.9.0").contains("must be at least 98 %"), "{}", desk.waiting_for("1.9.0"));
}

#[test]
fn a_failure_stays_when_its_run_is_deleted() {
    let mut desk = Desk::adopted(|spec| {
        tested(spec);
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed"}));
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    desk.finish();
    desk.says("unit", json!({"phase": "Failed", "message": "a flake it was not"}));
    desk.snap.test_runs.clear();
    let promote = desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.finish();
    let why = "suite unit failed for this build: a flake it was not";
    assert_eq!(desk.answer(&promote), format!("Pending: stands; waits: {why}"));
    assert_eq!(desk.known("1.8.0").status.as_ref().map(|status| status.build_tests.len()), Some(2), "the record stays");
}

#[test]
fn a_failure_stays_where_releases_begin_too() {
    let mut desk = Desk::adopted(tested);
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Failed"}));
    for _ in 0..3 {
        desk.snap.test_runs.clear();
        desk.pass(60).run();
        assert_eq!(desk.waiting_for("1.8.0"), "suite unit failed for this build");
    }
    assert_eq!(runs(&desk).len(), 0, "nobody is asked again");
}

#[test]
fn what_an_owner_asks_for_later_is_made_for_what_is_on_its_way() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    desk.release("1.8.0", 1).finish();
    desk.rules("production", |spec| spec.policy.get_or_insert_default().required_suites = vec!["scan".into()]);
    Arc::make_mut(&mut desk.snap.pipeline).spec.tests =
        serde_json::from_value(json!([{"suite": "scan", "external": {}}])).expect("suites");
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"));
    desk.says("scan", json!({"phase": "Passed"}));
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn what_is_found_bad_is_not_gone_back_to() {
    let mut desk = passed();
    desk.finish();
    let bad = desk.snap.test_runs.clone();
    desk.release("1.9.0", 2).run();
    desk.says("unit", json!({"phase": "Passed"}));
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    desk.finish();
    for mut run in bad {
        Arc::make_mut(&mut run).status = serde_json::from_value(json!({"phase": "Failed"})).ok();
        desk.snap.test_runs.retain(|other| other.metadata.name != run.metadata.name);
        desk.snap.test_runs.push(run);
    }
    let named = desk.decide("Revert", json!({"environment": "production", "to": "checkout-1.8.0"}));
    desk.run();
    assert_eq!(desk.answer(&named), "Refused: spec.to: checkout-1.8.0: suite unit failed for this build");
    desk.decide("Revert", json!({"environment": "production"}));
    desk.run();
    assert_ne!(desk.image("production", "checkout"), image("1.8.0"), "past it");
}

#[test]
fn a_release_tells_no_more_suites_than_it_may() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    for round in ["a", "b", "c"] {
        let suites = (0..9).map(|n| json!({"suite": format!("{round}-{n}"), "external": {}}));
        Arc::make_mut(&mut desk.snap.pipeline).spec.tests = serde_json::from_value(suites.collect()).expect("suites");
        desk.run();
    }
    let told: Vec<_> =
        desk.known("1.8.0").status.iter().flat_map(|s| &s.build_tests).map(|t| t.suite.clone()).collect();
    assert_eq!(told.len(), 20);
    assert!((0..9).all(|n| told.contains(&format!("c-{n}"))), "{told:?}");
}

#[test]
fn a_run_of_another_build_of_that_name_says_nothing() {
    let mut desk = passed();
    desk.finish();
    let theirs = desk.snap.test_runs.clone();
    desk.release("1.8.1", 2);
    for mut run in theirs {
        let its = Arc::make_mut(&mut run);
        its.metadata.name = Some(format!("forged.{}", its.spec.suite));
        its.spec.release = "checkout-1.8.1".into();
        its.spec.release_uid = "checkout-1.8.1-uid".into();
        desk.snap.test_runs.push(run);
    }
    desk.run();
    assert_eq!(desk.waiting_for("1.8.1"), "tests of the build: unit, scan");
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
}

#[test]
fn releases_that_may_not_enter_are_not_asked_about() {
    let mut desk = passed();
    desk.finish();
    desk.release("1.7.0", 0).run();
    assert_eq!(runs(&desk).len(), 2);
    desk.decide("Promote", json!({"environment": "staging", "release": "checkout-1.7.0"}));
    desk.run();
    assert_eq!(runs(&desk).len(), 4, "until someone asks for it");
}

#[test]
fn what_is_delivered_already_is_not_asked_again() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    Arc::make_mut(&mut desk.snap.pipeline).spec.tests =
        serde_json::from_value(json!([{"suite": "unit", "external": {}}])).expect("suites");
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    assert_eq!(runs(&desk).len(), 0);
}

#[test]
fn they_count_for_what_the_owner_of_an_environment_asks() {
    let mut desk = Desk::adopted(tested);
    desk.rules("production", |spec| {
        spec.policy.get_or_insert_default().required_suites = vec!["unit".into()];
    });
    desk.release("1.8.0", 1).run();
    desk.says("unit", json!({"phase": "Passed"}));
    desk.says("scan", json!({"phase": "Passed", "coverage": 91}));
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}

#[test]
fn what_raises_exposure_has_them_to_confirm() {
    let desk = passed();
    let confirmed = desk.done.iter().find_map(|action| match action {
        Action::SetImages(set) => Some(set.confirm.iter().map(|c| c.name.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    let confirmed = confirmed.expect("images were written");
    assert!(runs(&desk).iter().all(|name| confirmed.contains(name)), "{confirmed:?}");
}

#[test]
fn a_head_whose_build_is_bad_has_failed() {
    let mut desk = Desk::adopted(tested);
    let head = json!({"version": "1.8.0", "images": [{"name": "app", "ref": image("1.8.0")}]});
    Arc::make_mut(&mut desk.snap.pipeline).spec.release = serde_json::from_value(head).expect("a head");
    desk.pass(60).run();
    desk.says("unit", json!({"phase": "Failed"}));
    assert_eq!(desk.pipeline_condition("Stalled"), "True HeadFailed");
    assert_eq!(desk.pipeline_condition("Delivered"), "False HeadFailed");
}
