//! Pins: a stage stays at the release that is named, or goes back to it.

use std::sync::Arc;

use serde_json::json;

use super::desk::{Desk, image};

fn pin(desk: &mut Desk, release: Option<&str>) {
    let pins = release.map(|name| json!({"environment": "production", "release": name, "reason": "the fair"}));
    let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
    pipeline.spec.pins = pins.map(|pin| serde_json::from_value(pin).expect("a pin")).into_iter().collect();
    pipeline.metadata.generation = pipeline.metadata.generation.map(|g| g + 1);
    desk.pass(60).run();
}

/// 1.7.0, 1.8.0 and 1.9.0 were delivered one after the other.
fn three() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    for (minute, version) in [(1, "1.7.0"), (2, "1.8.0"), (3, "1.9.0")] {
        desk.release(version, minute).finish();
    }
    desk
}

#[test]
fn a_pinned_stage_keeps_what_runs_and_says_why() {
    let mut desk = three();
    let writes = desk.writes();
    pin(&mut desk, Some("checkout-1.9.0"));
    assert_eq!(desk.writes(), writes);
    desk.release("2.0.0", 4).finish();
    assert_eq!(desk.image("staging", "checkout"), image("2.0.0"), "only that stage is pinned");
    assert_eq!(desk.image("production", "checkout"), image("1.9.0"));
    assert_eq!(desk.waiting_for("2.0.0"), "pinned to checkout-1.9.0: the fair");
    assert_eq!(desk.pipeline_condition("Ready"), "True Pinned");
    let promote = desk.decide("Promote", json!({"environment": "production", "release": "checkout-2.0.0"}));
    let revert = desk.decide("Revert", json!({"environment": "production"}));
    desk.run();
    for decision in [promote, revert] {
        assert_eq!(desk.answer(&decision), "Refused: pinned to checkout-1.9.0: the fair; change spec.pins");
    }
    pin(&mut desk, None);
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("2.0.0"));
    assert_eq!(desk.pipeline_condition("Ready"), "True Ready");
}

#[test]
fn a_stage_goes_back_to_where_it_is_pinned_past_what_ran_between() {
    let mut desk = three();
    pin(&mut desk, Some("checkout-1.7.0"));
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"), "at once");
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-1.9.0 Reverted Pinned"));
    assert_eq!((desk.bans(), desk.stage("production").held.is_none()), (0, true));
    pin(&mut desk, None);
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"), "what was left does not return by itself");
    desk.release("2.0.0", 4).finish();
    assert_eq!(desk.image("production", "checkout"), image("2.0.0"));
}

#[test]
fn a_rollout_of_another_release_goes_straight_to_it() {
    let mut desk = three();
    desk.release("2.0.0", 4).until_written("production", "2.0.0");
    pin(&mut desk, Some("checkout-1.8.0"));
    let written = |i: &str| desk.image("production", "checkout") == image(i);
    assert!(written("1.8.0"), "{}", desk.image("production", "checkout"));
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-2.0.0 Reverted Pinned"));
    assert_eq!(desk.stage("production").history.iter().filter(|e| e.release == "checkout-1.9.0").count(), 1);
}

#[test]
fn a_pin_comes_before_a_hold() {
    let mut desk = three();
    desk.decide("Revert", json!({"environment": "production"}));
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    pin(&mut desk, Some("checkout-1.7.0"));
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
    assert!(desk.stage("production").held.is_some(), "only a person lifts it");
}

#[test]
fn a_pin_comes_before_the_head() {
    let mut desk = three();
    let head = json!({"version": "1.7.0", "images": [{"name": "app", "ref": image("1.7.0")}]});
    Arc::make_mut(&mut desk.snap.pipeline).spec.release = serde_json::from_value(head).expect("a head");
    pin(&mut desk, Some("checkout-1.8.0"));
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.image("staging", "checkout"), image("1.7.0"), "where nothing is pinned the head says what runs");
    assert_eq!(desk.pipeline_condition("Stalled"), "False Pinned");
    pin(&mut desk, None);
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
}

#[test]
fn what_cannot_be_pinned_is_told_and_changes_nothing() {
    let mut desk = three();
    let writes = desk.writes();
    let told = |desk: &Desk| {
        let conditions = &desk.snap.pipeline.status.as_ref().expect("a status").conditions;
        crate::api::conditions::find(conditions, "Stalled").expect("a condition").message.clone()
    };
    pin(&mut desk, Some("checkout-1.6.0"));
    assert_eq!(told(&desk), "spec.pins[].release of production: checkout-1.6.0 was not recorded healthy in production");
    assert_eq!(desk.pipeline_condition("Stalled"), "True PinNotMet");
    desk.decide("Withdraw", json!({"release": "checkout-1.7.0", "reason": "it lost orders"}));
    pin(&mut desk, Some("checkout-1.7.0"));
    assert_eq!(told(&desk), "spec.pins[].release of production: checkout-1.7.0 is banned or withdrawn");
    assert_eq!(desk.writes(), writes);
    pin(&mut desk, None);
    assert_eq!(desk.pipeline_condition("Stalled"), "False Ready");
}

#[test]
fn what_cannot_be_met_takes_nothing_back_that_is_under_way() {
    let mut desk = three();
    desk.release("2.0.0", 4).until_written("production", "2.0.0");
    pin(&mut desk, Some("2.0.0"));
    assert_eq!(
        desk.pipeline_condition("Stalled"),
        "True PinNotMet",
        "a slip of the pen: the version, and not the name"
    );
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("2.0.0"));
    pin(&mut desk, Some("checkout-2.0.0"));
    assert_eq!(desk.pipeline_condition("Stalled"), "False Pinned");
}

#[test]
fn the_same_digests_under_another_version_are_what_is_pinned() {
    let mut desk = three();
    desk.release_of("1.9.0-r2", 4, &image("1.9.0")).until(|desk| {
        let open = &desk.stage("production").rollout;
        open.as_ref().is_some_and(|rollout| rollout.release == "checkout-1.9.0-r2")
    });
    pin(&mut desk, Some("checkout-1.9.0"));
    desk.finish();
    assert_eq!(desk.history("production").last().map(String::as_str), Some("checkout-1.9.0-r2 Delivered"));
    assert_eq!(desk.pipeline_condition("Stalled"), "False Pinned");
}

#[test]
fn an_image_that_would_be_written_over_at_once_is_not_adopted() {
    let mut desk = three();
    pin(&mut desk, Some("checkout-1.8.0"));
    desk.change("production", "checkout", |w| {
        w.images.insert("app".into(), image("hotfix"));
    })
    .run();
    let adopt = desk.decide("Adopt", json!({"environment": "production"}));
    desk.run();
    assert_eq!(desk.answer(&adopt), "Refused: pinned to checkout-1.8.0: the fair; change spec.pins");
    assert_eq!(desk.image("production", "checkout"), image("hotfix"));
}

#[test]
fn what_is_pinned_and_withdrawn_leaves() {
    let mut desk = three();
    pin(&mut desk, Some("checkout-1.9.0"));
    desk.decide("Withdraw", json!({"release": "checkout-1.9.0", "reason": "it lost orders"}));
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    assert_eq!(desk.pipeline_condition("Stalled"), "True PinNotMet");
    desk.release("2.0.0", 4).finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "a person says what else is pinned");
}
