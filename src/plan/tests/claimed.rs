//! Another pipeline claims a workload while this one delivers: what is still ours goes back, nothing is condemned.

use super::desk::{Desk, image};
use crate::api::checkpoint::HoldKind;
use crate::observe::Claim;

const OLD: &str = "elsewhere.example/old:1";

fn claim(desk: &mut Desk, name: &str) {
    desk.change("staging", name, |w| w.claim = Claim::Other("shop/other".into())).run();
}

fn two_workloads() -> Desk {
    let mut desk = Desk::new(|_| {});
    desk.grow("worker").run().pass(2);
    desk
}

#[test]
fn in_mid_rollout_the_rest_goes_back() {
    let mut desk = two_workloads();
    desk.release("1.8.0", 1).until(|desk| desk.image("staging", "worker") == image("1.8.0"));
    let writes = desk.writes();
    claim(&mut desk, "worker");
    assert_eq!((desk.image("staging", "checkout").as_str(), desk.writes()), (OLD, writes + 1), "ours, and only ours");
    assert_eq!(desk.image("staging", "worker"), image("1.8.0"), "theirs");
    assert_eq!((desk.history("staging").pop().unwrap_or_default(), desk.bans()), (reverted(), 0));
}

fn reverted() -> String {
    "checkout-1.8.0 Reverted Inconclusive".into()
}

#[test]
fn where_nothing_is_left_the_rollout_is_over() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).until_written("staging", "1.8.0");
    let writes = desk.writes();
    claim(&mut desk, "checkout");
    assert_eq!((desk.writes(), desk.bans()), (writes, 0));
    assert_eq!(desk.history("staging").last().map(String::as_str), Some("checkout-1.8.0 Aborted Inconclusive"));
    assert!(desk.stage("staging").adopted.is_none(), "what runs when the claim is void is adopted anew");
}

#[test]
fn a_persons_hold_stays() {
    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1).finish();
    desk.decide("Revert", serde_json::json!({"environment": "staging"}));
    desk.run();
    let held = |desk: &Desk| desk.stage("staging").held.as_ref().map(|h| h.kind);
    assert_eq!(held(&desk), Some(HoldKind::Revert));
    claim(&mut desk, "checkout");
    assert_eq!(held(&desk), Some(HoldKind::Revert));
}
