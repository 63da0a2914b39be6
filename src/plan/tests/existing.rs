//! A canary by the weights of someone's route: only they are written, and only where its owner leaves them to us.

use serde_json::{Value, json};

use super::desk::Desk;
use super::routing::by_shares;
use crate::api::traffic::{Backend, Existing, Position, RouteKind, RouteShape};
use crate::observe::{Claim, Route};

fn existing(spec: &mut Value) {
    spec["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 25, "pause": "1m"}]}});
    spec["traffic"] = json!({"service": "checkout", "drain": "10s", "route": {"existing": "front"}});
}

/// A route that sends to both, all of it to the workload.
fn front() -> Route {
    let backend = |name: &str, weight| Backend { name: format!("checkout-{name}"), port: 80, weight };
    let backends = vec![backend("stable", 100), backend("canary", 0)];
    Route {
        kind: RouteKind::Http,
        namespace: "shop-production".into(),
        name: "front".into(),
        uid: "front-uid".into(),
        resource_version: "1".into(),
        generation: 1,
        deleting: false,
        claim: Claim::Ours,
        shape: Some(RouteShape { backends, ..RouteShape::default() }),
        existing: Some(Existing {
            positions: vec![Position { rule: 0, backend: 0 }, Position { rule: 0, backend: 1 }],
            is_divided: true,
        }),
        obstacle: None,
        writer: Some("kubectl".into()),
        written: None,
    }
}

fn put(desk: &mut Desk, route: Option<Route>) {
    desk.place("production").routing.route = route;
}

/// Adopted, with four pods and the route in production.
fn open(route: Option<Route>) -> Desk {
    let mut desk = Desk::before_route(existing);
    put(&mut desk, route);
    desk.run().pass(2).run();
    desk
}

#[test]
fn its_weights_rise_and_fall_and_nothing_else_is_made_or_removed() {
    let mut desk = open(Some(front()));
    assert_eq!(desk.told(0), ["service checkout-stable", "service checkout-canary"]);
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    assert_eq!((desk.weight("production"), desk.share("1.8.0").as_str()), (Some(25), "1/2 25 25"));
    desk.go(60).go(10);
    assert_eq!(desk.weight("production"), Some(100));
    let from = desk.done.len();
    desk.go(60).go(10).go(10);
    assert_eq!(desk.told(from), ["rolled", "weight 0", "pods 0", "no clone"]);
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}

#[test]
fn without_consent_or_without_both_services_nothing_is_exposed_by_it() {
    let refused = |reason: &str, told: &[&str], route: Option<Route>| {
        let mut desk = open(route);
        desk.release("1.8.0", 1);
        desk.go(61).go(61);
        assert_eq!(desk.pipeline_condition("Stalled"), format!("True {reason}"));
        assert_eq!(desk.told(0), told, "{reason}");
    };
    refused("RouteMissing", &[], None);
    refused("RouteNotGiven", &[], Some(Route { claim: Claim::None, ..front() }));
    let both = ["service checkout-stable", "service checkout-canary"];
    let existing = Some(Existing { positions: vec![], is_divided: false });
    refused("RouteNotDivided", &both, Some(Route { existing, ..front() }));
}

#[test]
fn weights_that_someone_writes_are_put_right_once_and_other_fields_are_theirs() {
    let mut desk = open(Some(front()));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    desk.change_route("production", "helm", |route| route.obstacle = None).run();
    assert_eq!(desk.pipeline_condition("Ready"), "True Ready", "a write of other fields is no fight");
    let to = |weight: u32| {
        move |route: &mut Route| {
            let backends = &mut route.shape.as_mut().unwrap().backends;
            (backends[0].weight, backends[1].weight) = (100 - weight, weight);
        }
    };
    desk.change_route("production", "argocd-controller", to(0)).run();
    assert_eq!(desk.weight("production"), Some(25), "once");
    desk.pass(60);
    desk.change_route("production", "argocd-controller", to(0)).run();
    assert_eq!(
        (desk.weight("production"), desk.pipeline_condition("Stalled")),
        (Some(0), "True RouteContested".into())
    );
    desk.go(10);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
}

#[test]
fn a_service_that_someones_route_sends_to_outlives_the_pipeline() {
    let mut desk = open(Some(front()));
    for service in ["checkout-stable", "checkout-canary"] {
        let routing = &mut desk.place("production").routing;
        routing.services.get_mut(service).unwrap().is_named = true;
    }
    let from = desk.done.len();
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.metadata.deletion_timestamp = Some(desk.now.into());
    desk.go(10);
    assert!(desk.told(from).is_empty());
    assert!(desk.snap.pipeline.metadata.finalizers.is_none(), "it does not wait for what others write");
}

#[test]
fn a_route_of_our_own_goes_when_an_existing_one_is_named() {
    let mut desk = Desk::behind_route(by_shares(&[25]));
    let from = desk.done.len();
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).spec.traffic.as_mut().unwrap().route =
        crate::api::traffic::Route { existing: Some("front".into()), ..Default::default() };
    let routing = &mut desk.place("production").routing;
    routing.left.extend(routing.route.replace(front()));
    desk.run();
    assert_eq!(desk.told(from), ["no route"]);
}

/// 1.8.0 has a quarter of the requests.
fn exposed() -> Desk {
    let mut desk = open(Some(front()));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    assert_eq!(desk.share("1.8.0"), "1/2 25 25");
    desk
}

#[test]
fn a_clone_that_still_gets_requests_is_not_cut_though_the_leave_is_taken_back() {
    let mut desk = exposed();
    desk.change_route("production", "kubectl", |route| route.claim = Claim::None).run();
    let from = desk.done.len();
    desk.decide("Abort", json!({"environment": "production"}));
    desk.go(10).go(700);
    assert!(desk.told(from).is_empty(), "{:?}", desk.told(from));
    let last = desk.stage("production").history.last().unwrap();
    assert!(last.reason.contains("HTTPRoute front still gives the clone 25 %"), "{}", last.reason);
    assert_eq!(desk.pipeline_condition("Stalled"), "True RouteNotGiven");
    desk.change_route("production", "kubectl", |route| route.claim = Claim::Ours);
    desk.go(10).go(10);
    assert_eq!(desk.told(from), ["weight 0", "pods 0", "no clone"]);

    let mut desk = exposed();
    desk.go(60).go(10);
    assert_eq!(
        (desk.phase("1.8.0", "production").as_str(), desk.weight("production")),
        ("Delivered Baking", Some(100))
    );
    desk.change_route("production", "kubectl", |route| route.claim = Claim::None);
    let from = desk.done.len();
    desk.go(60).go(700);
    assert_eq!(desk.told(from), ["rolled"], "all requests go to the clone");
    let alert = desk.stage("production").alert.as_ref().map(|a| a.message.clone()).unwrap_or_default();
    assert!(alert.contains("HTTPRoute front still gives the clone 100 %"), "{alert}");
}

#[test]
fn a_rule_that_is_divided_no_more_is_cut_all_the_same() {
    let mut desk = exposed();
    desk.change_route("production", "kubectl", |route| route.existing.as_mut().unwrap().is_divided = false).run();
    desk.go(61).go(10);
    assert_eq!(desk.weight("production"), Some(25), "what stands is not raised");
    desk.decide("Abort", json!({"environment": "production"}));
    desk.go(1);
    let weights: Vec<u32> = desk.snap.places["production"]
        .routing
        .route
        .as_ref()
        .unwrap()
        .shape
        .as_ref()
        .unwrap()
        .backends
        .iter()
        .map(|b| b.weight)
        .collect();
    assert_eq!(weights, [75, 0], "the owner's other weights are the owner's");
}

#[test]
fn the_smallest_share_is_a_share() {
    let mut desk = open(Some(front()));
    desk.change_route("production", "kubectl", |route| {
        let backends = &mut route.shape.as_mut().unwrap().backends;
        (backends[0].weight, backends[1].weight) = (1000, 1);
    });
    assert_eq!(desk.weight("production"), Some(1));
}

#[test]
fn a_fight_about_a_delivered_build_leaves_it_delivered() {
    let mut desk = exposed();
    desk.go(60).go(10);
    let to = |weight: u32| {
        move |route: &mut Route| {
            let backends = &mut route.shape.as_mut().unwrap().backends;
            (backends[0].weight, backends[1].weight) = (100 - weight, weight);
        }
    };
    desk.change_route("production", "helm", to(0)).run().pass(5);
    desk.change_route("production", "helm", to(0)).run();
    assert_eq!(desk.pipeline_condition("Stalled"), "True RouteContested");
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    assert!(desk.stage("production").proofs.iter().all(|proof| proof.void.is_none()));
}

#[test]
fn our_own_route_answers_until_the_existing_one_can() {
    let mut desk = Desk::behind_route(by_shares(&[25]));
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).spec.traffic.as_mut().unwrap().route =
        crate::api::traffic::Route { existing: Some("front".into()), ..Default::default() };
    let routing = &mut desk.place("production").routing;
    routing.left.extend(routing.route.replace(Route { claim: Claim::None, ..front() }));
    let from = desk.done.len();
    desk.run();
    assert!(desk.told(from).is_empty(), "{:?}", desk.told(from));
}

/// Weights as someone may write them.
fn weights(stable: u32, beside: u32) -> impl FnOnce(&mut Route) {
    move |route| {
        let backends = &mut route.shape.as_mut().unwrap().backends;
        (backends[0].weight, backends[1].weight) = (stable, beside);
    }
}

#[test]
fn the_same_share_in_other_numbers_is_not_written_again() {
    let mut desk = open(Some(front()));
    let from = desk.done.len();
    desk.change_route("production", "argocd-controller", weights(1, 0));
    desk.go(1);
    assert!(desk.told(from).is_empty(), "{:?}", desk.told(from));
    let mut desk = exposed();
    let from = desk.done.len();
    desk.change_route("production", "argocd-controller", weights(3, 1));
    desk.go(1);
    assert!(desk.told(from).is_empty(), "{:?}", desk.told(from));
    assert_eq!((desk.weight("production"), desk.pipeline_condition("Ready").as_str()), (Some(25), "True Ready"));
}

#[test]
fn a_route_that_was_taken_from_us_does_not_keep_a_deleted_pipeline_for_ever() {
    let mut desk = exposed();
    desk.change_route("production", "kubectl", |route| route.claim = Claim::None);
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.metadata.deletion_timestamp = Some(desk.now.into());
    desk.go(10);
    assert!(desk.snap.pipeline.metadata.finalizers.is_some(), "it is tried for a while");
    desk.go(700).go(61);
    assert!(desk.snap.pipeline.metadata.finalizers.is_none());
    assert!(desk.exposed("production").is_some(), "it answers what is sent to it");
}
