//! How rollouts end (walks 5, 6, 7, 12, 13, 17, 18): the images afterwards, the history, the bans, what people read.

use std::sync::Arc;

use serde_json::json;

use super::desk::{Desk, image};

const OLD: &str = "elsewhere.example/old:1";

/// Runs until the release's images stand in the environment, and breaks them there.
fn break_on_arrival(desk: &mut Desk, environment: &str, version: &str) {
    desk.release(version, 1);
    desk.until_written(environment, version).crash(environment, "checkout").run();
    desk.heal(environment, "checkout").run();
}

#[test]
fn straight_through() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    for environment in ["staging", "production"] {
        assert_eq!(desk.image(environment, "checkout"), image("1.8.0"));
        assert_eq!(desk.history(environment), [" Adopted", "checkout-1.8.0 Delivered"]);
    }
    assert_eq!(desk.condition("1.8.0", "Delivered"), "True Delivered");
    assert_eq!(desk.condition("1.8.0", "Ready"), "True Delivered");
    assert_eq!(desk.writes(), 2, "one image write per environment");
}

#[test]
fn a_crash_in_staging_bans_and_goes_back_to_revision_0() {
    let mut desk = Desk::adopted(|_| {});
    break_on_arrival(&mut desk, "staging", "1.8.0");
    assert_eq!(desk.image("staging", "checkout"), OLD, "as found, though from outside the repositories");
    assert_eq!(desk.image("production", "checkout"), OLD);
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
    assert_eq!((desk.bans(), desk.phase("1.8.0", "staging")), (1, "Reverted Failed".into()));
    assert_eq!(desk.condition("1.8.0", "Stalled"), "True Reverted");
    assert!(desk.waiting_for("1.8.0").contains("back-off"), "{}", desk.waiting_for("1.8.0"));
    desk.release("1.8.1", 2).run();
    assert_eq!(desk.condition("1.8.0", "Stalled"), "False Reverted", "a newer one is there");
    assert_eq!(desk.condition("1.8.0", "Ready"), "True Reverted");
}

#[test]
fn a_crash_in_production_leaves_staging_and_its_evidence() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.7.0", 0).finish();
    break_on_arrival(&mut desk, "production", "1.8.0");
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.7.0"));
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    assert_eq!(desk.phase("1.8.0", "production"), "Reverted Failed");
    assert_eq!(desk.condition("1.8.0", "Delivered"), "False Reverted");
    assert!(desk.stage("staging").proofs.iter().any(|p| p.release == "checkout-1.8.0" && p.void.is_none()));
}

#[test]
fn the_revert_goes_on_though_the_ban_cannot_be_written() {
    let mut desk = Desk::adopted(|_| {});
    desk.bans_refused = true;
    break_on_arrival(&mut desk, "staging", "1.8.0");
    assert_eq!((desk.image("staging", "checkout"), desk.bans()), (OLD.into(), 0));
    let name = desk.decide("Retry", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.run();
    assert!(desk.answer(&name).contains("banned"), "the checkpoint bans meanwhile: {}", desk.answer(&name));
    desk.bans_refused = false;
    desk.run();
    assert_eq!((desk.bans(), desk.stage("staging").bans.len()), (1, 0), "and the object follows");
}

#[test]
fn without_a_target_the_images_stay_and_the_stage_is_free() {
    let mut desk = Desk::new(|_| {});
    for environment in ["staging", "production"] {
        desk.change(environment, "checkout", |w| {
            w.images.insert("app".into(), "placeholder.invalid/none:0".into());
        });
    }
    desk.run().pass(2);
    break_on_arrival(&mut desk, "staging", "1.8.0");
    assert_eq!(desk.image("staging", "checkout"), image("1.8.0"));
    assert_eq!(desk.history("staging"), ["checkout-1.8.0 Failed Failed"]);
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("NoRevertTarget"));
    desk.release("1.8.1", 2).finish();
    assert_eq!(desk.phase("1.8.1", "production"), "Delivered");
}

#[test]
fn health_lost_in_the_bake_goes_back_and_voids_the_evidence() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"mode": "Manual"}));
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking");
    desk.crash("staging", "checkout").run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Delivered Baking", "for a minute it may be nothing");
    desk.pass(60).run();
    assert_eq!(desk.image("staging", "checkout"), OLD);
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Failed"]);
    assert!(desk.stage("staging").proofs.iter().all(|p| p.void.is_some()));
}

#[test]
fn a_revert_that_does_not_serve_is_reported_and_frees_the_stage() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    desk.until_written("staging", "1.8.0");
    desk.crash("staging", "checkout").run();
    let writes = desk.writes();
    desk.pass(601).run();
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Failed Failed"]);
    assert_eq!(desk.stage("staging").alert.as_ref().map(|a| a.reason.as_str()), Some("RevertFailed"));
    assert_eq!(desk.writes(), writes, "no more writes");
    desk.release("1.8.1", 2).heal("staging", "checkout").finish();
    assert_eq!(desk.phase("1.8.1", "staging"), "Delivered");
    assert!(desk.stage("staging").alert.is_none());
}

#[test]
fn the_second_of_two_workloads_fails() {
    let mut desk = Desk::adopted(|spec| {
        spec["workloads"] = json!([
            {"kind": "Deployment", "name": "api", "containers": [{"name": "app", "imageName": "app"}]},
            {"kind": "Deployment", "name": "web", "containers": [{"name": "app", "imageName": "app"}]},
        ]);
    });
    desk.release("1.8.0", 1);
    desk.until(|desk| desk.image("staging", "web") == image("1.8.0"));
    assert_eq!(desk.image("staging", "api"), image("1.8.0"), "in the order of the list");
    desk.crash("staging", "web").run();
    assert_eq!((desk.image("staging", "web"), desk.image("staging", "api")), (OLD.into(), OLD.into()));
    desk.heal("staging", "web").run();
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Failed"], "one entry");
    assert_eq!(desk.bans(), 1);
}

#[test]
fn a_deleted_release_goes_back_in_mid_rollout_and_stays_when_delivered() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    desk.until_written("staging", "1.8.0");
    desk.change("staging", "checkout", |w| w.available = 1).run();
    let release = Arc::make_mut(desk.snap.releases.first_mut().expect("the release"));
    release.metadata.deletion_timestamp = Some(desk.now.into());
    desk.run();
    assert_eq!(desk.image("staging", "checkout"), OLD);
    desk.heal("staging", "checkout").run();
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted ReleaseDeleted"]);
    assert_eq!((desk.bans(), desk.snap.releases.len()), (0, 0), "no ban; its finalizer is gone");
}

#[test]
fn a_release_made_again_in_the_second_in_which_the_old_one_ended_is_another() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.change("staging", "checkout", |w| w.available = 1).pass(1).run();
    let release = Arc::make_mut(desk.snap.releases.first_mut().expect("the release"));
    release.metadata.deletion_timestamp = Some(desk.now.into());
    desk.run().heal("staging", "checkout").run();
    assert!(desk.snap.releases.is_empty());
    desk.release("1.8.0", 1).run();
    assert_eq!(desk.phase("1.8.0", "staging"), "Superseded");
}

#[test]
fn another_template_than_the_recorded_one_is_image_only() {
    let mut desk = Desk::adopted(|_| {});
    desk.change("staging", "checkout", |w| w.fingerprint = "f1".into()).run();
    assert_eq!(desk.history("staging"), [" Adopted", " ConfigChanged"]);
    break_on_arrival(&mut desk, "staging", "1.8.0");
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 ImageOnly Failed"));
}

#[test]
fn the_same_digests_under_another_version_are_not_written_again() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    let writes = desk.writes();
    desk.release_of("1.8.1", 2, &image("1.8.0")).finish();
    assert_eq!(desk.phase("1.8.1", "production"), "Delivered");
    assert_eq!(desk.writes(), writes);
    assert_eq!(desk.phase("1.8.0", "production"), "Superseded");
}

#[test]
fn what_ends_a_rollout_of_the_same_digests_leaves_what_was_delivered() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    desk.release("1.8.0", 1).run();
    desk.report("api", "Passed").finish();
    desk.release_of("1.8.1", 2, &image("1.8.0")).run();
    assert_eq!(desk.phase("1.8.1", "staging"), "Verifying");
    let writes = desk.writes();
    desk.decide("Abort", json!({"environment": "staging"}));
    desk.finish();
    assert_eq!((desk.image("staging", "checkout"), desk.writes()), (image("1.8.0"), writes));
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.1 Aborted Aborted"));
    assert!(desk.stage("staging").proofs.iter().all(|p| p.void.is_none()), "the evidence of 1.8.0 stands");
}

#[test]
fn what_a_paused_rollout_has_set_is_judged_on() {
    let mut desk = Desk::adopted(|spec| {
        spec["workloads"] = json!([
            {"kind": "Deployment", "name": "api", "containers": [{"name": "app", "imageName": "app"}]},
            {"kind": "Deployment", "name": "web", "containers": [{"name": "app", "imageName": "app"}]},
        ]);
    });
    desk.release("1.8.0", 1);
    desk.until_written("staging", "1.8.0");
    Arc::make_mut(desk.snap.releases.first_mut().expect("the release")).spec.paused = true;
    desk.run();
    desk.crash("staging", "api").run();
    assert_eq!(desk.image("staging", "api"), OLD, "{}", desk.phase("1.8.0", "staging"));
    assert_eq!(desk.bans(), 1);
}
