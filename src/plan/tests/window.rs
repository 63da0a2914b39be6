//! When an Environment lets releases start, and what goes on while it does not.

use serde_json::{Value, json};

use super::desk::Desk;
use super::routing::routed;
use crate::api::conditions::find;
use crate::api::window::WindowStatus;
use crate::api::{Span, Time};
use crate::plan::plan;

/// Monday 2026-11-23 09:00 in London, where the clock is at UTC.
fn opening() -> Time {
    at("2026-11-23T09:00:00Z")
}

fn at(text: &str) -> Time {
    serde_json::from_value(json!(text)).expect("a time")
}

fn working_hours() -> Value {
    json!([{"allow": "0 9 * * MON-THU", "for": "8h", "timeZone": "Europe/London"}])
}

fn open(desk: &mut Desk, windows: Value) {
    desk.rules("production", |rules| rules.windows = serde_json::from_value(windows).expect("windows"));
}

/// 1.8.0 is proven in staging, at noon on the Sunday before.
fn on_sunday(windows: Value, change: impl FnOnce(&mut Value)) -> Desk {
    let mut desk = Desk::adopted(change);
    open(&mut desk, windows);
    desk.now = at("2026-11-22T12:00:00Z");
    desk.release("1.8.0", 1).run();
    desk
}

/// Production is a canary of these steps.
fn stepped(steps: Value) -> impl FnOnce(&mut Value) {
    move |spec| spec["stages"][1]["strategy"] = json!({"canary": {"steps": steps}})
}

/// What production's Environment says of its windows after its own pass, when that looks again, and whether it is stalled.
fn projection(desk: &Desk) -> (WindowStatus, Option<Time>, String) {
    let (status, wake) = desk.told_by_owner();
    let stalled = find(&status.conditions, "Stalled").expect("a condition");
    let told = format!("{} {} {}", stalled.status, stalled.reason, stalled.message);
    (status.window.unwrap_or_default(), wake, told)
}

#[test]
fn a_release_starts_when_a_window_opens_and_is_told_when() {
    let mut desk = on_sunday(working_hours(), |_| {});
    assert_eq!(desk.waiting_for("1.8.0"), "window opens Monday 2026-11-23 09:00 Europe/London");
    let gate = desk.gate("1.8.0", "production", "window");
    assert_eq!((gate.source.as_str(), gate.change.as_str()), ("policy", "Monday 2026-11-23 09:00 Europe/London"));
    assert!(desk.condition("1.8.0", "Ready").starts_with("True"), "nobody must edit anything");
    desk.pass(61).run();
    assert_eq!(plan(&desk.snap, desk.now).wake_at, Some(opening()), "nothing else would wake it");
    desk.now = opening();
    desk.run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn a_train_leaves_with_the_newest_that_is_proven() {
    let mut desk = on_sunday(json!([{"allow": "0 10 * * TUE", "for": "1h", "reason": "weekly train"}]), |spec| {
        spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]);
    });
    desk.report("api", "Passed").run().release("1.9.0", 2).run();
    desk.report("api", "Passed").run().release("2.0.0", 3).run();
    assert_eq!(desk.waiting_for("1.9.0"), "window opens Tuesday 2026-11-24 10:00 UTC (weekly train)");
    desk.now = at("2026-11-24T10:00:00Z");
    desk.run();
    assert!(desk.is_in("1.9.0"), "2.0.0 is not proven, 1.8.0 is not the newest");
}

#[test]
fn what_has_started_goes_on_when_the_window_closes() {
    let steps = json!([{"weight": 50, "pause": "10m"}]);
    let mut desk = on_sunday(working_hours(), stepped(steps));
    desk.now = at("2026-11-23T16:50:00Z");
    desk.run();
    assert_eq!(desk.stage("production").rollout.as_ref().map(|r| r.release.as_str()), Some("checkout-1.8.0"));
    // it takes its time
    desk.pass(3600).run().pass(601).run().pass(61).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn what_would_not_finish_does_not_start() {
    let steps = json!([{"weight": 20, "pause": "10m"}, {"weight": 50, "pause": "1h20m"}]);
    let mut desk = on_sunday(working_hours(), stepped(steps));
    desk.now = at("2026-11-23T15:30:01Z");
    desk.run();
    assert_eq!(
        desk.waiting_for("1.8.0"),
        "would not finish before the window closes Monday 2026-11-23 17:00 Europe/London: it takes 1h30m at least; one \
         opens Tuesday 2026-11-24 09:00 Europe/London"
    );
    assert_eq!(plan(&desk.snap, desk.now).wake_at, Some(at("2026-11-23T17:00:00Z")));
    desk.now = at("2026-11-23T17:00:00Z");
    desk.run();
    assert_eq!(desk.waiting_for("1.8.0"), "window opens Tuesday 2026-11-24 09:00 Europe/London");
    desk.now = at("2026-11-24T15:30:00Z");
    desk.run();
    assert!(desk.stage("production").rollout.is_some(), "it finishes when the window closes");
}

#[test]
fn a_route_drains_after_each_share_and_at_the_end() {
    let mut desk = on_sunday(json!([{"allow": "0 9 * * MON", "for": "1h"}]), |spec| {
        stepped(json!([{"weight": 50, "pause": "10m"}]))(spec);
        routed(spec);
    });
    desk.now = at("2026-11-23T09:49:40.001Z");
    desk.run();
    assert!(desk.waiting_for("1.8.0").contains("it takes 10m20s at least"), "{}", desk.waiting_for("1.8.0"));
}

#[test]
fn no_window_is_long_enough_and_it_says_so() {
    let steps = json!([{"weight": 50, "pause": "9h"}]);
    let mut desk = on_sunday(working_hours(), stepped(steps));
    let told = "no window is open for 9h, which is what its steps take at least";
    assert_eq!(desk.waiting_for("1.8.0"), told);
    desk.now = opening();
    desk.run();
    assert_eq!(desk.waiting_for("1.8.0"), told);
    // one that follows without a gap makes a longer one
    open(
        &mut desk,
        json!([
            {"allow": "0 9 * * MON-THU", "for": "8h", "timeZone": "Europe/London"},
            {"allow": "0 17 * * THU", "for": "3h", "timeZone": "Europe/London"},
        ]),
    );
    desk.run();
    assert!(desk.waiting_for("1.8.0").ends_with("one opens Thursday 2026-11-26 09:00 Europe/London"));
}

#[test]
fn what_is_denied_is_not_allowed() {
    let audit = json!({"deny": "0 12 23 11 *", "for": "24h", "timeZone": "Asia/Kolkata", "reason": "audit"});
    let mut desk = on_sunday(json!([working_hours()[0], audit]), |_| {});
    desk.now = opening();
    desk.run();
    assert_eq!(desk.waiting_for("1.8.0"), "window opens Tuesday 2026-11-24 09:00 Europe/London (audit)");
    desk.now = at("2026-11-24T09:00:00Z");
    desk.run();
    assert!(desk.is_in("1.8.0"));

    let mut desk = on_sunday(json!([{"deny": "0 0 * * SUN", "for": "24h"}]), |_| {});
    assert_eq!(desk.waiting_for("1.8.0"), "window opens Monday 2026-11-23 00:00 UTC");
    desk.now = at("2026-11-23T00:00:00Z");
    desk.run();
    assert!(desk.is_in("1.8.0"), "no window allows, so what is not denied may start");
}

#[test]
fn no_promotion_by_hand_passes_a_closed_window_and_every_way_back_does() {
    let mut desk = on_sunday(working_hours(), |_| {});
    desk.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(!desk.is_in("1.8.0"));
    desk.now = opening();
    desk.run();
    assert!(desk.is_in("1.8.0"));
    desk.pass(61).run();

    desk.now = at("2026-11-23T20:00:00Z");
    desk.decide("Revert", json!({"environment": "production"}));
    desk.run();
    assert!(!desk.is_in("1.8.0"));
    assert_eq!(desk.stage("production").held.as_ref().map(|held| held.by.clone()), Some(Some("joe".to_owned())));
}

#[test]
fn a_window_that_cannot_be_read_is_shut_and_named() {
    for (windows, told) in [
        (json!([{"allow": "0 25 * * *", "for": "8h"}]), r#"spec.windows[0].allow: "0 25 * * *": "#),
        (
            json!([{"deny": "0 0 31 2 *", "for": "8h"}]),
            r#"spec.windows[0].deny: "0 0 31 2 *" names a time that never comes"#,
        ),
        (
            json!([{"allow": "0 9 * * *", "for": "8h", "timeZone": "Europe/Lundon"}]),
            r#"spec.windows[0].timeZone: "Europe/Lundon" is not a time zone"#,
        ),
    ] {
        let mut desk = on_sunday(windows, |_| {});
        desk.now = opening();
        desk.run();
        assert!(!desk.is_in("1.8.0"));
        assert!(desk.waiting_for("1.8.0").starts_with(told), "{}", desk.waiting_for("1.8.0"));
        let (window, _, stalled) = projection(&desk);
        assert_eq!(window, WindowStatus::default());
        assert!(stalled.starts_with(&format!("True InvalidWindow {told}")), "{stalled}");
    }
}

#[test]
fn the_environment_says_when_it_opens_and_closes() {
    let mut desk = on_sunday(working_hours(), |_| {});
    let close = opening().plus(Span::seconds(8 * 3600));
    let (window, wake, _) = projection(&desk);
    let told = "window opens Monday 2026-11-23 09:00 Europe/London";
    assert_eq!((window.open, window.message.as_str()), (false, told));
    assert_eq!((window.next_open, window.next_close), (Some(opening()), Some(close)));
    assert_eq!(wake, Some(opening()));

    desk.now = opening();
    let (window, wake, _) = projection(&desk);
    assert_eq!((window.open, window.message.as_str()), (true, "open until Monday 2026-11-23 17:00 Europe/London"));
    assert_eq!((window.next_open, window.next_close), (Some(at("2026-11-24T09:00:00Z")), Some(close)));
    assert_eq!(wake, Some(close));

    for (windows, open, message) in [
        (json!([{"allow": "0 * * * *", "for": "1h"}]), true, "open"),
        (json!([{"deny": "0 * * * *", "for": "2h"}]), false, "closed, and no opening is in sight"),
    ] {
        self::open(&mut desk, windows);
        let (window, wake, _) = projection(&desk);
        assert_eq!((window.open, window.message.as_str()), (open, message));
        assert!(wake.is_some(), "it looks again as far as it has foreseen");
    }
}

#[test]
fn a_long_denial_over_many_small_windows_is_seen_through() {
    let windows = json!([{"deny": "0 0 22 11 *", "for": "744h"}, {"allow": "*/15 * * * *", "for": "15m"}]);
    let mut desk = on_sunday(windows, |_| {});
    assert_eq!(desk.waiting_for("1.8.0"), "window opens Wednesday 2026-12-23 00:00 UTC");
    // minute by minute, and shut from ten to six
    let windows = json!([{"allow": "* * * * *", "for": "1m"}, {"deny": "0 22 * * *", "for": "8h"}]);
    open(&mut desk, windows);
    let (window, wake, _) = projection(&desk);
    assert!(window.open && wake.is_some_and(|wake| wake <= at("2026-11-22T22:00:00Z")), "{window:?} {wake:?}");
}
