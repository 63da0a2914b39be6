//! A new leader: it touches what an earlier one may have a write under way to, then decides, and its term is in the checkpoint.

use std::sync::Arc;

use super::desk::Desk;
use crate::api::PipelineStatus;
use crate::plan::{Action, Step, plan};

/// 1.8.0 is on its way in staging, and a new leader has come.
fn taken_over() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    desk.until(|desk| desk.stage("staging").rollout.is_some());
    desk.snap.term = "two".into();
    desk
}

fn status(desk: &Desk) -> &PipelineStatus {
    desk.snap.pipeline.status.as_ref().expect("a checkpoint")
}

/// Names of what is touched now.
fn touched(desk: &Desk) -> Vec<String> {
    let name = |action: &Action| match action {
        Action::Touch { of, term } => format!("{:?} {}/{} {term}", of.kind, of.namespace, of.name),
        Action::TouchOwn { target, term } => format!("{:?} {} {term}", target.kind, target.name),
        other => panic!("{other:?} before all is touched"),
    };
    match plan(&desk.snap, desk.now).step {
        Step::TakeOver(actions) => actions.iter().map(name).collect(),
        Step::Effects(_) | Step::Checkpoint { .. } => panic!("it decides before all is touched"),
    }
}

#[test]
fn what_an_open_rollout_may_write_is_touched_first_and_then_it_decides() {
    let mut desk = taken_over();
    let all =
        ["Workload(Deployment) shop-staging/checkout two", "Environment staging two", "Release checkout-1.8.0 two"];
    assert_eq!(touched(&desk), all);
    desk.decide("Withdraw", serde_json::json!({"release": "checkout-1.8.0"}));
    assert_eq!(touched(&desk), all, "whatever there is to decide");
    desk.run();
    assert_eq!(status(&desk).term, "two");
    assert!(desk.stage("staging").rollout.is_none());
}

#[test]
fn where_nothing_is_under_way_its_term_is_all_it_writes() {
    let mut desk = Desk::adopted(|_| {});
    desk.snap.term = "two".into();
    let Step::Checkpoint { status: next, notes } = plan(&desk.snap, desk.now).step else {
        panic!("it does not say so")
    };
    let mut before = status(&desk).clone();
    before.term = "two".into();
    assert_eq!((*next, notes), (before, Vec::new()));
}

#[test]
fn what_cannot_be_touched_keeps_no_other_stage_waiting() {
    let mut desk = taken_over();
    for uid in ["staging-checkout", "staging-uid", "checkout-1.8.0-uid"] {
        desk.snap.touched.insert(uid.into(), 0);
    }
    desk.run();
    assert_eq!(status(&desk).term, "two");
}

#[test]
fn what_was_seen_before_it_was_touched_is_touched_again() {
    let mut desk = taken_over();
    desk.snap.touched.insert("checkout-1.8.0-uid".into(), u64::MAX);
    assert_eq!(touched(&desk).len(), 3);
}

#[test]
fn a_workload_that_does_not_run_the_current_build_may_be_written_without_a_rollout() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    desk.run();
    desk.pass(600);
    desk.run();
    assert!(desk.stage("staging").rollout.is_none(), "{:?}", desk.stage("staging"));
    desk.snap.term = Arc::from("two");
    desk.change("staging", "checkout", |w| drop(w.images.insert("app".into(), "registry.example/shop/app:git".into())));
    assert_eq!(touched(&desk)[0], "Workload(Deployment) shop-staging/checkout two");
}

#[test]
fn where_a_write_may_arrive_yet_its_object_is_touched_before_anything_else() {
    let mut desk = taken_over();
    desk.run();
    desk.snap.doubts.insert("staging-checkout-uid".into());
    desk.decide("Withdraw", serde_json::json!({"release": "checkout-1.8.0"}));
    let version = desk.snap.places["staging"].workloads["Deployment/checkout"].resource_version.clone();
    assert_eq!(touched(&desk), [format!("Workload(Deployment) shop-staging/checkout two.{version}")]);
    desk.change("staging", "checkout", |_| {});
    let later = touched(&desk);
    assert!(!later[0].ends_with(&version), "the same label again would change nothing: {later:?}");
    desk.snap.doubts.clear();
    desk.run();
    assert!(desk.stage("staging").rollout.is_none(), "then it decides");
}
