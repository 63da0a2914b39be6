//! Blue-green: the whole of it stands beside the workload and is tested before any request goes there, then all do.

use serde_json::{Value, json};

use super::desk::Desk;
use super::routing::routed;
use crate::api::strategy::{BlueGreen, Strategy};
use crate::observe::{Reading, TroubleKind};
use crate::plan::Action;

const OLD: &str = "elsewhere.example/old:1";

fn green(spec: &mut Value) {
    let stage = &mut spec["stages"][1];
    stage["strategy"] = json!({"blueGreen": {}});
    stage["tests"] = json!([{"suite": "smoke", "external": {}, "timeout": "5m"}]);
    routed(spec);
}

/// With a check of errors.
fn checked(spec: &mut Value) {
    green(spec);
    spec["stages"][1]["checks"] = json!([{"name": "errors", "metric": {"provider": "main", "query": "x", "max": "1"},
        "samples": 2, "failures": 2}]);
}

/// 1.8.0 stands in production beside four pods, and its suite runs.
fn shown(change: impl FnOnce(&mut Value)) -> Desk {
    let mut desk = Desk::behind_route(change);
    desk.release("1.8.0", 1).until_exposed("1.8.0", 4);
    desk.go(1);
    desk
}

#[test]
fn all_of_it_is_tested_without_a_request_then_switched_at_once() {
    let mut desk = shown(green);
    assert_eq!(desk.told(0), ["service checkout-stable", "service checkout-green", "weight 0", "clone", "pods 4"]);
    assert_eq!(desk.clone_of("production", "checkout").unwrap().name, "checkout-green");
    assert_eq!(
        (desk.share("1.8.0"), desk.waiting_for("1.8.0")),
        ("1/2 0 0".into(), "step 1/2 (0 %): tests: smoke".into())
    );
    desk.go(60);
    assert_eq!(desk.weight("production"), Some(0), "not before the suite has a verdict");
    let from = desk.done.len();
    desk.report("smoke", "Passed").go(1);
    assert_eq!(desk.told(from), ["weight 100"]);
    desk.go(10);
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    assert_eq!((desk.share("1.8.0").as_str(), desk.image("production", "checkout").as_str()), ("2/2 100 100", OLD));
    let from = desk.done.len();
    desk.go(60).go(10).go(10);
    assert_eq!(desk.told(from), ["rolled", "weight 0", "pods 0", "no clone"]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Delivered"]);
}

#[test]
fn a_suite_that_fails_or_gives_no_verdict_lets_no_request_through() {
    let mut desk = shown(green);
    let from = desk.done.len();
    desk.report("smoke", "Failed").go(10);
    assert_eq!(desk.told(from), ["pods 0", "no clone"]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
    assert_eq!(desk.bans(), 1);

    let mut desk = shown(green);
    let from = desk.done.len();
    desk.go(301);
    desk.go(61);
    assert_eq!(desk.told(from), ["pods 0", "no clone"]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    assert_eq!(desk.bans(), 0);
}

#[test]
fn within_the_bake_the_way_back_is_one_write() {
    let mut desk = shown(green);
    desk.report("smoke", "Passed").go(1).go(10);
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    let from = desk.done.len();
    desk.crash_clone("production", TroubleKind::Pull).run();
    desk.pass(60).run();
    assert_eq!(desk.told(from)[..1], ["weight 0"]);
    assert!(desk.done[from..].iter().all(|a| !matches!(a, Action::SetImages(_))), "the workload was never written");
    desk.go(10);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
}

#[test]
fn a_pause_keeps_the_switch_and_an_abort_needs_none() {
    let mut desk = shown(green);
    desk.pause("1.8.0", true).run();
    desk.report("smoke", "Passed").go(60);
    assert_eq!(desk.weight("production"), Some(0));
    let promote = desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert_eq!(desk.answer(&promote), "Applied: it is under way already");
    assert_eq!(desk.weight("production"), Some(0), "it ends pauses of steps, and there is none");
    desk.pause("1.8.0", false).go(1);
    assert_eq!(desk.weight("production"), Some(100));
    desk.decide("Abort", json!({"environment": "production"}));
    desk.run();
    assert_eq!(desk.weight("production"), Some(0), "at once");
}

#[test]
fn checks_are_asked_from_the_switch_on() {
    let mut desk = shown(checked);
    assert!(desk.wanted("production", "check/errors").is_none(), "no request goes there yet");
    desk.report("smoke", "Passed").go(1);
    assert_eq!(desk.weight("production"), Some(100));
    let asked = desk.wanted("production", "check/errors").expect("a measurement");
    let crate::plan::measuring::Ask::Metric(metric) = asked.ask else { panic!("a query") };
    assert_eq!((metric.names.workload.as_str(), metric.names.track), ("checkout-green", "green"));
    desk.go(10);
    for _ in 0..2 {
        desk.measure("production", "check/errors", Reading::Bad("5 is more than 1".into())).pass(1);
    }
    desk.run();
    assert_eq!(desk.weight("production"), Some(0));
    desk.go(10);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
}

#[test]
fn a_suite_that_fails_later_takes_the_switch_back() {
    let mut desk = shown(green);
    desk.report("smoke", "Passed").go(1);
    assert_eq!(desk.weight("production"), Some(100));
    desk.report("smoke", "Failed").run();
    assert_eq!(desk.weight("production"), Some(0));
    desk.go(10);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
}

#[test]
fn a_stage_that_changes_its_strategy_gets_the_other_service() {
    let mut desk = Desk::behind_route(|spec| {
        green(spec);
        spec["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 50}]}});
    });
    let from = desk.done.len();
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.stages[1].strategy = Strategy::BlueGreen(BlueGreen::default());
    desk.go(29);
    assert_eq!(desk.told(from), ["service checkout-green", "weight 0"], "routers may go by what the route said");
    desk.go(1);
    assert_eq!(desk.told(from)[2..], ["no service checkout-canary"]);
}

#[test]
fn what_suites_provoked_before_the_switch_is_not_measured_and_the_workload_is_as_it_was_before() {
    let mut desk = shown(|spec| {
        checked(spec);
        spec["stages"][1]["checks"][0]["metric"]["stable"] = json!({"maxRatio": "2"});
    });
    desk.go(200);
    desk.report("smoke", "Passed").go(1);
    let asked = desk.wanted("production", "check/errors").expect("a measurement");
    let crate::plan::measuring::Ask::Metric(metric) = asked.ask else { panic!("a query") };
    let rollout = desk.stage("production").rollout.as_ref().unwrap();
    assert!(metric.since > rollout.started_at.plus(crate::api::Span::seconds(200)), "since the switch");
    assert_eq!(metric.stable.unwrap().at, Some(rollout.started_at), "it gets no requests now");
}
