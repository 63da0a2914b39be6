//! A canary by the weights of a route: what is made, in which order shares rise and fall, and what is refused.

use serde_json::{Value, json};

use super::clones::size;
use super::desk::Desk;
use super::routing::by_shares;
use crate::observe::Claim;

const OLD: &str = "elsewhere.example/old:1";

/// A quarter, then half of the requests.
fn shares(spec: &mut Value) {
    by_shares(&[25, 50])(spec);
}

fn open() -> Desk {
    Desk::behind_route(shares)
}

/// 1.8.0 has been proven in staging and its clone is there.
fn stepping() -> Desk {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.endpoints().run();
    desk
}

#[test]
fn services_and_a_route_at_weight_0_stand_from_adoption_on() {
    let desk = open();
    assert_eq!(desk.told(0), ["service checkout-stable", "service checkout-canary", "weight 0"]);
    let routing = &desk.snap.places["production"].routing;
    assert_eq!(routing.services["checkout-stable"].selector["windlass.dev/track"], "stable");
    assert_eq!(routing.services["checkout-canary"].selector["app"], "checkout");
    assert!(routing.services["checkout-stable"].ready == 4 && routing.services["checkout-canary"].ready == 0);
    assert!(desk.snap.pipeline.metadata.finalizers.is_some(), "it clears them away before it goes");
    assert_eq!(desk.pipeline_condition("Ready"), "True Ready");
}

#[test]
fn each_share_waits_for_endpoints_and_stands_when_requests_are_drained() {
    let mut desk = stepping();
    assert_eq!((desk.weight("production"), desk.share("1.8.0").as_str()), (Some(25), "1/3 25 -"), "not drained yet");
    desk.go(10);
    assert_eq!(desk.share("1.8.0"), "1/3 25 25");
    desk.pass(60).run();
    assert_eq!((desk.weight("production"), desk.exposed("production").unwrap().1), (Some(25), 2), "capacity first");
    desk.go(10);
    assert_eq!((desk.weight("production"), desk.share("1.8.0").as_str()), (Some(50), "2/3 50 50"));
    desk.go(60);
    assert_eq!((desk.weight("production"), desk.exposed("production").unwrap().1), (Some(100), 4));
    desk.go(10);
    assert_eq!(
        (desk.phase("1.8.0", "production").as_str(), desk.share("1.8.0").as_str()),
        ("Delivered Baking", "3/3 100 100")
    );
    assert_eq!(desk.image("production", "checkout"), OLD, "the workload is intact until the bake is over");
    let from = desk.done.len();
    desk.go(60);
    desk.go(10);
    desk.go(10);
    assert_eq!(desk.told(from), ["rolled", "weight 0", "pods 0", "no clone"]);
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Delivered"]);
}

#[test]
fn an_abort_takes_the_share_first_and_the_pods_when_requests_are_drained() {
    let mut desk = stepping();
    desk.go(10);
    let from = desk.done.len();
    desk.decide("Abort", json!({"environment": "production"}));
    desk.run();
    assert_eq!(desk.told(from), ["weight 0"]);
    desk.go(9);
    assert_eq!(desk.told(from), ["weight 0"]);
    desk.go(1);
    assert_eq!(desk.told(from), ["weight 0", "pods 0", "no clone"]);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Aborted"]);
}

#[test]
fn the_share_does_not_fall_onto_a_workload_of_which_nothing_is_ready() {
    let mut desk = stepping();
    desk.go(10);
    desk.change("production", "checkout", |w| (w.available, w.ready) = (0, 0)).endpoints();
    desk.decide("Abort", json!({"environment": "production"}));
    desk.run();
    assert_eq!((desk.weight("production"), desk.exposed("production").unwrap().1), (Some(25), 1));
    desk.heal("production", "checkout");
    desk.go(10);
    assert_eq!((desk.weight("production"), desk.exposed("production")), (Some(0), None));
}

#[test]
fn a_clone_without_ready_pods_gets_no_requests_until_it_has_them() {
    let mut desk = stepping();
    desk.go(10);
    desk.change_clone("production", |w| (w.available, w.ready) = (0, 0)).endpoints().run();
    assert_eq!(desk.weight("production"), Some(0));
    desk.change_clone("production", |w| (w.available, w.ready) = (1, 1)).endpoints().run();
    assert_eq!(desk.weight("production"), Some(25));
}

#[test]
fn a_pause_keeps_the_share_and_a_route_that_is_not_accepted_keeps_the_step() {
    let mut desk = open();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.pause("1.8.0", true).endpoints().run();
    assert_eq!(desk.weight("production"), Some(0));
    desk.pause("1.8.0", false).run();
    assert_eq!(desk.weight("production"), Some(25));
    desk.change_route("production", "windlass", |route| {
        route.obstacle = Some("Gateway gateway: NotAllowed: no".into())
    });
    desk.go(20);
    assert_eq!(desk.share("1.8.0"), "1/3 25 -");
    assert!(desk.waiting_for("1.8.0").contains("NotAllowed"), "{}", desk.waiting_for("1.8.0"));
    desk.go(600);
    assert_eq!(desk.bans(), 0, "it says nothing about the build");
    assert_eq!(desk.weight("production"), Some(0));
}

#[test]
fn what_is_in_the_way_is_refused_before_anything_is_written() {
    type Change = fn(&mut Desk);
    let cases: [(&str, Change); 5] = [
        ("GatewayApiMissing", |desk| desk.place("production").routing.is_installed = false),
        ("TrackLabelMissing", |desk| {
            desk.change("production", "checkout", |w| w.pod_track = None);
        }),
        ("ServiceNotRoutable", |desk| {
            let routing = &mut desk.place("production").routing;
            routing.services.get_mut("checkout").unwrap().selects = false;
        }),
        ("ServiceNameTaken", |desk| {
            let routing = &mut desk.place("production").routing;
            let other = routing.services["checkout"].clone();
            routing.services.insert(
                "checkout-stable".into(),
                crate::observe::RoutedService { name: "checkout-stable".into(), ..other },
            );
        }),
        ("RouteShadowed", |desk| {
            desk.place("production").routing.shadow = Some("shop/older".into());
        }),
    ];
    for (reason, change) in cases {
        let mut desk = Desk::before_route(shares);
        change(&mut desk);
        desk.release("1.8.0", 1);
        desk.go(61);
        desk.go(61);
        assert_eq!(desk.pipeline_condition("Stalled"), format!("True {reason}"));
        assert!(desk.told(0).is_empty(), "{reason}: {:?}", desk.told(0));
        assert!(desk.snap.places["production"].clones.is_empty());
    }
    let mut desk = open();
    let routing = &mut desk.place("production").routing;
    routing.route.as_mut().unwrap().claim = Claim::None;
    desk.run();
    assert_eq!(desk.pipeline_condition("Stalled"), "True RouteNameTaken");
}

#[test]
fn someone_who_writes_the_route_is_put_right_once_and_then_left_to_it() {
    let mut desk = stepping();
    desk.go(10);
    let to = |weight: u32| {
        move |route: &mut crate::observe::Route| {
            let backends = &mut route.shape.as_mut().unwrap().backends;
            (backends[0].weight, backends[1].weight) = (100 - weight, weight);
        }
    };
    desk.change_route("production", "kubectl-edit", to(90)).run();
    assert_eq!(desk.weight("production"), Some(25), "once");
    desk.pass(60);
    desk.change_route("production", "kubectl-edit", to(90)).run();
    assert_eq!(desk.weight("production"), Some(0));
    assert_eq!(desk.pipeline_condition("Stalled"), "True RouteContested");
    desk.go(10);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    let from = desk.done.len();
    desk.change_route("production", "kubectl-edit", |route| route.shape.as_mut().unwrap().hostnames.clear()).run();
    assert!(desk.told(from).is_empty(), "no third write: {:?}", desk.told(from));
    desk.go(3601);
    assert_eq!(desk.told(from), ["weight 0"], "an hour later once more");
}

#[test]
fn with_the_pipeline_all_of_it_goes_the_share_first() {
    let mut desk = stepping();
    desk.go(10);
    let from = desk.done.len();
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.metadata.deletion_timestamp = Some(desk.now.into());
    desk.go(10).go(10).go(30);
    let gone =
        ["weight 0", "pods 0", "no clone", "no route", "no service checkout-canary", "no service checkout-stable"];
    assert_eq!(desk.told(from), gone);
    assert!(desk.snap.pipeline.metadata.finalizers.is_none());
}

#[test]
fn without_spec_traffic_nothing_of_it_is_left() {
    let mut desk = open();
    let from = desk.done.len();
    std::sync::Arc::make_mut(&mut desk.snap.pipeline).spec.traffic = None;
    desk.go(30);
    assert_eq!(desk.told(from), ["no route", "no service checkout-canary", "no service checkout-stable"]);
    assert!(desk.snap.pipeline.metadata.finalizers.is_none());
}

#[test]
fn a_step_that_stands_no_more_ends_by_its_deadline() {
    let mut desk = stepping();
    desk.go(10);
    desk.change_route("production", "windlass", |route| route.obstacle = Some("Gateway gateway: gone".into()));
    desk.go(60).go(540);
    assert_eq!(desk.weight("production"), Some(25), "not before");
    desk.go(61).go(10);
    assert_eq!(desk.weight("production"), Some(0));
    desk.change_route("production", "windlass", |route| route.obstacle = None);
    desk.go(100);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    assert_eq!(desk.bans(), 0);
}

#[test]
fn a_drain_longer_than_the_deadline_is_waited_for() {
    let mut desk = Desk::behind_route(|spec| {
        shares(spec);
        spec["traffic"]["drain"] = json!("20m");
    });
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    desk.go(1190);
    assert_eq!(desk.share("1.8.0"), "1/3 25 -");
    desk.go(11);
    assert_eq!(desk.share("1.8.0"), "1/3 25 25");
    desk.decide("Abort", json!({"environment": "production"}));
    desk.go(1190).go(11).go(1);
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Reverted Aborted"]);
}

#[test]
fn the_drains_of_many_steps_are_no_part_of_the_deadline() {
    let mut desk = Desk::behind_route(|spec| {
        by_shares(&[10, 20, 30, 40])(spec);
        spec["traffic"]["drain"] = json!("5m");
    });
    desk.release("1.8.0", 1).until_exposed("1.8.0", 1);
    for _ in 0..5 {
        desk.go(300).go(60);
    }
    assert!(desk.phase("1.8.0", "production").starts_with("Delivered"), "25 minutes of drains, and ten to progress");
}

#[test]
fn a_workload_without_pods_goes_through_its_steps() {
    let mut desk = open();
    desk.change("production", "checkout", |w| size(w, 0)).endpoints();
    desk.release("1.8.0", 1).until_exposed("1.8.0", 0);
    for _ in 0..8 {
        desk.go(61);
    }
    assert_eq!(desk.history("production"), [" Adopted", "checkout-1.8.0 Delivered"]);
}

#[test]
fn a_status_that_is_lost_does_not_keep_a_deleted_pipeline_for_ever() {
    let mut desk = stepping();
    desk.go(10);
    let pipeline = std::sync::Arc::make_mut(&mut desk.snap.pipeline);
    assert!(pipeline.metadata.finalizers.is_some());
    pipeline.metadata.deletion_timestamp = Some(desk.now.into());
    pipeline.status = None;
    desk.go(10).go(61);
    assert!(desk.snap.pipeline.metadata.finalizers.is_none(), "what is left goes as what nobody looks after");
}
