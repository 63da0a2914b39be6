//! What a release tells of its attempts: who was asked, what was proven, when it was exposed, and what happened then.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::Desk;
use crate::api::release::ReleaseStage;
use crate::api::{Cause, Outcome, RunPhase};

fn external(spec: &mut Value) {
    spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "5m"}]);
}

fn staging(desk: &Desk) -> ReleaseStage {
    let status = desk.known("1.8.0").status.clone().expect("a status");
    status.stages.into_iter().find(|stage| stage.environment == "staging").expect("staging")
}

/// 1.8.0 passed in staging, and was aborted in its bake.
fn aborted() -> Desk {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.says("api", json!({"phase": "Passed", "counts": {"total": 3, "passed": 3}, "url": "https://ci.example/1", "reporter": "ci"}),
    );
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.run();
    desk
}

fn retry(desk: &mut Desk) {
    desk.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.pass(60).run();
}

#[test]
fn a_result_has_its_reporter_and_its_times() {
    let desk = aborted();
    let test = staging(&desk).tests.into_iter().next().expect("a suite");
    assert_eq!((test.phase, test.reporter.as_deref()), (RunPhase::Passed, Some("ci")));
    assert!(test.finished_at.is_some(), "{test:?}");
    assert_eq!(desk.snap.test_runs.len(), 1);
}

#[test]
fn whoever_writes_a_result_later_has_not_reported_the_one_that_counts() {
    let mut desk = Desk::adopted(external);
    desk.release("1.8.0", 1).run();
    desk.says("api", json!({"phase": "Passed", "reporter": "ci"}));
    desk.says("api", json!({"phase": "Passed", "reporter": "mallory"}));
    assert_eq!(staging(&desk).tests.first().and_then(|test| test.reporter.as_deref()), Some("ci"));
}

#[test]
fn what_an_earlier_attempt_proved_is_kept_while_the_next_goes_on() {
    let mut desk = aborted();
    let first = staging(&desk);
    assert!(first.earlier.is_empty());
    retry(&mut desk);
    let second = staging(&desk);
    assert_ne!(second.attempt, first.attempt);
    let [earlier] = &second.earlier[..] else { panic!("{:?}", second.earlier) };
    assert_eq!((earlier.outcome, earlier.cause), (Some(Outcome::Reverted), Some(Cause::Aborted)));
    assert_eq!((&earlier.attempt, &earlier.tests), (&first.attempt, &first.tests));
    assert_eq!(earlier.message, "aborted by joe");
    assert_eq!((earlier.exposed_at, earlier.finished_at), (first.exposed_at, first.finished_at));
    desk.says("api", json!({"phase": "Passed"}));
    desk.finish();
    assert_eq!(staging(&desk).earlier.len(), 1);
    assert_eq!(staging(&desk).tests.len(), 1);
}

#[test]
fn what_waits_again_has_not_lost_its_attempt_and_an_attempt_is_told_once() {
    let mut desk = aborted();
    let first = staging(&desk);
    Arc::make_mut(&mut desk.snap.pipeline).spec.suspend = true;
    retry(&mut desk);
    let waiting = staging(&desk);
    assert_eq!((waiting.attempt.as_str(), waiting.earlier.len()), ("", 1));
    desk.release("1.9.0", 2).run();
    Arc::make_mut(&mut desk.snap.pipeline).spec.suspend = false;
    desk.decide("Withdraw", json!({"release": "checkout-1.8.0", "reason": "it lost orders"}));
    desk.run();
    let ended = staging(&desk);
    assert_eq!((&ended.attempt, &ended.tests, ended.earlier.len()), (&first.attempt, &first.tests, 0));
    assert_eq!(ended.started_at, first.started_at);
}

#[test]
fn why_it_ended_is_told_longer_than_its_line_of_history_is_kept() {
    let mut desk = Desk::adopted(|spec| spec["historyLimit"] = json!(1));
    desk.release("1.8.0", 1).until_written("staging", "1.8.0").crash("staging", "checkout").run();
    desk.heal("staging", "checkout").run();
    let ended = staging(&desk);
    assert_eq!(desk.condition("1.8.0", "Stalled"), "True Reverted");
    desk.change("staging", "checkout", |w| {
        w.fingerprint = "another".into();
        w.generation += 1;
    });
    desk.finish();
    assert!(!desk.history("staging").iter().any(|line| line.contains("1.8.0")), "{:?}", desk.history("staging"));
    assert_eq!((staging(&desk).phase, &staging(&desk).message), (ended.phase, &ended.message));
    assert_eq!(desk.condition("1.8.0", "Stalled"), "True Reverted");
}

#[test]
fn the_last_five_are_kept() {
    let mut desk = aborted();
    for _ in 0..7 {
        retry(&mut desk);
        desk.decide("Abort", json!({"environment": "staging"}));
        desk.run();
    }
    let stage = staging(&desk);
    assert_eq!(stage.earlier.len(), 5);
    assert!(stage.earlier.iter().all(|earlier| earlier.attempt < stage.attempt));
}

#[test]
fn those_that_say_much_give_way_to_newer_ones() {
    let mut desk = Desk::adopted(|spec| {
        let suites = (0..20).map(|n| json!({"suite": format!("suite-{n}"), "external": {}, "timeout": "5m"}));
        spec["stages"][0]["tests"] = suites.collect();
    });
    desk.release("1.8.0", 1).run();
    for _ in 0..6 {
        for run in &mut desk.snap.test_runs {
            let status = json!({"phase": "Passed", "url": format!("https://ci.example/{}", "x".repeat(900))});
            Arc::make_mut(run).status.get_or_insert(serde_json::from_value(status).expect("a status"));
            Arc::make_mut(run).status.as_mut().expect("a status").phase = Some(RunPhase::Passed);
        }
        desk.run();
        desk.decide("Abort", json!({"environment": "staging"}));
        desk.run();
        retry(&mut desk);
    }
    let status = desk.known("1.8.0").status.clone().expect("a status");
    let size = serde_json::to_vec(&status).map(|bytes| bytes.len()).unwrap_or_default();
    assert!(size < 128 * 1024, "{size}");
    assert!(!staging(&desk).earlier.is_empty());
}
