//! Health after full exposure: what fails takes the build back, what only starts gets its time.

use serde_json::json;

use super::desk::Desk;
use crate::observe::TroubleKind;

/// 1.8.0 bakes in staging for an hour.
fn baking() -> Desk {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][0]["bake"] = json!("1h");
        spec["stages"][1]["promotion"] = json!({"mode": "Manual"});
    });
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk
}

#[test]
fn a_pod_in_place_of_another_may_take_its_time_to_start() {
    let mut desk = baking();
    desk.trouble("staging", "checkout", TroubleKind::Starting).run();
    desk.pass(599).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "as long as a rollout may take");
    desk.heal("staging", "checkout").run();
    assert!(desk.history("staging").iter().all(|line| !line.contains("Failed")));
}

#[test]
fn one_that_never_starts_is_lost_health() {
    let mut desk = baking();
    desk.trouble("staging", "checkout", TroubleKind::Starting).pass(600).run().pass(60).run();
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Failed");
    assert_eq!(desk.bans(), 1);
}

#[test]
fn one_that_was_ready_and_is_not_any_more_has_a_minute() {
    let mut desk = baking();
    desk.trouble("staging", "checkout", TroubleKind::NotReady).run();
    desk.pass(59).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.pass(1).run().heal("staging", "checkout").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Reverted Failed");
}

#[test]
fn what_serves_after_its_revert_took_too_long_is_a_revert_target() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.7.0", 1).finish();
    desk.release("1.8.0", 2).until_written("staging", "1.8.0").crash("staging", "checkout").run();
    desk.crash("staging", "checkout").pass(601).run();
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("RevertFailed"));
    desk.heal("staging", "checkout").run();
    let stage = desk.stage("staging");
    assert_eq!((stage.alert.is_none(), stage.current.as_ref().map(|c| c.healthy)), (true, Some(true)));
    desk.release("1.9.0", 3).until_written("staging", "1.9.0").crash("staging", "checkout").run();
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.image("staging", "checkout"), super::desk::image("1.7.0"));
}
