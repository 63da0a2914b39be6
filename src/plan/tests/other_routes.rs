//! Routes beside the pipeline's own: of someone else, and of its own under what the spec said before.

use serde_json::json;

use super::desk::Desk;
use super::routing::by_shares;
use crate::api::traffic::RouteKind;
use crate::observe::Routing;

/// Adopted, with four pods, its Services and its route.
fn open() -> Desk {
    Desk::behind_route(by_shares(&[25]))
}

fn routing(desk: &mut Desk) -> &mut Routing {
    &mut desk.place("production").routing
}

#[test]
fn a_clone_to_which_another_route_gives_a_share_is_not_cut() {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    routing(&mut desk).others = vec!["HTTPRoute net/partners".into()];
    let from = desk.done.len();
    desk.decide("Abort", json!({"environment": "production"}));
    desk.go(30).go(700);
    assert_eq!(desk.told(from), ["weight 0"], "ours is lowered");
    let last = desk.stage("production").history.last().unwrap();
    assert!(last.reason.contains("HTTPRoute net/partners still gives the clone a share"), "{}", last.reason);
    // its router has to hear of it, and to drain
    let written = desk.now;
    (routing(&mut desk).others, routing(&mut desk).rerouted) = (vec![], Some(written));
    desk.go(9);
    assert_eq!(desk.told(from), ["weight 0"]);
    desk.go(1);
    assert_eq!(desk.told(from), ["weight 0", "pods 0", "no clone"]);
}

#[test]
fn an_edit_of_the_spec_hides_no_share() {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    // as after a rollout that ended while a route of someone else still sent to its clone
    let stage = std::sync::Arc::make_mut(&mut desk.snap.pipeline).status.as_mut().unwrap().stages.last_mut().unwrap();
    stage.rollout = None;
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).spec.traffic = None;
    routing(&mut desk).others = vec!["HTTPRoute shop-production/front".into()];
    let from = desk.done.len();
    desk.go(100);
    assert!(!desk.told(from).contains(&"pods 0".to_owned()), "{:?}", desk.told(from));
    routing(&mut desk).others.clear();
    desk.go(30);
    assert!(desk.told(from).contains(&"pods 0".to_owned()), "{:?}", desk.told(from));
}

#[test]
fn a_route_of_the_other_kind_goes_when_the_wanted_one_answers() {
    let mut desk = open();
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.traffic.as_mut().unwrap().route.kind = RouteKind::Grpc;
    let was = routing(&mut desk).route.take();
    routing(&mut desk).left.extend(was);
    let from = desk.done.len();
    desk.until(|desk| desk.told(from) == ["weight 0"]);
    let made = routing(&mut desk).route.as_mut().unwrap();
    assert_eq!(made.kind, RouteKind::Grpc);
    let was = made.obstacle.replace("Gateway gateway has not answered".into());
    assert_eq!(was, None);
    let at = desk.now;
    routing(&mut desk).route.as_mut().unwrap().written = Some(at);
    desk.run();
    assert_eq!(desk.told(from), ["weight 0"]);
    let before = desk.snap.clone();
    desk.change_route("production", "windlass", |route| route.obstacle = None);
    desk.run();
    assert_eq!(desk.told(from), ["weight 0", "no route"]);
    assert!(routing(&mut desk).left.is_empty() && routing(&mut desk).route.is_some());

    // of two kinds for one host a router may accept the older one alone
    desk.snap = before;
    desk.pass(29).run();
    assert!(!routing(&mut desk).left.is_empty());
    desk.pass(1).run();
    assert!(routing(&mut desk).left.is_empty());
}

#[test]
fn a_share_in_a_route_that_is_not_wanted_any_more_falls_when_the_workload_answers() {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(10);
    let mut left = routing(&mut desk).route.clone().unwrap();
    left.kind = RouteKind::Grpc;
    let name = left.name.clone();
    routing(&mut desk).left.push(left);
    let from = desk.done.len();
    desk.step();
    let puts = desk.done[from..].iter().filter_map(|action| match action {
        crate::plan::Action::PutRoute(put) => Some((put.name.clone(), put.shape.backends[1].weight)),
        _ => None,
    });
    assert_eq!(puts.collect::<Vec<_>>(), [(name, 0)]);
}
