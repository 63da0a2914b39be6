//! Who wrote an image: a person or a tool is left alone, we ourselves are not taken for one.

use super::desk::{Desk, START, image};
use crate::api::checkpoint::HoldKind;
use crate::observe::{ImageWriter, Workload};

fn delivered() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    desk
}

/// The hold of staging.
fn held(desk: &Desk) -> Option<HoldKind> {
    desk.stage("staging").held.as_ref().map(|h| h.kind)
}

/// A write of an attempt that is over, which the server took when nobody waited for it any more.
fn late(version: &str) -> impl FnOnce(&mut Workload) + use<> {
    let image = image(version);
    move |w| {
        w.images.insert("app".into(), image);
        w.attempt = Some("20261121t000000000z".into());
        let writer = ImageWriter { manager: "windlass".into(), at: Some(START), is_tool: false };
        w.image_writers.insert("app".into(), writer);
    }
}

#[test]
fn a_write_of_ours_that_arrives_late_is_taken_back_and_nobody_is_blamed() {
    let mut desk = delivered();
    desk.change("staging", "checkout", late("1.7.0")).run();
    assert_eq!((desk.image("staging", "checkout"), held(&desk)), (image("1.8.0"), None));
}

#[test]
fn nor_is_anybody_blamed_while_the_next_release_rolls() {
    let mut desk = delivered();
    desk.release("1.9.0", 2).step();
    assert!(desk.stage("staging").rollout.is_some());
    desk.change("staging", "checkout", late("1.7.0")).run();
    assert_eq!((desk.image("staging", "checkout"), held(&desk)), (image("1.9.0"), None));
}

#[test]
fn the_same_image_from_someone_else_is_theirs() {
    let mut desk = delivered();
    desk.change("staging", "checkout", |w| drop(w.images.insert("app".into(), image("1.7.0")))).run();
    assert_eq!((desk.image("staging", "checkout"), held(&desk)), (image("1.7.0"), Some(HoldKind::ExternalChange)));
}

#[test]
fn a_release_that_comes_while_a_re_created_workload_waits_for_its_build_rolls_over_it() {
    let mut desk = delivered();
    desk.change("staging", "checkout", |w| {
        w.uid = "another".into();
        w.attempt = None;
        w.images.insert("app".into(), "elsewhere.example/old:1".into());
    });
    desk.release("1.9.0", 2).finish();
    assert_eq!((desk.image("staging", "checkout"), held(&desk)), (image("1.9.0"), None));
    assert_eq!(desk.phase("1.9.0", "production"), "Delivered");
}

#[test]
fn an_autoscaler_after_an_end_without_a_way_back_writes_no_image() {
    let spec = |spec: &mut serde_json::Value| {
        let other = serde_json::json!({"kind": "Deployment", "name": "worker", "containers": [{"name": "app", "imageName": "app"}]});
        spec["workloads"].as_array_mut().unwrap().push(other);
    };
    let mut desk = Desk::new(spec);
    for name in ["checkout", "worker"] {
        let placeholder = |w: &mut Workload| drop(w.images.insert("app".into(), "placeholder.invalid/none:0".into()));
        desk.change("staging", name, placeholder);
    }
    desk.run().pass(2);
    desk.release("1.8.0", 1);
    while desk.image("staging", "checkout") != image("1.8.0") {
        assert!(desk.step());
    }
    desk.change("staging", "checkout", |w| w.available = 0).pass(601).run();
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("NoRevertTarget"));
    assert_ne!(desk.image("staging", "worker"), image("1.8.0"), "only one of two was written");
    desk.change("staging", "worker", |w| w.wanted = 3).run();
    assert_eq!(held(&desk), None);
}

/// The Deployment is deleted, then comes again as git has it.
fn recreate(desk: &mut Desk) {
    desk.change("staging", "checkout", |w| {
        (w.uid, w.attempt, w.deleting) = ("another".into(), None, false);
        w.images.insert("app".into(), "elsewhere.example/old:1".into());
    });
}

#[test]
fn a_workload_that_is_away_when_its_rollout_ends_gets_its_build_when_it_comes() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    let place = desk.place("staging");
    let away = std::mem::take(&mut place.workloads);
    desk.pass(61).run();
    assert!(desk.stage("staging").rollout.is_none(), "the bake is over");
    desk.place("staging").workloads = away;
    recreate(&mut desk);
    desk.run();
    assert_eq!((desk.image("staging", "checkout"), held(&desk)), (image("1.8.0"), None));
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 Restored"));
}

#[test]
fn a_re_created_workload_never_gets_a_banned_build() {
    let mut desk = Desk::new(|_| {});
    let placeholder = |w: &mut Workload| drop(w.images.insert("app".into(), "placeholder.invalid/none:0".into()));
    desk.change("staging", "checkout", placeholder).run().pass(2);
    desk.release("1.8.0", 1).until_written("staging", "1.8.0").crash("staging", "checkout").run();
    assert_eq!(desk.history("staging"), ["checkout-1.8.0 Failed Failed"], "there is nothing to go back to");
    recreate(&mut desk);
    desk.heal("staging", "checkout").run();
    assert_eq!((desk.image("staging", "checkout").as_str(), held(&desk)), ("elsewhere.example/old:1", None));
    assert_eq!(desk.history("staging").last().map(String::as_str), Some(" Adopted"));
    desk.release("1.8.1", 2).until_written("staging", "1.8.1").crash("staging", "checkout").run();
    assert_eq!(desk.image("staging", "checkout"), "elsewhere.example/old:1", "it is a revert target from then on");
}

#[test]
fn a_placeholder_in_place_of_a_banned_build_goes_back_to_a_healthy_one() {
    let mut desk =
        Desk::adopted(|spec| spec["stages"][0]["tests"] = serde_json::json!([{"suite": "api", "external": {}}]));
    desk.release("1.7.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.release("1.8.0", 2).run();
    desk.report("api", "Passed").finish();
    for run in desk.snap.test_runs.iter_mut().filter(|r| r.spec.release == "checkout-1.8.0") {
        std::sync::Arc::make_mut(run).status = serde_json::from_value(serde_json::json!({"phase": "Failed"})).ok();
    }
    desk.run();
    assert_eq!((desk.bans(), desk.image("staging", "checkout")), (1, image("1.8.0")), "it stays where it runs");
    recreate(&mut desk);
    desk.change("staging", "checkout", |w| drop(w.images.insert("app".into(), "placeholder.invalid/none:0".into())));
    desk.run();
    assert_eq!(desk.image("staging", "checkout"), image("1.7.0"));
}
