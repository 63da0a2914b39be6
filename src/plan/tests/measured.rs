//! The bake of what has checks: it ends on answers, and neither on silence after a bad one nor on no answer at all.

use std::sync::Arc;

use serde_json::{Value, json};

use super::clones::size;
use super::desk::{Desk, image};
use crate::observe::{Reading, TroubleKind};

const ERRORS: &str = "check/errors";

fn errors() -> Value {
    json!([{"name": "errors", "failures": 2, "samples": 1, "interval": "10s", "metric": {"provider": "prometheus", "query": "up", "max": "1"}}])
}

fn bad() -> Reading {
    Reading::Bad("5 is more than 1".into())
}

fn silent() -> Reading {
    Reading::Silent("status 503".into())
}

/// 1.8.0 bakes in its clone in production.
fn apart() -> Desk {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 50}]}});
        spec["stages"][1]["checks"] = errors();
    });
    desk.change("production", "checkout", |w| size(w, 4));
    desk.release("1.8.0", 1).until_exposed("1.8.0", 4).run();
    for _ in 0..2 {
        desk.pass(1).measure("production", ERRORS, Reading::Good).run();
    }
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered Baking");
    desk
}

/// 1.8.0 bakes in staging, where it rolls.
fn rolled() -> Desk {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["checks"] = errors());
    desk.release("1.8.0", 1).run();
    desk.pass(1).measure("staging", ERRORS, Reading::Good).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk
}

/// Someone deletes the Release; its finalizer keeps it until it is let go.
fn delete(desk: &mut Desk) {
    let now = desk.now;
    Arc::make_mut(&mut desk.snap.releases[0]).metadata.deletion_timestamp = Some(now.into());
}

fn forget(desk: &mut Desk, environment: &str) {
    desk.place(environment).measured.clear();
}

fn last(desk: &Desk, environment: &str) -> String {
    desk.history(environment).last().unwrap().clone()
}

#[test]
fn a_deleted_release_does_not_take_a_failing_clone_home() {
    let mut desk = apart();
    desk.pass(5).measure("production", ERRORS, bad());
    delete(&mut desk);
    desk.run();
    assert_eq!(desk.writes(), 1, "it is waited for: only staging was written");
    desk.pass(5).measure("production", ERRORS, bad()).run();
    assert_eq!((last(&desk, "production").as_str(), desk.bans()), ("checkout-1.8.0 Reverted Failed", 1));

    let mut desk = apart();
    desk.pass(5).measure("production", ERRORS, bad());
    delete(&mut desk);
    desk.run().pass(5).measure("production", ERRORS, Reading::Good).run();
    assert_eq!((desk.image("production", "checkout"), desk.bans()), (image("1.8.0"), 0), "it is well after all");

    // what asks for leave to go back waits for it
    let mut desk = apart();
    desk.is_deaf = true;
    desk.crash_clone("production", TroubleKind::CrashLoop).run().pass(61).run();
    desk.change_clone("production", |w| {
        w.pods.clear();
        (w.ready, w.available) = (4, 4);
    });
    desk.until(|desk| crate::plan::brake::asked(desk.stage("production")).is_some());
    forget(&mut desk, "production");
    delete(&mut desk);
    desk.run();
    assert_eq!(desk.writes(), 1, "it asks to go back");
    desk.pass(60).run();
    assert_eq!(last(&desk, "production"), "checkout-1.8.0 Reverted Failed");

    let mut desk = apart();
    delete(&mut desk);
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"), "what is well goes home at once");
}

#[test]
fn what_rolls_and_asks_to_go_back_is_not_left_because_its_release_was_deleted() {
    let mut desk = rolled();
    desk.is_deaf = true;
    for _ in 0..2 {
        desk.pass(1).measure("staging", ERRORS, bad()).run();
    }
    forget(&mut desk, "staging");
    delete(&mut desk);
    desk.run();
    assert_eq!(desk.history("staging").len(), 1, "{:?}", desk.history("staging"));
    desk.pass(60).run();
    assert_eq!(last(&desk, "staging"), "checkout-1.8.0 Reverted Failed");
}

#[test]
fn silence_after_bad_answers_is_not_health() {
    let mut desk = rolled();
    desk.pass(55).measure("staging", ERRORS, bad()).pass(2).measure("staging", ERRORS, silent()).run();
    desk.pass(60).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "the last answer was bad");
    desk.measure("staging", ERRORS, bad()).run();
    assert_eq!(last(&desk, "staging"), "checkout-1.8.0 Reverted Failed");

    let mut desk = rolled();
    desk.pass(55).measure("staging", ERRORS, bad()).pass(2).measure("staging", ERRORS, silent()).run();
    desk.pass(607).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.pass(1).run();
    assert_eq!((last(&desk, "staging").as_str(), desk.bans()), ("checkout-1.8.0 Delivered", 0), "not for ever");
}

#[test]
fn after_a_restart_the_bake_ends_on_a_measurement() {
    for reading in [Reading::Good, silent()] {
        let mut desk = rolled();
        forget(&mut desk, "staging");
        desk.pass(61).run();
        assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "nothing was measured yet");
        desk.measure("staging", ERRORS, reading).run();
        assert_eq!(last(&desk, "staging"), "checkout-1.8.0 Delivered", "no answer changes nothing");
    }
    let mut desk = apart();
    forget(&mut desk, "production");
    desk.pass(61).run();
    assert_eq!(desk.writes(), 1);
    desk.measure("production", ERRORS, Reading::Good).run();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));

    let mut desk = rolled();
    forget(&mut desk, "staging");
    desk.pass(659).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.pass(1).run();
    assert_eq!(last(&desk, "staging"), "checkout-1.8.0 Delivered", "what is not measured at all keeps it no longer");
}
