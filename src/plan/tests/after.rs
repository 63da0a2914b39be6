//! Stages that are after others than the one before: side by side, together again, or at the beginning.

use serde_json::{Value, json};

use super::desk::{Desk, image};

const OLD: &str = "elsewhere.example/old:1";

/// staging, then eu and us side by side, then world after both; eu and us have a suite of CI each.
fn diamond(spec: &mut Value) {
    let tests = json!([{"suite": "smoke", "external": {}, "timeout": "1h"}]);
    spec["stages"] = json!([
        {"environment": "staging", "bake": "1m"},
        {"environment": "eu", "bake": "1m", "tests": tests},
        {"environment": "us", "bake": "1m", "after": ["staging"], "tests": tests},
        {"environment": "world", "bake": "1m", "after": ["eu", "us"]},
    ]);
}

/// CI says so of the suite in that stage.
fn says(desk: &mut Desk, environment: &str, phase: &str) {
    let run = desk.snap.test_runs.iter_mut().find(|run| run.spec.environment == environment).expect("a TestRun");
    std::sync::Arc::make_mut(run).status = Some(serde_json::from_value(json!({"phase": phase})).expect("a status"));
    desk.run();
}

fn reason(desk: &Desk, environment: &str) -> String {
    desk.gate("1.8.0", environment, "evidence").reason
}

#[test]
fn what_is_side_by_side_starts_at_once_and_what_is_after_both_waits_for_both() {
    let mut desk = Desk::adopted(diamond);
    desk.release("1.8.0", 1).run();
    let runs = ["eu", "us", "world"].map(|name| desk.image(name, "checkout"));
    assert_eq!(runs, [image("1.8.0"), image("1.8.0"), OLD.to_owned()]);
    assert_eq!(reason(&desk, "world"), "not proven in eu yet");
    says(&mut desk, "eu", "Passed");
    assert_eq!(reason(&desk, "world"), "not proven in us yet");
    says(&mut desk, "us", "Passed");
    assert_eq!(desk.image("world", "checkout"), image("1.8.0"));
    desk.finish();
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
}

#[test]
fn what_fails_in_one_branch_stays_in_the_other_and_comes_no_further() {
    let mut desk = Desk::adopted(diamond);
    desk.release("1.8.0", 1).run();
    says(&mut desk, "eu", "Passed");
    says(&mut desk, "us", "Failed");
    desk.finish();
    let runs = ["eu", "us", "world"].map(|name| desk.image(name, "checkout"));
    assert_eq!(runs, [image("1.8.0"), OLD.to_owned(), OLD.to_owned()]);
    assert!(
        reason(&desk, "world").starts_with("its evidence in us does not count any more"),
        "{}",
        reason(&desk, "world")
    );
    assert_eq!(desk.bans(), 1);
}

#[test]
fn a_stage_that_is_after_none_asks_for_no_evidence() {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][0]["tests"] = json!([{"suite": "smoke", "external": {}, "timeout": "1h"}]);
        spec["stages"][1]["after"] = json!([]);
    });
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "staging's suite is none of its business");
}

#[test]
fn a_release_that_ends_in_one_branch_does_not_come_to_the_other() {
    let mut desk = Desk::adopted(diamond);
    desk.release("1.8.0", 1);
    std::sync::Arc::make_mut(&mut desk.snap.releases[0]).spec.last_stage = Some("eu".into());
    desk.run();
    let runs = ["eu", "us", "world"].map(|name| desk.image(name, "checkout"));
    assert_eq!(runs, [image("1.8.0"), OLD.to_owned(), OLD.to_owned()]);
    says(&mut desk, "eu", "Passed");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
}

#[test]
fn it_is_delivered_where_no_stage_is_after() {
    let mut desk = Desk::adopted(|spec| {
        diamond(spec);
        spec["stages"].as_array_mut().expect("stages").truncate(3);
    });
    desk.release("1.8.0", 1).run();
    says(&mut desk, "us", "Passed");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "Unknown UnderWay");
    says(&mut desk, "eu", "Passed");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
}

#[test]
fn it_soaks_in_each_stage_that_it_is_after() {
    let mut desk = Desk::adopted(|spec| {
        diamond(spec);
        spec["stages"][3]["promotion"] = json!({"soak": "1h"});
    });
    desk.release("1.8.0", 1).run();
    says(&mut desk, "eu", "Passed");
    desk.pass(1800);
    says(&mut desk, "us", "Passed");
    desk.pass(1801).run();
    assert!(desk.waiting_for("1.8.0").starts_with("its soak in us until"), "{}", desk.waiting_for("1.8.0"));
    desk.pass(1800).run();
    assert_eq!(desk.image("world", "checkout"), image("1.8.0"));
}
