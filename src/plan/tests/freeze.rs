//! While an Environment is frozen nothing starts there and no exposure rises; every way back is open.

use std::sync::Arc;

use serde_json::{Value, json};

use super::clones::steps;
use super::desk::{Desk, image};
use super::routing::by_shares;
use crate::api::conditions::find;
use crate::api::freeze::{Freeze, FreezeStatus};
use crate::api::{Condition, Decision, Span, Time};
use crate::observe::{EnvironmentView, Freezing, TroubleKind};
use crate::plan::{Action, plan};

fn freeze(desk: &mut Desk, until: Option<Time>) {
    desk.rules("production", |rules| rules.freeze = Some(Freeze { reason: "stock-taking".into(), until }));
}

fn annotated(namespace: &str, reason: &str) -> Freezing {
    Freezing { source: format!("namespace {namespace}"), reason: reason.to_owned(), until: None }
}

fn thaw(desk: &mut Desk) {
    desk.rules("production", |rules| rules.freeze = None);
}

/// What production's Environment says of a freeze after its own pass, and when that looks again.
fn told(desk: &Desk) -> (Option<FreezeStatus>, Option<Condition>, Option<Time>) {
    let (status, wake) = desk.told_by_owner();
    (status.freeze, find(&status.conditions, "Frozen").cloned(), wake)
}

#[test]
fn nothing_starts_until_it_ends() {
    let mut desk = Desk::adopted(|_| {});
    let until = desk.now.plus(Span::seconds(600));
    freeze(&mut desk, Some(until));
    desk.release("1.8.0", 1).run().pass(61).run();
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    assert_eq!(desk.waiting_for("1.8.0"), format!("frozen until {until}: stock-taking (spec.freeze)"));
    let gate = desk.gate("1.8.0", "production", "freeze");
    assert_eq!((gate.state.as_str(), gate.source.as_str()), ("Closed", "policy"));
    assert!(desk.condition("1.8.0", "Ready").starts_with("True"), "it waits, and nobody must edit anything");
    assert_eq!(plan(&desk.snap, desk.now).wake_at, Some(until), "nothing else would wake it");
    assert_eq!(told(&desk).2, Some(until));
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(!desk.is_in("1.8.0"), "a promotion by hand does not pass it");
    desk.now = until;
    desk.run();
    assert!(desk.is_in("1.8.0"));
    assert_eq!(told(&desk).0, None);
}

#[test]
fn an_annotation_on_a_namespace_does_the_same() {
    let mut desk = Desk::adopted(|_| {});
    let all = [("windlass-system", "no reason given"), ("shop-production", "audit")].map(|(n, why)| annotated(n, why));
    desk.place("production").freezes = all.to_vec();
    // the Environment's own pass has not run yet
    desk.is_deaf = true;
    desk.release("1.8.0", 1).run().pass(61).run();
    assert_eq!(desk.waiting_for("1.8.0"), "frozen: no reason given (namespace windlass-system)");
    desk.is_deaf = false;
    desk.place("production").freezes.remove(0);
    desk.run();
    assert_eq!(desk.waiting_for("1.8.0"), "frozen: audit (namespace shop-production)");
    desk.place("production").freezes.clear();
    desk.run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn what_lasts_longest_is_in_force() {
    let mut desk = Desk::adopted(|_| {});
    let until = desk.now.plus(Span::seconds(60));
    freeze(&mut desk, Some(until));
    desk.place("production").freezes = vec![annotated("shop-production", "audit")];
    desk.run();
    let (status, _, _) = told(&desk);
    assert_eq!(status.map(|s| (s.source, s.until)), Some(("namespace shop-production".into(), None)));
    desk.release("1.8.0", 1).run().pass(61).run();
    assert!(!desk.is_in("1.8.0"), "the end of one is not the end of the other");
}

#[test]
fn a_canary_stands_still_and_its_deadline_moves() {
    let mut desk = Desk::stepping(steps);
    desk.release("1.8.0", 1).run();
    let before = desk.exposed("production").expect("a clone");
    freeze(&mut desk, None);
    desk.run().pass(3600).run();
    assert_eq!(desk.exposed("production"), Some(before.clone()));
    assert_eq!(desk.phase("1.8.0", "production"), "Progressing Frozen");
    assert!(desk.waiting_for("1.8.0").starts_with("frozen: stock-taking (spec.freeze); "));
    assert_eq!(desk.condition("1.8.0", "Ready"), "True Progressing", "who waits for it is not kept waiting");
    thaw(&mut desk);
    desk.run().pass(61).run();
    assert!(desk.exposed("production").expect("a clone").1 > before.1, "it goes on, and was not late");
}

#[test]
fn a_weight_that_was_cut_does_not_come_back() {
    let mut desk = Desk::behind_route(by_shares(&[50]));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 2);
    desk.go(10);
    assert_eq!(desk.weight("production"), Some(50));
    freeze(&mut desk, None);
    desk.run();
    assert_eq!(desk.weight("production"), Some(50), "what is exposed stays");
    desk.change_clone("production", |w| (w.available, w.ready) = (0, 0)).go(1);
    desk.change_clone("production", |w| (w.available, w.ready) = (2, 2)).go(1);
    assert_eq!(desk.weight("production"), Some(0));
    thaw(&mut desk);
    desk.go(1);
    assert_eq!(desk.weight("production"), Some(50));
}

#[test]
fn what_is_being_verified_has_its_time_when_it_ends() {
    let mut desk = Desk::behind_route(|spec| {
        by_shares(&[50])(spec);
        spec["stages"][1]["tests"] = json!([{"suite": "smoke", "external": {}}]);
    });
    desk.release("1.8.0", 1).until_exposed("1.8.0", 2);
    desk.go(10).go(60).go(10);
    assert_eq!((desk.phase("1.8.0", "production").as_str(), desk.weight("production")), ("Verifying", Some(100)));
    freeze(&mut desk, None);
    desk.change_clone("production", |w| (w.available, w.ready) = (0, 0)).go(1);
    desk.change_clone("production", |w| (w.available, w.ready) = (4, 4)).go(1);
    desk.report("smoke", "Passed").go(1).go(700);
    assert_eq!((desk.phase("1.8.0", "production").as_str(), desk.weight("production")), ("Verifying", Some(0)));
    thaw(&mut desk);
    desk.go(1).go(10);
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
}

#[test]
fn the_next_workload_of_a_rollout_waits() {
    let mut desk = Desk::adopted(|spec| {
        let mut worker = spec["workloads"][0].clone();
        worker["name"] = json!("worker");
        spec["workloads"].as_array_mut().expect("workloads").push(worker);
    });
    desk.release("1.8.0", 1).until_written("production", "1.8.0");
    freeze(&mut desk, None);
    desk.run();
    assert_ne!(desk.image("production", "worker"), image("1.8.0"));
    assert_eq!(desk.phase("1.8.0", "production"), "Progressing Frozen");
    let limit = desk.snap.settings.max_pause.millis() / 1000;
    desk.pass(limit).run();
    assert_eq!(
        desk.history("production"),
        [" Adopted", "checkout-1.8.0 Reverted Aborted"],
        "it does not wait for ever"
    );
}

#[test]
fn a_stage_may_wait_less_long_than_the_operator_allows_and_no_longer() {
    for (of_the_stage, limit) in [("10m", 600), ("336h", 168 * 3600)] {
        let mut desk = Desk::stepping(|spec| spec["stages"][1]["maxPause"] = json!(of_the_stage));
        // what is under way keeps what it began with
        Arc::make_mut(&mut desk.snap.pipeline).spec.stages[1].max_pause = Some(Span::seconds(20));
        freeze(&mut desk, None);
        desk.run().pass(limit - 1).run();
        assert_eq!(desk.phase("1.8.0", "production"), "Progressing Frozen", "{of_the_stage}");
        desk.pass(1).run();
        assert_eq!(desk.phase("1.8.0", "production"), "Reverted Aborted", "{of_the_stage}");
        assert_eq!(desk.bans(), 0);
    }
}

#[test]
fn every_way_back_is_open() {
    let mut desk = Desk::stepping(steps);
    desk.release("1.8.0", 1).run();
    freeze(&mut desk, None);
    desk.run().crash_clone("production", TroubleKind::CrashLoop).run();
    assert_eq!((desk.bans(), desk.exposed("production")), (1, None));

    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).run();
    assert!(desk.is_in("1.8.0"));
    desk.pass(61).run();
    freeze(&mut desk, None);
    desk.run().decide("Revert", json!({"environment": "production"}));
    desk.run();
    assert!(!desk.is_in("1.8.0"));
}

#[test]
fn what_has_every_request_goes_home() {
    let mut desk = Desk::behind_route(by_shares(&[50]));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 2);
    desk.go(10).go(60).go(10);
    assert_eq!(
        (desk.phase("1.8.0", "production").as_str(), desk.weight("production")),
        ("Delivered Baking", Some(100))
    );
    freeze(&mut desk, None);
    desk.go(60).go(10).go(10);
    assert!(desk.is_in("1.8.0"));
    assert_eq!(desk.exposed("production"), None);
}

#[test]
fn what_has_a_share_by_its_pods_waits_to_go_home() {
    let mut desk = Desk::stepping(steps);
    desk.release("1.8.0", 1).run().pass(61).run().pass(61).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    freeze(&mut desk, None);
    desk.run().pass(61).run().pass(86_400).run();
    assert!(!desk.is_in("1.8.0"), "to roll the workload is to give it the other half");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
    assert_eq!(desk.pipeline_condition("Stalled").split(' ').next(), Some("False"), "nobody is called for that");
    thaw(&mut desk);
    desk.run().pass(61).run();
    assert!(desk.is_in("1.8.0"));
    assert_eq!(desk.exposed("production"), None);
}

#[test]
fn a_clone_that_was_cut_by_hand_stays_cut() {
    let mut desk = Desk::stepping(steps);
    desk.release("1.8.0", 1).run();
    freeze(&mut desk, None);
    desk.run().change_clone("production", |w| super::clones::size(w, 0)).run();
    assert_eq!(desk.exposed("production").map(|(_, pods)| pods), Some(0));
}

#[test]
fn it_is_acknowledged_when_every_pipeline_has_seen_it() {
    let mut desk = Desk::adopted(|_| {});
    assert_eq!(told(&desk).1, None, "no freeze, no condition");
    freeze(&mut desk, None);
    let (status, frozen, _) = told(&desk);
    let frozen = frozen.expect("a condition");
    assert_eq!((frozen.status.as_str(), frozen.reason.as_str()), ("False", "Pending"));
    assert_eq!(frozen.message, "a write that was planned before may be under way");
    let since = status.expect("a freeze").since;
    desk.run();
    assert_eq!(desk.stage("production").frozen, Some(since));
    assert_eq!(desk.stage("staging").frozen, None, "another Environment");
    let frozen = told(&desk).1.expect("a condition");
    assert_eq!((frozen.status.as_str(), frozen.reason.as_str()), ("True", "Frozen"));

    thaw(&mut desk);
    desk.run();
    assert_eq!((told(&desk).1, desk.stage("production").frozen), (None, None));
    desk.pass(5);
    freeze(&mut desk, None);
    assert_eq!(told(&desk).1.expect("a condition").status, "False", "an earlier freeze is another");
}

#[test]
fn one_that_was_prolonged_after_its_end_is_another() {
    let mut desk = Desk::adopted(|_| {});
    let until = desk.now.plus(Span::seconds(60));
    freeze(&mut desk, Some(until));
    desk.run();
    let first = told(&desk).0.expect("a freeze").since;
    desk.pass(59);
    freeze(&mut desk, Some(until.plus(Span::seconds(60))));
    assert_eq!(told(&desk).0.expect("a freeze").since, first, "in time it is the same");
    desk.pass(1);
    assert_ne!(told(&desk).0.expect("a freeze").since, first, "pipelines may have gone on");
}

/// The Environment's own pass over what people decided: what is said to each, and which are deleted.
fn decided(desk: &Desk, decisions: &[Value]) -> (Vec<String>, Vec<String>, Option<Time>) {
    let environment = desk.snap.places["production"].environment.clone().expect("an Environment");
    let read = |d: &Value| Arc::new(serde_json::from_value::<Decision>(d.clone()).expect("a Decision"));
    let decisions = decisions.iter().map(read).collect();
    let access = desk.snap.places["production"].access.clone();
    let view = EnvironmentView { environment, access, pipelines: vec![], freezes: vec![], decisions };
    let (actions, wake, _) = crate::plan::environment(&view, desk.snap.settings, desk.now);
    let (mut said, mut gone) = (Vec::new(), Vec::new());
    for action in actions {
        match action {
            Action::DecisionStatus { target, status } => {
                said.push(format!("{} {:?}: {}", target.name, status.phase.unwrap(), status.reason.unwrap()));
            }
            Action::Delete { target } => gone.push(target.name),
            _ => {}
        }
    }
    (said, gone, wake)
}

fn by_ann(desk: &Desk, name: &str, r#type: &str, seconds: i64, more: &Value) -> Value {
    let made = desk.now.plus(Span::seconds(seconds));
    let mut spec = json!({"type": r#type, "environment": "production", "user": "ann", "reason": "the bank is down"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let uid = format!("{name}-uid");
    json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "Decision", "spec": spec,
        "metadata": {"name": name, "uid": uid, "resourceVersion": "1", "generation": 1, "creationTimestamp": made.to_string()}})
}

#[test]
fn a_freeze_by_a_person_stands_until_it_is_lifted_or_over() {
    let desk = Desk::adopted(|_| {});
    let until = desk.now.plus(Span::seconds(60));
    let (open, timed) =
        (by_ann(&desk, "f1", "Freeze", -9, &json!({})), by_ann(&desk, "f2", "Freeze", -8, &json!({"until": until})));
    let stands = "Applied: stands as long as this object; Unfreeze ends it";
    let (said, gone, wake) = decided(&desk, &[open.clone(), timed.clone()]);
    assert_eq!((said, gone), (vec![format!("f1 {stands}"), format!("f2 {stands}")], vec![]));
    assert_eq!(wake, Some(until));
    let past = by_ann(&desk, "f3", "Freeze", -7, &json!({"until": desk.now}));
    let (said, ..) = decided(&desk, &[past]);
    assert_eq!(said, [format!("f3 Expired: it was over at {}", desk.now)]);

    let mut lift = by_ann(&desk, "u1", "Unfreeze", -5, &json!({}));
    let (later, same) = (by_ann(&desk, "f4", "Freeze", -4, &json!({})), by_ann(&desk, "f5", "Freeze", -5, &json!({})));
    let all = |lift: &Value| [open.clone(), timed.clone(), lift.clone(), later.clone(), same.clone()];
    let (said, gone, _) = decided(&desk, &all(&lift));
    let ends = "f1 of ann (the bank is down), f2 of ann (the bank is down)";
    assert!(gone.is_empty() && said.contains(&format!("u1 Pending: ends {ends}")), "it says so first: {said:?}");
    lift["status"] = json!({"observedGeneration": 1, "phase": "Pending", "reason": format!("ends {ends}")});
    let (_, gone, _) = decided(&desk, &all(&lift));
    assert_eq!(gone, ["f1", "f2"], "what came after it, or in its second, stands");
    let (said, gone, _) = decided(&desk, &[lift, later]);
    assert!(gone.is_empty() && said.contains(&format!("u1 Applied: ended {ends}")), "{said:?}");
}

#[test]
fn a_freeze_that_was_refused_freezes_nothing_when_its_environment_comes() {
    let desk = Desk::adopted(|_| {});
    let mut refused = by_ann(&desk, "f1", "Freeze", -9, &json!({}));
    refused["status"] =
        json!({"observedGeneration": 1, "phase": "Refused", "reason": "Environment production does not exist"});
    let (said, gone, _) = decided(&desk, &[refused]);
    assert!(said.is_empty() && gone.is_empty(), "{said:?}");
}

#[test]
fn an_unfreeze_that_has_nothing_to_lift_says_who_freezes_instead() {
    let mut desk = Desk::adopted(|_| {});
    let lift = by_ann(&desk, "u1", "Unfreeze", -5, &json!({}));
    let (said, ..) = decided(&desk, std::slice::from_ref(&lift));
    assert_eq!(said, ["u1 Refused: no Decision Freeze from before it stands in production"]);
    freeze(&mut desk, None);
    let (said, ..) = decided(&desk, &[lift]);
    assert_eq!(
        said,
        ["u1 Refused: no Decision Freeze from before it stands in production; it is frozen by spec.freeze"]
    );
    let over = desk.now;
    freeze(&mut desk, Some(over));
    let (said, ..) = decided(&desk, &[by_ann(&desk, "u2", "Unfreeze", -5, &json!({}))]);
    assert_eq!(said, ["u2 Refused: no Decision Freeze from before it stands in production"], "that one is over");
}

#[test]
fn old_ones_that_freeze_nothing_are_let_go() {
    let desk = Desk::adopted(|_| {});
    let over = |at: i64| {
        let mut decision = by_ann(&desk, &format!("u{at}"), "Unfreeze", -100 + at, &json!({}));
        decision["status"] = json!({"observedGeneration": 1, "phase": "Applied"});
        decision
    };
    let mut all: Vec<Value> = (0..22).map(over).collect();
    all.push(by_ann(&desk, "f1", "Freeze", -200, &json!({})));
    let (_, mut gone, _) = decided(&desk, &all);
    gone.sort();
    assert_eq!(gone, ["u0", "u1"], "the oldest, and no freeze that stands");
}
