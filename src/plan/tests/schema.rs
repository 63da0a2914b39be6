//! A build never goes back to one that cannot read what is there, by itself or by a person's wish.

use std::sync::Arc;

use serde_json::json;

use super::clones::steps;
use super::desk::{Desk, image};
use crate::api::DataSchema;

/// A release with that schema, delivered as far as it goes.
fn deliver(desk: &mut Desk, version: &str, minute: i64, schema: Option<(u32, u32)>) {
    release(desk, version, minute, schema);
    desk.finish();
}

fn release(desk: &mut Desk, version: &str, minute: i64, schema: Option<(u32, u32)>) {
    desk.release(version, minute);
    let known = desk.snap.releases.last_mut().expect("a release");
    Arc::make_mut(known).spec.build.schema = schema.map(|(version, min_readable)| DataSchema { version, min_readable });
}

fn revert(desk: &mut Desk, to: Option<&str>) -> String {
    let to = to.map(|version| format!("checkout-{version}"));
    let name = desk.pass(1).decide("Revert", json!({"environment": "production", "to": to}));
    desk.run();
    desk.answer(&name)
}

#[test]
fn what_is_read_goes_back_and_what_is_not_stays_and_says_so() {
    let mut desk = Desk::adopted(|_| {});
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    deliver(&mut desk, "1.8.0", 2, Some((5, 4)));
    assert!(revert(&mut desk, None).starts_with("Applied: back to 1.7.0"), "4 is still read");
    assert!(desk.is_in("1.7.0"));
    let unhold = desk.pass(1).decide("Unhold", json!({"environment": "production"}));
    desk.run();
    assert!(desk.answer(&unhold).starts_with("Applied"));

    deliver(&mut desk, "1.9.0", 3, Some((6, 6)));
    let why = "1.7.0 works with schema 4, and checkout-1.9.0 left what is read from 6 on (build.schema.minReadable)";
    assert_eq!(
        revert(&mut desk, None),
        format!("Refused: there is no build recorded healthy there to go back to: {why}")
    );
    assert_eq!(revert(&mut desk, Some("1.7.0")), format!("Refused: spec.to: {why}"));
    assert!(desk.is_in("1.9.0"));
}

#[test]
fn a_build_that_fails_after_it_changed_the_data_stays_and_the_next_may_mend_it() {
    let mut desk = Desk::adopted(|_| {});
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    release(&mut desk, "1.8.0", 2, Some((5, 5)));
    desk.until_written("production", "1.8.0");
    desk.crash("production", "checkout").run().pass(700).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "1.7.0 could not read what it left");
    assert_eq!(desk.phase("1.8.0", "production"), "Failed");
    let alert = desk.stage("production").alert.clone().expect("an alert");
    assert_eq!(alert.reason, "NoRevertTarget");
    let why = "1.7.0 works with schema 4, and checkout-1.8.0 left what is read from 5 on (build.schema.minReadable)";
    assert!(alert.message.ends_with(why), "{}", alert.message);
    assert!(desk.waiting_for("1.8.0").contains("1.7.0 works with schema 4"), "{}", desk.waiting_for("1.8.0"));
    let nowhere = format!("Refused: there is no build recorded healthy there to go back to: {why}");
    assert_eq!(revert(&mut desk, None), nowhere, "it is remembered what ran before");
    desk.heal("production", "checkout");
    deliver(&mut desk, "1.8.1", 3, Some((5, 5)));
    assert!(desk.is_in("1.8.1"));
}

#[test]
fn a_release_that_cannot_read_or_does_not_say_is_kept_out() {
    let mut desk = Desk::adopted(|_| {});
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    deliver(&mut desk, "1.8.0", 2, Some((5, 5)));
    let back = desk.pass(1).decide("Promote", json!({"environment": "production", "release": "checkout-1.7.0"}));
    desk.run();
    let why = "1.7.0 works with schema 4, and checkout-1.8.0 left what is read from 5 on (build.schema.minReadable)";
    assert_eq!(desk.answer(&back), format!("Pending: stands; waits: {why}"));
    deliver(&mut desk, "1.9.0", 3, None);
    let why =
        "1.9.0 does not say its schema, and checkout-1.8.0 left what is read from 5 on (build.schema.minReadable)";
    assert_eq!(desk.waiting_for("1.9.0"), why);
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn a_clone_leaves_nothing_that_the_build_beside_it_cannot_read() {
    let mut desk = Desk::adopted(steps);
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    let why = "what runs works with schema 0, and could not read beside it: minReadable is 4";
    assert_eq!(desk.gate("1.7.0", "production", "schema").reason, why, "nobody said what revision 0 works with");
    deliver(&mut desk, "1.7.1", 2, Some((4, 0)));
    assert!(desk.is_in("1.7.1"));
    deliver(&mut desk, "1.8.0", 3, Some((5, 4)));
    assert!(desk.is_in("1.8.0"));
    deliver(&mut desk, "1.9.0", 4, Some((6, 6)));
    let why = "what runs works with schema 5, and could not read beside it: minReadable is 6";
    assert_eq!(desk.gate("1.9.0", "production", "schema").reason, why);
}

#[test]
fn what_was_never_written_has_left_nothing() {
    let mut desk = Desk::adopted(|_| {});
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    release(&mut desk, "1.8.0", 2, Some((5, 5)));
    desk.until(|desk| desk.stage("production").rollout.as_ref().is_some_and(|r| r.version == "1.8.0"));
    assert!(!desk.is_in("1.8.0"));
    desk.pass(1).decide("Abort", json!({"environment": "production"}));
    desk.run();
    assert!(desk.is_in("1.7.0"));
    assert_eq!(desk.stage("production").readable.as_ref().map(|r| r.min), Some(4));
}

#[test]
fn an_abort_that_puts_nothing_back_says_so() {
    let mut desk = Desk::adopted(|_| {});
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    release(&mut desk, "1.8.0", 2, Some((5, 5)));
    desk.until(|desk| desk.is_in("1.8.0"));
    let abort = desk.pass(1).decide("Abort", json!({"environment": "production"}));
    desk.run();
    assert_eq!(desk.answer(&abort), "Applied: 1.8.0 ends; nothing is put back");
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn a_head_set_back_and_a_restore_do_not_cross_it_either() {
    let head = |desk: &mut Desk, version: &str, schema: (u32, u32)| {
        let pipeline = Arc::make_mut(&mut desk.snap.pipeline);
        let (version_of, min) = schema;
        pipeline.spec.release =
            serde_json::from_value(json!({"version": version, "images": [{"name": "app", "ref": image(version)}],
            "schema": {"version": version_of, "minReadable": min}}))
            .expect("a head");
    };
    let mut desk = Desk::adopted(|_| {});
    head(&mut desk, "1.7.0", (4, 4));
    desk.finish();
    head(&mut desk, "1.8.0", (5, 5));
    desk.pass(60).finish();
    assert!(desk.is_in("1.8.0"));
    head(&mut desk, "1.7.0", (4, 4));
    desk.pass(60).finish();
    assert!(desk.is_in("1.8.0"), "git cannot bring back what cannot read");
    let alert = desk.stage("production").alert.clone().expect("an alert");
    assert!(alert.message.starts_with("the head is 1.7.0; 1.7.0 works with schema 4"), "{}", alert.message);
    head(&mut desk, "1.8.0", (5, 4));
    desk.run();
    assert_eq!(desk.pipeline_condition("Stalled"), "True VersionReused", "the same version leaves the same");
}

#[test]
fn what_is_found_at_first_sight_has_left_what_its_release_says() {
    let mut desk = Desk::adopted(|_| {});
    deliver(&mut desk, "1.7.0", 1, Some((4, 4)));
    deliver(&mut desk, "1.8.0", 2, Some((5, 5)));
    Arc::make_mut(&mut desk.snap.pipeline).status = None;
    desk.pass(2).run();
    assert_eq!(desk.stage("production").readable.as_ref().map(|r| r.min), Some(5));
    let older = desk.pass(2).decide("Promote", json!({"environment": "production", "release": "checkout-1.7.0"}));
    desk.run();
    assert!(desk.answer(&older).starts_with("Pending"), "{}", desk.answer(&older));
    let closed = desk.gate("1.7.0", "production", "schema").reason;
    assert!(closed.starts_with("1.7.0 works with schema 4"), "{closed}");
}
