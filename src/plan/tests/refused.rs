//! Writes that the server refuses: said, tried again, and never taken for a fault of the build.

use super::desk::{Desk, image};

const SAID: &str = "deployments.apps \"checkout\" is forbidden: User \"windlass\" cannot patch resource";

fn refused() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    if let Some(place) = desk.snap.places.get_mut("staging") {
        place.refusal = Some(SAID.into());
    }
    desk.release("1.8.0", 1).run();
    desk
}

#[test]
fn it_is_said_what_is_missing() {
    let desk = refused();
    assert!(desk.waiting_for("1.8.0").contains("targetNamespaces"), "{}", desk.waiting_for("1.8.0"));
    let status = desk.snap.pipeline.status.as_ref().unwrap();
    assert!(crate::api::conditions::is_true(&status.conditions, "Stalled"));
}

#[test]
fn once_it_is_allowed_the_rollout_goes_on() {
    let mut desk = refused();
    if let Some(place) = desk.snap.places.get_mut("staging") {
        place.refusal = None;
    }
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn a_deadline_that_passes_meanwhile_bans_nothing() {
    let mut desk = refused();
    desk.pass(601).run();
    assert_eq!(desk.bans(), 0);
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
}

#[test]
fn nor_does_one_that_passes_while_writes_get_no_answer() {
    let mut desk = Desk::adopted(|_| {});
    desk.writes_lost = true;
    desk.release("1.8.0", 1).run().pass(601).run();
    assert_eq!(desk.bans(), 0);
    assert_eq!(desk.history("staging"), [" Adopted", "checkout-1.8.0 Reverted Inconclusive"]);
    assert!(desk.waiting_for("1.8.0").contains("could not be written"), "{}", desk.waiting_for("1.8.0"));
}

#[test]
fn a_revert_that_is_refused_says_so() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    desk.snap.places.get_mut("staging").unwrap().refusal = Some(SAID.into());
    desk.crash("staging", "checkout").run().pass(601).run();
    let alert = desk.stage("staging").alert.as_ref().map(|a| a.message.clone()).unwrap_or_default();
    assert!(alert.contains("no right to write"), "{alert}");
}
