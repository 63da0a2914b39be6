//! The checkpoint itself: within its budget, nothing kept that nothing needs, and calm when nothing happens.

use serde_json::json;

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

/// As many stages as there may be; only the first takes what comes.
fn long(spec: &mut serde_json::Value) {
    let stage = |n: usize| match n {
        0 => json!({"environment": "staging", "bake": "1m"}),
        n => json!({"environment": format!("stage-{n}"), "bake": "1m", "promotion": {"mode": "Manual"}}),
    };
    spec["stages"] = (0..10).map(stage).collect();
    spec["historyLimit"] = json!(50);
}

#[test]
fn old_history_gives_way_and_the_newest_stays() {
    let mut desk = Desk::adopted(long);
    let mut status = desk.snap.pipeline.status.clone().expect("a status");
    for stage in &mut status.stages {
        stage.history = (0..50)
            .map(|n| HistoryEntry {
                release: "r".repeat(52),
                build: "b".repeat(12),
                attempt: START.plus(Span::seconds(n)).stamp(),
                outcome: Outcome::Superseded,
                cause: None,
                reason: "x".repeat(100),
                at: START,
            })
            .collect();
    }
    assert!(size(&status) > 64 * 1024, "{}", size(&status));
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).status = Some(status);
    desk.release("1.8.0", 1).finish();
    let status = desk.snap.pipeline.status.as_ref().expect("a status");
    assert!(size(status) <= 64 * 1024, "{}", size(status));
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 Delivered"));
    assert!(desk.history("stage-9").len() > 10, "no more than needed is dropped");
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
    let mut desk = Desk::adopted(long);
    desk.release("1.8.0", 1).finish();
    let mut status = desk.snap.pipeline.status.clone().expect("a status");
    let first = status.stages.first_mut().expect("a stage");
    let (live, proof) = (first.current.clone().expect("current"), first.proofs.last().cloned().expect("a proof"));
    first.proofs = vec![proof; 50];
    let row = status.builds.last().cloned().expect("a build");
    for (n, stage) in status.stages.iter_mut().enumerate().skip(1) {
        for m in 0..10 {
            let hash = BuildHash::of([("app", image(&format!("{n}.{m}")).split_once('@').expect("a digest").1)]);
            stage.previous.push(crate::api::Live { build: hash.clone(), ..live.clone() });
            status.builds.push(crate::api::BuildRow { hash, ..row.clone() });
        }
    }
    // what has no row is taken from the checkpoint by the first step: it must be dropped there and not refused
    status.builds.truncate(64);
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).status = Some(status);
    desk.release("1.9.0", 2).finish();
    let status = desk.snap.pipeline.status.as_ref().expect("a status");
    assert_eq!((status.builds.len(), desk.stage("staging").proofs.len()), (64, 50));
    assert!(size(status) <= 64 * 1024);
}

#[test]
fn builds_that_fail_while_no_ban_can_be_written_stop_nothing() {
    let mut desk = Desk::adopted(|_| {});
    desk.bans_refused = true;
    for n in 1..14 {
        let version = format!("1.{n}.0");
        desk.release(&version, n).until_written("staging", &version).crash("staging", "checkout").run();
        desk.heal("staging", "checkout").run();
    }
    assert_eq!(desk.stage("staging").bans.len(), 10, "the newest ones");
    assert_eq!(desk.phase("1.13.0", "staging"), "Reverted Failed");
}

#[test]
fn workloads_that_the_spec_names_no_more_are_forgotten() {
    let mut desk = Desk::adopted(|_| {});
    for n in 0..19 {
        desk.grow(&format!("first-{n}"));
    }
    desk.run();
    for round in ["second", "third"] {
        std::sync::Arc::make_mut(&mut desk.snap.pipeline).spec.workloads.truncate(1);
        for n in 0..19 {
            desk.grow(&format!("{round}-{n}"));
        }
        desk.run();
        assert!(desk.stage("staging").workloads.len() <= 20);
    }
    let known: Vec<&str> = desk.stage("staging").workloads.iter().map(|w| w.workload.as_str()).collect();
    assert!(known.len() == 20 && known.contains(&"Deployment/third-18"), "{known:?}");
}

#[test]
fn a_suite_that_fails_later_adds_no_proof_too_many() {
    let mut desk =
        Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "5m"}]));
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    let mut status = desk.snap.pipeline.status.clone().expect("a status");
    let first = status.stages.first_mut().expect("a stage");
    first.proofs = vec![first.proofs.last().cloned().expect("a proof"); 50];
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).status = Some(status);
    desk.release("1.9.0", 2).run().pass(300).run();
    assert_eq!(desk.phase("1.9.0", "staging"), "Unverified");
    desk.report("api", "Failed").run();
    assert_eq!((desk.stage("staging").proofs.len(), desk.bans()), (50, 2));
}
