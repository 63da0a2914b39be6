//! What takes exposure back comes first, whatever else is missing or cannot be written.

use std::sync::Arc;

use serde_json::json;

use super::clones::size;
use super::desk::{Desk, image};
use super::routing::by_shares;
use crate::plan::{Action, Step, plan};

/// 1.8.0 has a quarter of the requests in production.
fn stepping() -> Desk {
    let mut desk = Desk::behind_route(by_shares(&[25]));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    assert_eq!(desk.weight("production"), Some(25));
    desk
}

/// The Service that the others are derived from is gone.
fn without_service(desk: &mut Desk) {
    let routing = &mut desk.place("production").routing;
    routing.services.remove("checkout").expect("a Service");
}

/// What the next pass would carry out.
fn next(desk: &Desk) -> Vec<Action> {
    match plan(&desk.snap, desk.now).step {
        Step::Effects(actions) => actions,
        Step::Checkpoint { .. } | Step::TakeOver(_) => panic!("no effects"),
    }
}

fn is_cut(action: &Action) -> bool {
    matches!(action, Action::PutRoute(put) if put.shape.backends[1].weight == 0)
}

#[test]
fn a_share_falls_although_the_service_before_the_workload_is_gone() {
    let mut desk = stepping();
    without_service(&mut desk);
    let from = desk.done.len();
    desk.go(60);
    assert_eq!(desk.told(from), ["pods 4"], "nothing rises while it is gone");
    desk.change_clone("production", |w| (w.available, w.ready) = (0, 0)).go(1);
    assert_eq!(desk.weight("production"), Some(0), "a step whose pods answer no more");

    let mut desk = stepping();
    without_service(&mut desk);
    let from = desk.done.len();
    desk.decide("Abort", json!({"environment": "production"}));
    desk.go(10).go(10);
    assert_eq!(desk.told(from), ["weight 0", "pods 0", "no clone"]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Aborted"]);

    let mut desk = stepping();
    desk.go(60).go(10);
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    without_service(&mut desk);
    let from = desk.done.len();
    desk.go(60).go(10).go(10);
    assert_eq!(desk.told(from), ["rolled", "weight 0", "pods 0", "no clone"]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Delivered"]);
}

#[test]
fn a_finalizer_that_cannot_be_written_keeps_nothing_from_going_back() {
    let mut desk = stepping();
    let environment = desk.place("production").environment.as_mut().unwrap();
    Arc::make_mut(environment).metadata.finalizers = None;
    assert!(matches!(next(&desk)[..], [Action::Finalizer { present: true, .. }]), "nothing else goes forward");
    desk.decide("Abort", json!({"environment": "production"}));
    desk.until(|desk| matches!(plan(&desk.snap, desk.now).step, Step::Effects(_)));
    let all = next(&desk);
    assert!(is_cut(&all[0]) && matches!(all[1], Action::Finalizer { present: true, .. }), "{all:?}");

    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    let environment = desk.place("staging").environment.as_mut().unwrap();
    Arc::make_mut(environment).metadata.finalizers = None;
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.until(|desk| matches!(plan(&desk.snap, desk.now).step, Step::Effects(_)));
    let all = next(&desk);
    assert!(all.iter().any(|action| matches!(action, Action::SetImages(_))), "{all:?}");
}

#[test]
fn cuts_come_before_bans_and_before_the_writes_of_other_stages() {
    let mut desk = Desk::before_route(|spec| {
        by_shares(&[25])(spec);
        spec["stages"][0]["strategy"] = spec["stages"][1]["strategy"].clone();
        spec["stages"][1]["strategy"]["canary"]["steps"][0]["pause"] = json!("1h");
    });
    desk.routable("staging").change("staging", "checkout", |w| size(w, 4)).endpoints();
    desk.run().pass(2).run().release("1.8.0", 1).release("1.9.0", 2);
    Arc::make_mut(&mut desk.snap.releases[1]).spec.paused = true;
    for _ in 0..60 {
        desk.go(5);
    }
    assert_eq!((desk.weight("production"), desk.weight("staging")), (Some(25), Some(0)));
    Arc::make_mut(&mut desk.snap.releases[1]).spec.paused = false;
    desk.until(|desk| desk.exposed("staging").is_some_and(|(runs, _)| runs == image("1.9.0")));
    desk.crash_clone("production", crate::observe::TroubleKind::CrashLoop);
    desk.until(|desk| {
        desk.stage("production").bans.len() == 1 && matches!(plan(&desk.snap, desk.now).step, Step::Effects(_))
    });
    let all = next(&desk);
    assert!(is_cut(&all[0]), "{all:?}");
    assert!(all.iter().any(|action| matches!(action, Action::CreateBan { .. })), "{all:?}");
}
