//! Objects that are there and cannot be read count for the worse: a Decision may be a ban.

use super::desk::{Desk, image};
use crate::observe::Access;

#[test]
fn nothing_starts_while_a_decision_cannot_be_read() {
    let mut desk = Desk::adopted(|_| {});
    desk.snap.unreadable.decisions = vec!["checkout.staging.1234".into()];
    desk.release("1.8.0", 1).run();
    assert_ne!(desk.image("staging", "checkout"), image("1.8.0"));
    assert!(desk.waiting_for("1.8.0").contains("Decision checkout.staging.1234 cannot be read"));
    desk.snap.unreadable.decisions.clear();
    desk.finish();
    assert_eq!(desk.image("production", "checkout"), image("1.8.0"));
}

#[test]
fn an_environment_that_cannot_be_read_is_not_called_missing() {
    let mut desk = Desk::adopted(|_| {});
    let place = desk.place("staging");
    let environment = place.environment.take();
    place.access = Access::Unreadable;
    desk.release("1.8.0", 1).run();
    assert!(desk.waiting_for("1.8.0").contains("cannot be read"), "{}", desk.waiting_for("1.8.0"));
    let place = desk.place("staging");
    (place.environment, place.access) = (environment, Access::Granted { namespace: "shop-staging".into() });
    desk.finish();
    assert_eq!(desk.phase("1.8.0", "production"), "Delivered");
}
