//! What people decide: each type of Decision, its effect, and where it is refused with the reason.

use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, image};
use crate::api::checkpoint::HoldKind;
use crate::observe::{ImageWriter, Pod};

fn manual(spec: &mut Value) {
    spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
}

/// 1.7.0 and 1.8.0 were delivered, one after the other.
fn two_delivered() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.7.0", 1).finish();
    desk.release("1.8.0", 2).finish();
    desk
}

fn at(environment: &str) -> Value {
    json!({"environment": environment})
}

fn of(environment: &str, version: &str) -> Value {
    json!({"environment": environment, "release": format!("checkout-{version}")})
}

/// Rolls the release out in staging, up to its image.
fn rolling(desk: &mut Desk, version: &str, minute: i64) {
    desk.release(version, minute);
    desk.until_written("staging", version);
    let (name, created) = ("pod-1".to_owned(), desk.now);
    let pod = Pod { name, created, ready: false, going: false, restarts: 0, trouble: None, address: None };
    desk.change("staging", "checkout", |w| (w.available, w.pods) = (1, vec![pod])).run();
}

#[test]
fn promote_stands_until_the_evidence_is_there() {
    let mut desk = Desk::adopted(|spec| {
        manual(spec);
        spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]);
    });
    desk.release("1.8.0", 1).run();
    let promote = desk.decide("Promote", of("production", "1.8.0"));
    desk.run();
    assert_eq!(desk.answer(&promote), "Pending: stands; waits: not proven in staging yet");
    desk.report("api", "Passed").finish();
    assert!(desk.answer(&promote).starts_with("Applied"), "{}", desk.answer(&promote));
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn promote_of_an_older_one() {
    let mut desk = Desk::adopted(manual);
    desk.release("1.7.0", 1).finish();
    desk.release("1.8.0", 2).finish();
    assert_eq!(desk.waiting_for("1.8.0"), "production is promoted by hand");
    let older = desk.decide("Promote", of("production", "1.7.0"));
    desk.finish();
    assert!(desk.answer(&older).starts_with("Applied"), "{}", desk.answer(&older));
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
    let replaced = desk.decide("Promote", of("staging", "1.7.0"));
    desk.release("1.9.0", 3).run();
    assert!(
        desk.answer(&replaced).contains("would be replaced at once; use Revert")
            || desk.image("staging", "checkout") == image("1.9.0")
    );
}

#[test]
fn promote_below_a_newer_open_candidate_is_refused() {
    let mut desk = Desk::adopted(|spec| spec["suspend"] = json!(false));
    desk.release("1.7.0", 1).finish();
    desk.release("1.8.0", 2).release("1.9.0", 3);
    let promote = desk.decide("Promote", of("staging", "1.8.0"));
    desk.finish();
    assert_eq!(
        desk.answer(&promote),
        "Refused: checkout-1.9.0 is newer and may enter: checkout-1.8.0 would be replaced at once; use Revert"
    );
    assert_eq!(desk.image("staging", "checkout"), image("1.9.0"));
}

#[test]
fn of_two_in_one_second_the_one_that_was_answered_is_the_earlier() {
    let mut desk = Desk::adopted(manual);
    desk.release("1.7.0", 1).release("1.8.0", 2);
    desk.pass(1);
    let first = desk.decide("Promote", of("production", "1.7.0"));
    while !desk.answer(&first).starts_with("Pending") && desk.step() {}
    desk.decide("Promote", of("production", "1.8.0"));
    let second = desk.snap.decisions.last_mut().expect("the second");
    Arc::make_mut(second).metadata.name = Some("a-promote".into());
    desk.run();
    assert!(desk.answer(&first).contains("took its place"), "{}", desk.answer(&first));
}

#[test]
fn a_later_promote_takes_the_place_of_a_standing_one() {
    let mut desk = Desk::adopted(|spec| {
        manual(spec);
        spec["stages"][0]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.7.0", 1).release("1.8.0", 2).run();
    let first = desk.decide("Promote", of("production", "1.7.0"));
    desk.pass(1).run();
    let second = desk.decide("Promote", of("production", "1.8.0"));
    desk.run();
    assert!(desk.answer(&first).contains("took its place"), "{}", desk.answer(&first));
    assert!(desk.answer(&second).starts_with("Pending"), "{}", desk.answer(&second));
}

#[test]
fn a_slip_of_the_pen_takes_nobodys_place() {
    let mut desk = Desk::adopted(|spec| {
        manual(spec);
        spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]);
    });
    desk.release("1.8.0", 1).run();
    let promote = desk.decide("Promote", of("production", "1.8.0"));
    let slip = desk.decide("Promote", of("production", "1.8.O"));
    desk.run();
    assert_eq!(desk.answer(&slip), "Refused: spec.release: there is no release checkout-1.8.O");
    assert_eq!(desk.answer(&promote), "Pending: stands; waits: not proven in staging yet");
}

#[test]
fn abort_goes_back_without_a_ban_and_promote_brings_it_again() {
    let mut desk = two_delivered();
    rolling(&mut desk, "1.9.0", 3);
    let abort = desk.decide("Abort", at("staging"));
    desk.run();
    let again = desk.decide("Abort", at("staging"));
    desk.run();
    assert_eq!(
        (desk.answer(&abort), desk.answer(&again)),
        ("Applied: 1.9.0 goes back".into(), "Refused: it is going back already".into())
    );
    desk.change("staging", "checkout", |w| w.available = 2).run();
    assert_eq!((desk.image("staging", "checkout"), desk.bans()), (image("1.8.0"), 0));
    assert_eq!(desk.condition("1.9.0", "Stalled"), "False Reverted", "a person's wish is no failure");
    desk.decide("Promote", of("staging", "1.9.0"));
    desk.finish();
    assert_eq!(desk.phase("1.9.0", "production"), "Delivered");
}

#[test]
fn abort_when_idle_changes_nothing() {
    let mut desk = two_delivered();
    let (writes, history) = (desk.writes(), desk.history("staging"));
    let abort = desk.decide("Abort", at("staging"));
    desk.run();
    assert_eq!(desk.answer(&abort), "Refused: nothing is under way there");
    assert_eq!((desk.writes(), desk.history("staging")), (writes, history));
}

#[test]
fn revert_holds_and_a_second_one_goes_one_further() {
    let mut desk = two_delivered();
    desk.decide("Revert", at("production"));
    desk.run();
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
    desk.release("1.9.0", 3).finish();
    assert_eq!(
        (desk.phase("1.9.0", "staging"), desk.image("production", "checkout")),
        ("Delivered".into(), image("1.7.0"))
    );
    assert!(desk.waiting_for("1.9.0").starts_with("held by joe"), "{}", desk.waiting_for("1.9.0"));
    desk.decide("Revert", at("production"));
    desk.run();
    assert_eq!(desk.image("production", "checkout"), "elsewhere.example/old:1", "revision 0, not 1.8.0 again");
    let back = desk.decide("Revert", json!({"environment": "production", "to": "checkout-1.8.0"}));
    desk.run();
    assert!(desk.answer(&back).contains("was not recorded healthy"), "{}", desk.answer(&back));
    desk.decide("Unhold", at("production"));
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.9.0"), "above the mark it follows by itself");
}

#[test]
fn after_unhold_the_reverted_build_does_not_return_by_itself() {
    let mut desk = two_delivered();
    let hash = desk.stage("production").previous[0].build.short().to_owned();
    desk.decide("Revert", json!({"environment": "production", "to": format!("hash:{hash}")}));
    desk.run();
    let unhold = desk.decide("Unhold", at("production"));
    desk.finish();
    assert!(desk.answer(&unhold).starts_with("Applied"));
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
    desk.decide("Promote", of("production", "1.8.0"));
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    let unhold = desk.decide("Unhold", at("production"));
    desk.run();
    assert_eq!(desk.answer(&unhold), "Refused: it is not held");
}

#[test]
fn withdraw_reverts_where_live_and_binds_by_hash() {
    let mut desk = two_delivered();
    let withdraw = desk.decide("Withdraw", json!({"release": "checkout-1.8.0"}));
    desk.finish();
    for environment in ["staging", "production"] {
        assert_eq!(desk.image(environment, "checkout"), image("1.7.0"));
        assert_eq!(desk.phase("1.8.0", environment), "Withdrawn Withdrawn");
    }
    assert!(desk.answer(&withdraw).starts_with("Applied"));
    desk.release_of("1.8.0-again", 3, &image("1.8.0")).finish();
    assert_eq!(desk.image("staging", "checkout"), image("1.7.0"), "the same build under another name");
    assert_eq!(desk.bans(), 0, "the Decision is the ban");
}

#[test]
fn unban_takes_the_object_and_then_promote_brings_the_build() {
    let mut desk = two_delivered();
    rolling(&mut desk, "1.9.0", 3);
    desk.pass(601).run();
    desk.change("staging", "checkout", |w| w.available = 2).run();
    assert_eq!((desk.bans(), desk.phase("1.9.0", "staging")), (1, "Reverted Failed".into()));
    let retry = desk.decide("Retry", of("staging", "1.9.0"));
    desk.run();
    assert_eq!(desk.answer(&retry), "Refused: the build of checkout-1.9.0 is banned in staging; Unban it first");
    let unban = desk.decide("Unban", of("staging", "1.9.0"));
    desk.run();
    assert_eq!((desk.bans(), desk.answer(&unban).starts_with("Applied")), (0, true), "{}", desk.answer(&unban));
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"), "not by itself");
    desk.decide("Retry", of("staging", "1.9.0"));
    desk.finish();
    assert_eq!(desk.phase("1.9.0", "production"), "Delivered");
}

#[test]
fn what_someone_else_wrote_is_held_until_adopt_or_restore() {
    for (decision, expected) in [("Restore", image("1.8.0")), ("Adopt", "r.example/shop/app:by-hand".to_owned())] {
        let mut desk = two_delivered();
        let writes = desk.writes();
        desk.change("production", "checkout", |w| {
            w.images.insert("app".into(), "r.example/shop/app:by-hand".into());
        });
        desk.run().pass(600).run();
        assert_eq!(desk.writes(), writes, "not overwritten");
        for refused in ["Unhold", "Revert"] {
            let name = desk.decide(refused, at("production"));
            desk.run();
            assert!(desk.answer(&name).contains("Adopt or Restore"), "{}", desk.answer(&name));
        }
        let name = desk.decide(decision, at("production"));
        desk.finish();
        assert!(desk.answer(&name).starts_with("Applied"), "{}", desk.answer(&name));
        assert_eq!(desk.image("production", "checkout"), expected);
        assert!(desk.stage("production").held.is_none(), "{decision} ends the hold");
        desk.release("1.9.0", 3).finish();
        assert_eq!(desk.image("production", "checkout"), image("1.9.0"), "{decision}: the next release follows");
    }
}

#[test]
fn fifty_releases_at_first_sight_wait_for_a_person() {
    let mut desk = Desk::new(|_| {});
    for n in 0..50 {
        desk.release(&format!("1.{n}.0"), n);
    }
    desk.run().pass(120).run();
    assert_eq!(desk.writes(), 0);
    assert!(desk.waiting_for("1.49.0").starts_with("50 releases stood above"), "{}", desk.waiting_for("1.49.0"));
    for environment in ["staging", "production"] {
        desk.decide("Promote", of(environment, "1.7.0"));
    }
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
    desk.release("2.0.0", 60).finish();
    assert_eq!(desk.image("production", "checkout"), image("2.0.0"), "a new one follows by itself");
}

#[test]
fn what_cannot_be_delivered_holds_nothing_at_first_sight() {
    let mut desk = Desk::new(|_| {});
    desk.release("1.8.0", 1).release_of("9.9.9", 50_000_000, &image("9.9.9")).release_of(
        "2.0.0",
        2,
        "other.example/app:1",
    );
    desk.run().pass(2).finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered", "{:?}", desk.stage("staging").held);
    assert_eq!(desk.stage("staging").available, None);
}

#[test]
fn pause_stops_before_the_next_workload_and_its_clock() {
    let mut desk = Desk::adopted(|spec| {
        spec["workloads"] = json!([
            {"kind": "Deployment", "name": "api", "containers": [{"name": "app", "imageName": "app"}]},
            {"kind": "Deployment", "name": "web", "containers": [{"name": "app", "imageName": "app"}]},
        ]);
    });
    desk.release("1.8.0", 1);
    desk.until_written("staging", "1.8.0");
    Arc::make_mut(desk.snap.releases.first_mut().expect("the release")).spec.paused = true;
    desk.run().pass(3600).run();
    assert_ne!(desk.image("staging", "web"), image("1.8.0"));
    assert_eq!(desk.condition("1.8.0", "Ready"), "True Progressing", "it waits for a person");
    Arc::make_mut(desk.snap.releases.first_mut().expect("the release")).spec.paused = false;
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}

#[test]
fn old_decisions_do_not_act_after_a_lost_status_and_bans_bind() {
    let mut desk = two_delivered();
    let promote = desk.decide("Promote", of("production", "1.7.0"));
    desk.pass(5);
    Arc::make_mut(&mut desk.snap.pipeline).status = None;
    desk.finish();
    assert!(desk.answer(&promote).starts_with("Expired"), "{}", desk.answer(&promote));
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn an_undo_by_hand_is_not_overwritten_though_it_takes_our_marker_away() {
    for is_rolling in [true, false] {
        let mut desk = two_delivered();
        if is_rolling {
            rolling(&mut desk, "1.9.0", 3);
        } else {
            desk.release("1.9.0", 3).run();
        }
        assert_eq!(desk.image("staging", "checkout"), image("1.9.0"));
        let (writes, now) = (desk.writes(), desk.pass(2).now);
        desk.change("staging", "checkout", |w| {
            w.images.insert("app".into(), image("1.8.0"));
            w.attempt = None;
            let writer = ImageWriter { manager: "kubectl-rollout".into(), at: Some(now), is_tool: false };
            w.image_writers.insert("app".into(), writer);
        });
        desk.run();
        assert_eq!(desk.writes(), writes, "not overwritten");
        assert_eq!(desk.stage("staging").held.as_ref().map(|h| h.kind), Some(HoldKind::ExternalChange));
    }
}

#[test]
fn unban_and_promote_made_together() {
    let mut desk = two_delivered();
    rolling(&mut desk, "1.9.0", 3);
    desk.pass(601).run();
    desk.change("staging", "checkout", |w| w.available = 2).run();
    let unban = desk.decide("Unban", of("staging", "1.9.0"));
    let promote = desk.decide("Promote", of("staging", "1.9.0"));
    desk.finish();
    assert!(
        desk.answer(&unban).starts_with("Applied") && desk.answer(&promote).starts_with("Applied"),
        "{}",
        desk.answer(&promote)
    );
    assert_eq!(desk.image("production", "checkout"), image("1.9.0"));
}

#[test]
fn a_hold_outlives_withdraw_adopt_and_restore() {
    let mut desk = two_delivered();
    desk.release("1.9.0", 3).finish();
    desk.decide("Revert", at("production"));
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
    desk.decide("Withdraw", json!({"release": "checkout-1.8.0"}));
    desk.release("2.0.0", 4).finish();
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"), "held, not taken by 2.0.0");
    for decision in ["Restore", "Adopt"] {
        desk.change("production", "checkout", |w| {
            w.images.insert("app".into(), "r.example/shop/app:by-hand".into());
        });
        desk.run();
        desk.decide(decision, at("production"));
        desk.finish();
        let held = desk.stage("production").held.as_ref().and_then(|h| h.by.clone());
        assert_eq!(held.as_deref(), Some("joe"), "{decision} gives the hold back");
    }
    assert_ne!(desk.image("production", "checkout"), image("2.0.0"));
}

#[test]
fn restore_makes_nothing_healthy_and_brings_no_bad_build() {
    let mut desk = two_delivered();
    desk.change("production", "checkout", |w| {
        w.images.insert("app".into(), "r.example/shop/app:by-hand".into());
    });
    desk.run();
    desk.decide("Withdraw", json!({"release": "checkout-1.8.0"}));
    desk.run();
    let restore = desk.decide("Restore", at("production"));
    desk.run();
    assert!(desk.answer(&restore).contains("is banned or withdrawn; decide Adopt"), "{}", desk.answer(&restore));
    assert_eq!(desk.image("production", "checkout"), "r.example/shop/app:by-hand");
}

#[test]
fn two_acts_of_one_second_count_in_the_order_in_which_the_server_took_them() {
    let mut desk = two_delivered();
    let (unhold, revert) = (
        desk.decide("Unhold", json!({"environment": "staging"})),
        desk.decide("Revert", json!({"environment": "staging"})),
    );
    assert!(revert < unhold, "by name it would be the other way round");
    desk.run();
    assert!(desk.answer(&unhold).starts_with("Refused"), "{}", desk.answer(&unhold));
    assert!(desk.stage("staging").rollout.is_some() || desk.stage("staging").held.is_some());
    assert_eq!(desk.image("staging", "checkout"), image("1.7.0"));
}
