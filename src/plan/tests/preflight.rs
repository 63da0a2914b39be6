//! What a stage's status says of the objects that go by the labels of pods.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::Desk;
use crate::api::preflight::{MOST, Matches, Preflight, PreflightKind};
use crate::observe::Access;
use crate::plan::{Step, plan};

fn canary(spec: &mut Value) {
    spec["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 50}]}});
}

fn entry(kind: PreflightKind, name: &str, matches: Matches) -> Preflight {
    Preflight { kind, name: name.into(), workload: "checkout".into(), matches }
}

fn see(desk: &mut Desk, entries: Vec<Preflight>) {
    desk.place("production").preflight = entries;
}

/// Steps until nothing is left to do; gives what was told of clones that are left out.
fn told(desk: &mut Desk) -> Vec<String> {
    let mut out = Vec::new();
    loop {
        if let Step::Checkpoint { notes, .. } = plan(&desk.snap, desk.now).step {
            out.extend(notes.into_iter().filter(|n| n.reason == "CloneLeftOut" && n.warning).map(|n| n.message));
        }
        if !desk.step() {
            return out;
        }
    }
}

#[test]
fn it_is_noted_with_the_adoption_and_told_once() {
    let mut desk = Desk::new(canary);
    let budget = entry(PreflightKind::PodDisruptionBudget, "old", Matches::Stable);
    let scaler = entry(PreflightKind::HorizontalPodAutoscaler, "web", Matches::Stable);
    let service = entry(PreflightKind::Service, "web", Matches::Both);
    see(&mut desk, vec![budget.clone(), scaler.clone(), service.clone()]);
    desk.step();
    assert!(desk.stage("production").adopted.is_some() && desk.done.is_empty());
    assert_eq!(desk.stage("production").preflight, [budget.clone(), scaler, service.clone()]);

    let mut desk = Desk::new(canary);
    see(&mut desk, vec![budget.clone(), service.clone()]);
    let first = "production: PodDisruptionBudget old matches pods of Deployment/checkout and not its clone's";
    assert_eq!(told(&mut desk), [first]);
    desk.release("1.8.0", 1).finish();
    assert!(told(&mut desk).is_empty(), "again");

    let policy = entry(PreflightKind::NetworkPolicy, "apart", Matches::Stable);
    see(&mut desk, vec![budget.clone(), policy, service.clone()]);
    let second = "production: NetworkPolicy apart matches pods of Deployment/checkout and not its clone's";
    assert_eq!(told(&mut desk), [second], "what is new alone");
    see(&mut desk, vec![service.clone()]);
    assert!(told(&mut desk).is_empty());
    assert_eq!(desk.stage("production").preflight, [service]);
}

#[test]
fn a_stage_without_clones_has_none_and_a_closed_namespace_leaves_it() {
    let mut desk = Desk::new(canary);
    let service = entry(PreflightKind::Service, "web", Matches::Both);
    see(&mut desk, vec![service.clone()]);
    desk.run();
    let place = desk.place("production");
    place.access = Access::NoConsent { namespace: "shop-production".into() };
    place.preflight.clear();
    desk.run();
    assert_eq!(desk.stage("production").preflight, [service], "nobody has looked");
    Arc::make_mut(&mut desk.snap.pipeline).spec.stages[1].strategy = crate::api::strategy::Strategy::default();
    desk.run();
    assert!(desk.stage("production").preflight.is_empty());
}

#[test]
fn it_is_bounded_and_what_leaves_a_clone_out_stays() {
    let mut desk = Desk::new(canary);
    let name = |at: usize| format!("{at:0>63}");
    let mut all: Vec<Preflight> = (0..5).map(|at| entry(PreflightKind::Service, &name(at), Matches::Stable)).collect();
    all.extend((5..99).map(|at| entry(PreflightKind::Service, &name(at), Matches::Both)));
    see(&mut desk, all.clone());
    let said = told(&mut desk);
    assert!(said.len() == 1 && said[0].len() <= 1024, "{said:?}");
    assert_eq!(desk.stage("production").preflight, all[..MOST]);
}

#[test]
fn a_full_status_loses_the_last_of_it_and_is_not_written_again() {
    let mut desk = Desk::new(|spec| {
        let stage = |at| json!({"environment": format!("s{at}"), "strategy": {"canary": {"steps": [{"weight": 50}]}}});
        spec["stages"] = (0..10).map(stage).collect();
    });
    let name = |at: usize| format!("{at:0>253}");
    for place in desk.snap.places.values_mut() {
        place.preflight = (0..MOST).map(|at| entry(PreflightKind::NetworkPolicy, &name(at), Matches::Both)).collect();
        place.preflight[0].matches = Matches::Stable;
    }
    desk.run();
    let size = serde_json::to_vec(desk.snap.pipeline.status.as_ref().unwrap()).unwrap().len();
    assert!(size > 60_000 && size <= 64 * 1024, "{size}");
    for stage in &desk.snap.pipeline.status.as_ref().unwrap().stages {
        assert_eq!(stage.preflight[0].matches, Matches::Stable);
    }
    assert!(!desk.step());
}
