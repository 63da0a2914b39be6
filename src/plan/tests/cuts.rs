//! What takes exposure back comes first, whatever else is missing or cannot be written.

use std::sync::Arc;

use serde_json::{Value, json};

use super::clones::size;
use super::desk::{Desk, image};
use crate::plan::{Action, Step, plan};

fn routed(spec: &mut Value) {
    spec["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 25, "pause": "1m"}]}});
    spec["traffic"] = json!({
        "service": "checkout", "drain": "10s",
        "route": {"parentRefs": [{"name": "gateway"}], "hostnames": ["shop.example"]},
    });
}

/// 1.8.0 has a quarter of the requests in production.
fn stepping() -> Desk {
    let mut desk = Desk::new(routed);
    desk.routable("production");
    desk.change("production", "checkout", |w| size(w, 4)).endpoints();
    desk.run().pass(2).run();
    desk.release("1.8.0", 1);
    desk.until(|desk| desk.exposed("production") == Some((image("1.8.0"), 1)));
    desk.go(10);
    assert_eq!(desk.weight("production"), Some(25));
    desk
}

/// The Service that the others are derived from is gone.
fn without_service(desk: &mut Desk) {
    let routing = &mut desk.snap.places.get_mut("production").unwrap().routing;
    routing.services.remove("checkout").expect("a Service");
}

/// What the next pass would carry out.
fn next(desk: &Desk) -> Vec<Action> {
    match plan(&desk.snap, desk.now).step {
        Step::Effects(actions) => actions,
        Step::Checkpoint { .. } => panic!("a step of the checkpoint"),
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
