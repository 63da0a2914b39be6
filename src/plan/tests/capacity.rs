//! So many rollouts at a time in one Environment: places are asked for, given in order, and given back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, START};
use crate::api::environment::{EnvironmentStatus, Grant};
use crate::api::{DeliveryPipeline, Environment, Span, Time};
use crate::observe::{Access, EnvironmentView, Settings};
use crate::plan::{Action, environment};

fn at(seconds: i64) -> Time {
    START.plus(Span::seconds(seconds))
}

fn limited(desk: &mut Desk, limit: u32) {
    desk.rules("production", |rules| rules.policy.get_or_insert_default().max_concurrent_rollouts = Some(limit));
}

/// A pipeline whose stage `production` stands like that.
fn pipeline(name: &str, stage: &Value) -> Arc<DeliveryPipeline> {
    let mut stage = stage.clone();
    stage["environment"] = json!("production");
    let spec = json!({"images": [], "workloads": [], "stages": [{"environment": "production"}]});
    let object = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "DeliveryPipeline",
        "metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": {"stages": [stage]}});
    Arc::new(serde_json::from_value(object).expect("a pipeline"))
}

fn asks(seconds: i64) -> Value {
    json!({"asks": at(seconds).to_string()})
}

fn rolls(state: &Value) -> Value {
    json!({"rollout": {"attempt": "a", "release": "r", "releaseUid": "u", "version": "1", "build": "0".repeat(40),
        "startedAt": at(0).to_string(), "workloads": [], "progressDeadline": "10m", "bake": "1m", "state": state}})
}

fn progressing() -> Value {
    rolls(&json!({"progressing": {"step": 0, "deadline": at(600).to_string()}}))
}

/// Who has a place after the Environment's own pass, and when that looks again.
fn granted(
    limit: u32,
    before: &[(&str, i64)],
    pipelines: Vec<Arc<DeliveryPipeline>>,
    now: Time,
) -> (String, Option<Time>) {
    let asked = |name: &str| {
        let known = pipelines.iter().find(|p| p.metadata.name.as_deref() == Some(name));
        let stage = known.and_then(|p| p.status.as_ref()?.stages.first().cloned());
        stage.and_then(|stage| stage.asks).unwrap_or_default()
    };
    let grant =
        |(name, since): &(&str, i64)| Grant { pipeline: (*name).to_owned(), asked: asked(name), at: at(*since) };
    let grants = before.iter().map(grant).collect();
    let spec = json!({"targetNamespace": "shop-production", "policy": {"maxConcurrentRollouts": limit}});
    let object = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "Environment",
        "metadata": {"name": "production", "namespace": "shop", "uid": "u", "resourceVersion": "1"}, "spec": spec});
    let mut object: Environment = serde_json::from_value(object).expect("an Environment");
    object.status = Some(EnvironmentStatus { grants, ..EnvironmentStatus::default() });
    let access = Access::Granted { namespace: "shop-production".into() };
    let view = EnvironmentView { environment: Arc::new(object), access, pipelines, freezes: vec![], decisions: vec![] };
    let (actions, wake, _) = environment(&view, Settings::default(), now);
    let status = actions.into_iter().find_map(|action| match action {
        Action::EnvironmentStatus { status, .. } => Some(status.grants),
        _ => None,
    });
    let names = status.expect("a status").into_iter().map(|grant| grant.pipeline).collect::<Vec<_>>().join(" ");
    (names, wake)
}

#[test]
fn a_release_waits_for_a_place_and_starts_when_it_has_one() {
    let mut desk = Desk::adopted(|_| {});
    limited(&mut desk, 1);
    desk.is_deaf = true;
    desk.release("1.8.0", 1).run().pass(61).run();
    assert_eq!(
        desk.waiting_for("1.8.0"),
        "a free place in production: 1 may roll out at a time (policy.maxConcurrentRollouts)"
    );
    let since = desk.stage("production").asks;
    assert!(since.is_some());
    desk.pass(10).run();
    assert_eq!(desk.stage("production").asks, since, "its place in the line stays");
    desk.is_deaf = false;
    desk.run();
    assert!(desk.is_in("1.8.0"));
    assert_eq!(desk.stage("production").asks, None);
    assert!(desk.told_by_owner().0.grants.is_empty(), "what is delivered needs no place");
}

#[test]
fn who_waits_for_something_else_is_not_in_the_line() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    limited(&mut desk, 1);
    desk.is_deaf = true;
    desk.release("1.8.0", 1).run().pass(61).run();
    assert_eq!(desk.stage("production").asks, None);
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(desk.stage("production").asks.is_some());
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.suspend = true;
    desk.run();
    assert_eq!(desk.stage("production").asks, None, "a place that nobody takes is not asked for");
}

#[test]
fn places_are_given_in_the_order_in_which_they_were_asked_for() {
    let line =
        || vec![pipeline("a", &asks(3)), pipeline("b", &asks(1)), pipeline("c", &asks(2)), pipeline("d", &asks(2))];
    assert_eq!(granted(2, &[], line(), at(9)).0, "b c");
    assert_eq!(granted(3, &[("b", 4), ("c", 4)], line(), at(9)).0, "b c d");
    assert_eq!(granted(1, &[("b", 4), ("c", 4)], line(), at(9)).0, "b c", "what was given is not taken away");
}

#[test]
fn whatever_is_under_way_takes_a_place_and_what_is_paused_or_delivered_none() {
    let paused =
        rolls(&json!({"progressing": {"step": 0, "deadline": at(600).to_string(), "paused": at(1).to_string()}}));
    let delivered = rolls(&json!({"delivered": {"since": at(1).to_string(), "until": at(61).to_string()}}));
    for (state, others) in [(progressing(), ""), (paused, "b"), (delivered, "b")] {
        let all = vec![pipeline("a", &state), pipeline("b", &asks(5))];
        assert_eq!(granted(1, &[], all, at(9)).0, others, "{state}");
    }
    let all = vec![pipeline("a", &progressing()), pipeline("b", &asks(5))];
    assert_eq!(granted(1, &[("a", 1)], all, at(9)).0, "", "its place is used up, and taken to the end");
    let mut again = progressing();
    again["current"] = json!({"build": "0".repeat(40), "since": at(0).to_string(), "healthy": true});
    let all = vec![pipeline("a", &again), pipeline("b", &asks(5))];
    assert_eq!(granted(1, &[], all, at(9)).0, "b", "suites alone take none");
    let all = vec![pipeline("a", &json!({})), pipeline("b", &asks(5))];
    assert_eq!(granted(1, &[("a", 1), ("gone", 1)], all, at(9)).0, "b", "then the next has it");
}

#[test]
fn a_place_that_is_not_taken_keeps_nobody_waiting_for_ever() {
    let all = || vec![pipeline("a", &asks(1)), pipeline("b", &asks(5))];
    let (names, wake) = granted(1, &[("a", 2)], all(), at(100));
    assert_eq!((names.as_str(), wake), ("a", Some(at(122))));
    assert_eq!(granted(1, &[("a", 2)], all(), at(122)).0, "a b");
}

#[test]
fn who_let_a_place_lapse_asks_anew_and_one_place_is_one_start() {
    let mut desk = Desk::adopted(|_| {});
    limited(&mut desk, 1);
    desk.is_deaf = true;
    desk.release("1.8.0", 1).run().pass(61).run();
    let asked = desk.stage("production").asks.expect("it asks");
    let give = |desk: &mut Desk, asked: Time, at: Time| {
        let environment = Arc::make_mut(desk.place("production").environment.as_mut().expect("an Environment"));
        environment.status.get_or_insert_default().grants = vec![Grant { pipeline: "checkout".into(), asked, at }];
    };
    let late = desk.now;
    give(&mut desk, asked, late);
    desk.pass(120).run();
    assert!(!desk.is_in("1.8.0"), "it came to nobody in time");
    let anew = desk.stage("production").asks.expect("it asks");
    assert_eq!(anew, desk.now);
    let now = desk.now;
    give(&mut desk, anew, now);
    desk.release("1.9.0", 2).until(|desk| desk.stage("production").rollout.is_some()).run();
    assert!(desk.is_in("1.8.0"));
    desk.pass(61).run().pass(61).run();
    assert!(!desk.is_in("1.9.0"), "the next start asks for a place of its own");
}
