//! The checkpoint itself: within its budget, nothing kept that nothing needs, and calm when nothing happens.

use super::desk::{Desk, START, image};
use crate::api::{BuildHash, HistoryEntry, Outcome, PipelineStatus, Span};
use crate::plan::{Action, Step, plan};

fn size(status: &PipelineStatus) -> usize {
    serde_json::to_vec(status).map(|bytes| bytes.len()).unwrap_or_default()
}

#[test]
fn calm_writes_nothing() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    desk.pass(86_400).run();
    let done = desk.done.len();
    desk.pass(86_400);
    assert_eq!(plan(&desk.snap, desk.now).step, Step::Effects(vec![]));
    assert_eq!(desk.done.len(), done);
}

#[test]
fn few_writes_for_a_delivery() {
    let mut desk = Desk::adopted(|_| {});
    let before = desk.done.len();
    desk.release("1.8.0", 1).finish();
    let images = desk.done.iter().skip(before).filter(|a| matches!(a, Action::SetImages(_))).count();
    assert_eq!(images, 2);
}

#[test]
fn old_history_gives_way_and_the_newest_stays() {
    let mut desk = Desk::adopted(|spec| spec["historyLimit"] = serde_json::json!(50));
    let mut status = desk.snap.pipeline.status.clone().expect("a status");
    for stage in &mut status.stages {
        stage.history = (0..50)
            .map(|n| HistoryEntry {
                release: "r".repeat(52),
                build: "b".repeat(12),
                attempt: START.plus(Span::seconds(n)).stamp(),
                outcome: Outcome::Superseded,
                cause: None,
                reason: "x".repeat(800),
                at: START,
            })
            .collect();
    }
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).status = Some(status);
    desk.release("1.8.0", 1).finish();
    let status = desk.snap.pipeline.status.as_ref().expect("a status");
    assert!(size(status) <= 64 * 1024, "{}", size(status));
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-1.8.0 Delivered"));
    assert!(desk.history("production").len() > 10, "no more than needed is dropped");
}

#[test]
fn builds_that_nothing_names_are_forgotten() {
    let mut desk = Desk::adopted(|_| {});
    for n in 0..15 {
        desk.release(&format!("1.{n}.0"), n + 1).finish();
    }
    let status = desk.snap.pipeline.status.as_ref().expect("a status");
    assert_eq!(status.builds.len(), 11, "what runs and ten to go back to");
    assert_eq!(desk.stage("production").previous.len(), 10);
    let first = BuildHash::of([("app", image("1.0.0").split_once('@').expect("a digest").1)]);
    assert!(!status.builds.iter().any(|row| row.hash == first));
}

#[test]
fn no_more_is_written_than_the_schema_lets_in() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = serde_json::json!({"mode": "Manual"}));
    desk.release("1.8.0", 1).finish();
    desk.decide("Promote", serde_json::json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.finish();
    let mut status = desk.snap.pipeline.status.clone().expect("a status");
    let [first, stage] = status.stages.as_mut_slice() else { panic!("two stages") };
    let (live, proof) = (stage.current.clone().expect("current"), stage.proofs.last().cloned().expect("a proof"));
    let row = status.builds.last().cloned().expect("a build");
    for n in 0..70 {
        let hash = BuildHash::of([("app", image(&n.to_string()).split_once('@').expect("a digest").1)]);
        stage.previous.push(crate::api::Live { build: hash.clone(), ..live.clone() });
        first.proofs.insert(0, proof.clone());
        status.builds.push(crate::api::BuildRow { hash, ..row.clone() });
    }
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).status = Some(status);
    desk.release("1.9.0", 2).finish();
    let status = desk.snap.pipeline.status.as_ref().expect("a status");
    assert!(status.builds.len() <= 64, "{}", status.builds.len());
    assert!(desk.stage("staging").proofs.len() <= 50, "{}", desk.stage("staging").proofs.len());
    assert!(size(status) <= 64 * 1024);
}
