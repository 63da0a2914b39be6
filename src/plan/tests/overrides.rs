//! Override: named gates are skipped for one release, once, and that stays on record.

use serde_json::{Value, json};

use super::desk::{Desk, START, image};
use crate::api::approvals::ApprovalPolicy;
use crate::api::environment::Policy;
use crate::api::freeze::Freeze;
use crate::api::release::ReleaseStage;
use crate::observe::Admission;

fn frozen(desk: &mut Desk) {
    desk.rules("production", |rules| rules.freeze = Some(Freeze { reason: "stock-taking".into(), until: None }));
}

fn over(desk: &mut Desk, version: &str, gates: &Value) -> String {
    let fields = json!({"environment": "production", "release": format!("checkout-{version}"), "gates": gates, "reason": "the till is down"});
    desk.pass(1).decide("Override", fields)
}

fn production(desk: &Desk, version: &str) -> ReleaseStage {
    desk.known(version).status.as_ref().expect("a status").stages[1].clone()
}

#[test]
fn a_hotfix_goes_out_in_a_freeze_and_says_by_whom() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"soak": "10m"}));
    frozen(&mut desk);
    desk.release("1.8.0", 1).run().pass(61).run();
    let part = over(&mut desk, "1.8.0", &json!(["freeze"]));
    desk.run();
    assert!(!desk.is_in("1.8.0"), "its soak is not over");
    let gate = desk.gate("1.8.0", "production", "freeze");
    assert_eq!(
        (gate.state.as_str(), gate.reason.as_str()),
        ("Overridden", "by joe: the till is down; frozen: stock-taking (spec.freeze)")
    );
    assert!(desk.answer(&part).starts_with("Pending: stands; waits: its soak in staging"), "{}", desk.answer(&part));
    let rest = over(&mut desk, "1.8.0", &json!(["soak"]));
    desk.run();
    assert!(desk.is_in("1.8.0"));
    for name in [&part, &rest] {
        assert_eq!(desk.answer(name), "Applied: 1.8.0 started in production");
    }
    let told: Vec<String> = production(&desk, "1.8.0")
        .decisions
        .iter()
        .map(|d| format!("{:?} {} {:?} {}", d.r#type, d.user, d.gates, d.reason))
        .collect();
    assert_eq!(told, ["Override joe [Freeze] the till is down", "Override joe [Soak] the till is down"]);

    // once: the next one waits
    desk.release("1.9.0", 2).run().pass(700).run();
    assert!(!desk.is_in("1.9.0"));
    assert_eq!(desk.waiting_for("1.9.0"), "frozen: stock-taking (spec.freeze)");
}

#[test]
fn what_was_let_pass_goes_on_to_the_end_and_nothing_else_does() {
    let mut desk = Desk::stepping(|_| {});
    frozen(&mut desk);
    for _ in 0..6 {
        desk.run().pass(61);
    }
    desk.run();
    let exposed = |desk: &Desk| desk.clone_of("production", "checkout").expect("a clone").wanted;
    assert!(exposed(&desk) == 1 && !desk.is_in("1.8.0"), "it stands still");
    let none = over(&mut desk, "1.8.0", &json!(["window"]));
    desk.run();
    assert_eq!(
        desk.answer(&none),
        "Refused: checkout-1.8.0 waits for nothing in production; where something newer has started there, decide Promote first"
    );
    let go = over(&mut desk, "1.8.0", &json!(["freeze"]));
    desk.run();
    assert_eq!(desk.answer(&go), "Applied: 1.8.0 goes on in spite of the freeze");
    assert!(exposed(&desk) > 1, "it goes on");
    let (status, _) = desk.told_by_owner();
    let said = crate::api::conditions::find(&status.conditions, "Frozen").expect("a condition").message.clone();
    assert!(said.ends_with("; by Override there goes on: checkout-1.8.0"), "{said}");
    for _ in 0..6 {
        desk.run().pass(61);
    }
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn approvals_are_skipped_only_by_a_word_that_can_be_relied_on() {
    let mut desk = Desk::adopted(|_| {});
    let approvals = Some(ApprovalPolicy { required: 2, groups: vec![], allow_author: false });
    desk.rules("production", |rules| rules.policy = Some(Policy { approvals, ..Policy::default() }));
    desk.release("1.8.0", 1).run().pass(61).run();
    desk.snap.admission = Admission::Open("windlass-decide is missing".into());
    let unseen = over(&mut desk, "1.8.0", &json!(["approvals"]));
    desk.run();
    assert_eq!(desk.answer(&unseen), "Refused: it cannot be relied on: windlass-decide is missing");
    let early = over(&mut desk, "1.8.0", &json!(["approvals"]));
    desk.snap.admission = Admission::InForce { since: desk.now };
    desk.run();
    assert!(desk.answer(&early).contains("decide anew") && !desk.is_in("1.8.0"), "{}", desk.answer(&early));
    over(&mut desk, "1.8.0", &json!(["approvals"]));
    desk.run();
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn evidence_and_bans_are_not_skipped_and_it_is_of_one_release() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    frozen(&mut desk);
    desk.release("1.8.0", 1).run();
    let all = json!(["soak", "approvals", "window", "freeze"]);
    let early = over(&mut desk, "1.8.0", &all);
    desk.run().pass(61).run();
    assert_eq!(desk.waiting_for("1.8.0"), "tests: api");
    assert!(
        desk.answer(&early).starts_with("Pending: stands; waits: not proven in staging yet"),
        "{}",
        desk.answer(&early)
    );
    // another release of that name is not what was meant
    desk.release_of("1.8.0", 2, &image("another"));
    desk.run();
    assert!(
        desk.answer(&early).starts_with("Refused: checkout-1.8.0 was made in that second or after it"),
        "{}",
        desk.answer(&early)
    );
    let nobody = over(&mut desk, "7.0.0", &all);
    desk.run();
    assert_eq!(desk.answer(&nobody), "Refused: spec.release: there is no release checkout-7.0.0");
}

#[test]
fn what_is_let_pass_has_its_time_from_then() {
    let verified = |spec: &mut Value| {
        let checks =
            json!([{"name": "errors", "metric": {"provider": "main", "query": "e", "max": "1"}, "samples": 1}]);
        spec["stages"][1]["checks"] = checks;
    };
    let mut desk = Desk::adopted(verified);
    desk.release("1.8.0", 1).until(|desk| desk.is_in("1.8.0")).run();
    frozen(&mut desk);
    desk.run().pass(24 * 3600).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Verifying");
    let go = over(&mut desk, "1.8.0", &json!(["freeze"]));
    desk.run();
    assert_eq!(desk.answer(&go), "Applied: 1.8.0 goes on in spite of the freeze");
    assert_eq!(desk.phase("1.8.0", "production"), "Verifying", "it has had no time yet");
    desk.pass(601).run();
    assert_eq!(desk.phase("1.8.0", "production"), "Reverted Inconclusive");
}

#[test]
fn it_is_of_one_freeze_and_of_none_that_comes_later() {
    let mut desk = Desk::stepping(|_| {});
    frozen(&mut desk);
    desk.run();
    over(&mut desk, "1.8.0", &json!(["freeze"]));
    desk.run();
    desk.rules("production", |rules| rules.freeze = None);
    desk.run();
    frozen(&mut desk);
    for _ in 0..6 {
        desk.run().pass(61);
    }
    desk.run();
    assert!(!desk.is_in("1.8.0"), "another freeze is another matter");

    let mut desk = Desk::adopted(|_| {});
    desk.release("1.8.0", 1);
    over(&mut desk, "1.8.0", &json!(["freeze", "window"]));
    desk.until(|desk| desk.stage("production").rollout.is_some());
    assert!(desk.stage("production").rollout.as_ref().is_some_and(|r| r.overridden.is_empty()), "nothing was skipped");
}

#[test]
fn a_later_word_takes_the_place_of_one_that_stands() {
    let mut desk = Desk::adopted(|spec| spec["stages"][0]["tests"] = json!([{"suite": "api", "external": {}}]));
    desk.release("1.8.0", 1).run();
    let mut all: Vec<String> = (0..3).map(|_| over(&mut desk, "1.8.0", &json!(["approvals", "freeze"]))).collect();
    desk.run();
    let last = all.pop().expect("the last");
    for older in &all {
        assert!(desk.answer(older).ends_with("takes its place"), "{}", desk.answer(older));
    }
    assert!(desk.answer(&last).starts_with("Pending"), "{}", desk.answer(&last));
    desk.pass(1).decide("Reject", json!({"environment": "production", "release": "checkout-1.8.0", "user": "ann"}));
    desk.run();
    assert_eq!(desk.answer(&last), "Refused: ann has rejected it since");
    desk.report("api", "Passed").run().pass(61).run();
    assert_eq!(desk.waiting_for("1.8.0"), "rejected by ann: no reason given");
    over(&mut desk, "1.8.0", &json!(["approvals"]));
    desk.run();
    assert!(desk.is_in("1.8.0"), "who overrides a rejection knows of it");
}

#[test]
fn what_a_promote_could_not_bring_no_override_brings() {
    let mut desk = Desk::adopted(|_| {});
    frozen(&mut desk);
    desk.release("1.8.0", 1).run().pass(61).run();
    desk.pass(1).decide("Withdraw", json!({"release": "checkout-1.8.0"}));
    let late = over(&mut desk, "1.8.0", &json!(["freeze"]));
    desk.run();
    assert_eq!(desk.answer(&late), "Refused: checkout-1.8.0 was withdrawn by joe");
}

#[test]
fn while_the_policies_cannot_be_seen_a_word_waits() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"approvals": {"required": 1}}));
    let allow = ApprovalPolicy { required: 0, groups: vec![], allow_author: true };
    desk.rules("production", |rules| rules.policy = Some(Policy { approvals: Some(allow), ..Policy::default() }));
    desk.release("1.8.0", 1).run().pass(61).run();
    desk.snap.admission = Admission::Unseen("the watch of policies is dead".into());
    let fields = json!({"environment": "production", "release": "checkout-1.8.0", "user": "ann"});
    let approve = desk.pass(1).decide("Approve", fields);
    desk.run();
    let waits = "Pending: stands; waits: approvals cannot be relied on: the watch of policies is dead";
    assert_eq!(desk.answer(&approve), waits);
    desk.snap.admission = Admission::InForce { since: START };
    desk.run();
    assert_eq!(desk.answer(&approve), "Applied: approved in production");
    assert!(desk.is_in("1.8.0"));
}
