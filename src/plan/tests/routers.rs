//! What routers may still go by: a route is made when something answers it, and what it sends to outlives it for a while.

use std::sync::Arc;

use serde_json::{Value, json};

use super::clones::size;
use super::desk::Desk;
use super::routing::by_shares;
use crate::api::strategy::Strategy;
use crate::observe::Route;

/// A quarter, then half of the requests.
fn shares(spec: &mut Value) {
    by_shares(&[25, 50])(spec);
}

fn open() -> Desk {
    Desk::behind_route(shares)
}

const BOTH: [&str; 2] = ["no service checkout-canary", "no service checkout-stable"];

#[test]
fn a_route_is_made_when_something_answers_it() {
    let mut desk = Desk::before_route(shares);
    desk.until(|desk| desk.told(0).len() == 2);
    let ready = |desk: &mut Desk, ready: i32| {
        let routing = &mut desk.place("production").routing;
        routing.services.get_mut("checkout-stable").unwrap().ready = ready;
    };
    ready(&mut desk, 0);
    desk.run();
    assert_eq!(desk.told(0).len(), 2, "its Service has no endpoints yet: {:?}", desk.told(0));
    ready(&mut desk, 1);
    desk.run();
    assert_eq!(desk.told(0)[2..], ["weight 0"]);

    let mut desk = Desk::before_route(shares);
    desk.change("production", "checkout", |w| size(w, 0)).endpoints().run();
    assert_eq!(desk.told(0)[2..], ["weight 0"], "nothing answers anyway");
}

#[test]
fn services_outlive_the_route_that_sent_to_them() {
    let mut desk = open();
    let from = desk.done.len();
    Arc::make_mut(&mut desk.snap.pipeline).spec.traffic = None;
    desk.run();
    assert_eq!(desk.told(from), ["no route"]);
    desk.pass(29).run();
    assert_eq!(desk.told(from), ["no route"], "routers may go by it still");
    assert!(desk.snap.pipeline.metadata.finalizers.is_some());
    desk.pass(1).run();
    assert_eq!(desk.told(from)[1..], BOTH);
    assert!(desk.snap.pipeline.metadata.finalizers.is_none() && desk.stage("production").routed.is_none());
}

#[test]
fn services_of_a_deleted_pipeline_outlive_its_route_and_keep_it_no_longer() {
    let mut desk = open();
    let from = desk.done.len();
    Arc::make_mut(&mut desk.snap.pipeline).metadata.deletion_timestamp = Some(desk.now.into());
    desk.run();
    assert_eq!(desk.told(from), ["no route"]);
    desk.pass(29).run();
    assert!(desk.told(from).len() == 1 && desk.snap.pipeline.metadata.finalizers.is_some());
    desk.pass(1).run();
    assert_eq!(desk.told(from)[1..], BOTH);
    assert!(desk.snap.pipeline.metadata.finalizers.is_none());
}

#[test]
fn a_service_stays_while_other_routes_were_just_written() {
    let mut desk = open();
    let from = desk.done.len();
    Arc::make_mut(&mut desk.snap.pipeline).spec.traffic = None;
    desk.run().pass(20).run();
    let written = desk.now;
    desk.place("production").routing.rerouted = Some(written);
    desk.pass(10).run();
    assert_eq!(desk.told(from), ["no route"]);
    desk.pass(20).run();
    assert_eq!(desk.told(from)[1..], BOTH);
}

#[test]
fn a_stage_that_clones_no_more_keeps_its_route() {
    let mut desk = Desk::before_route(|spec| {
        shares(spec);
        spec["stages"][0]["strategy"] = spec["stages"][1]["strategy"].clone();
    });
    desk.routable("staging").run().pass(2).run();
    let from = desk.done.len();
    Arc::make_mut(&mut desk.snap.pipeline).spec.stages[1].strategy = Strategy::default();
    desk.go(60).go(60);
    assert!(desk.told(from).is_empty(), "users come by it: {:?}", desk.told(from));
    desk.change_route("production", "kubectl-edit", |route| route.shape.as_mut().unwrap().hostnames.clear()).run();
    assert_eq!(desk.told(from), ["weight 0"], "it is looked after");
    Arc::make_mut(&mut desk.snap.pipeline).spec.stages.pop();
    desk.go(40).go(1);
    assert_eq!(desk.told(from)[1..], ["no route", BOTH[0], BOTH[1]], "with the stage it goes");
}

#[test]
fn a_rollout_that_turns_to_rolling_keeps_its_route() {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    Arc::make_mut(&mut desk.snap.pipeline).spec.stages[1].strategy = Strategy::default();
    for _ in 0..8 {
        desk.go(61);
    }
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    desk.release("1.9.0", 2);
    for _ in 0..8 {
        desk.go(61);
    }
    assert_eq!((desk.phase("1.9.0", "production").as_str(), desk.weight("production")), ("Delivered", Some(0)));
}

#[test]
fn one_write_of_the_whole_route_is_one_write() {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    let to = |route: &mut Route| route.shape.as_mut().unwrap().hostnames.clear();
    desk.change_route("production", "argocd-controller", to).run();
    // of two who wrote in the same second the other one is named
    let sign = |desk: &mut Desk| {
        let routing = &mut desk.place("production").routing;
        routing.route.as_mut().unwrap().writer = Some("argocd-controller".into());
    };
    sign(&mut desk);
    desk.run().pass(60).run();
    desk.go(10);
    assert_eq!((desk.weight("production"), desk.share("1.8.0").as_str()), (Some(50), "2/3 50 50"));
    assert_eq!(desk.pipeline_condition("Ready"), "True Ready");

    // nor where it is not accepted before the way back
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    desk.change_route("production", "argocd-controller", |route| {
        to(route);
        route.obstacle = Some("Gateway gateway has not taken the last change yet".into());
    });
    let generation = |desk: &Desk| desk.snap.places["production"].routing.route.as_ref().unwrap().generation;
    let seen = generation(&desk);
    desk.until(|desk| generation(desk) > seen);
    sign(&mut desk);
    desk.place("production").routing.route.as_mut().unwrap().obstacle = Some("not yet".into());
    desk.run();
    desk.decide("Abort", json!({"environment": "production"}));
    desk.run();
    assert_ne!(desk.pipeline_condition("Stalled"), "True RouteContested");
}
