//! Approvals: how many, whose, of which build, and what keeps the gate shut though there are enough.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, REPOSITORY, START, image};
use crate::api::approvals::ApprovalPolicy;
use crate::api::environment::Policy;
use crate::api::{Release, Span};
use crate::observe::Admission;

/// The owner of production asks for so many.
fn floor(desk: &mut Desk, required: u32, groups: &[&str], allow_author: bool) {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let approvals = Some(ApprovalPolicy { required, groups, allow_author });
    desk.rules("production", |rules| rules.policy = Some(Policy { approvals, ..Policy::default() }));
}

/// 1.8.0, asked for by maria, is proven in staging; production wants two approvals.
fn waiting() -> Desk {
    let mut desk = Desk::adopted(|_| {});
    floor(&mut desk, 2, &[], false);
    asked_for(&mut desk, "1.8.0", 1);
    desk
}

/// Maria asks for it, and it has soaked in staging.
fn asked_for(desk: &mut Desk, version: &str, minute: i64) {
    desk.release(version, minute);
    by_maria(desk, version);
    desk.run().pass(61).run();
}

/// She asks for it, and wrote its commit.
fn by_maria(desk: &mut Desk, version: &str) {
    let mut identities = BTreeMap::clone(&desk.snap.identities);
    identities.insert("maria@shop.example".to_owned(), "maria".to_owned());
    desk.snap.identities = Arc::new(identities);
    change(desk, version, |release| {
        release.spec.requested_by = Some("maria".into());
        release.spec.build.source = serde_json::from_value(json!({"author": "maria@shop.example"})).expect("a source");
    });
}

fn change(desk: &mut Desk, version: &str, edit: impl FnOnce(&mut Release)) {
    let name = format!("checkout-{version}");
    let known = desk.snap.releases.iter_mut().find(|r| r.metadata.name.as_deref() == Some(&name)).expect("a release");
    edit(Arc::make_mut(known));
}

fn source(desk: &mut Desk, source: Value) {
    change(desk, "1.8.0", |release| release.spec.build.source = serde_json::from_value(source).expect("a source"));
}

fn say(desk: &mut Desk, r#type: &str, user: &str) -> String {
    say_of(desk, r#type, user, json!({}))
}

fn say_of(desk: &mut Desk, r#type: &str, user: &str, more: Value) -> String {
    let mut fields = json!({"environment": "production", "release": "checkout-1.8.0", "user": user});
    fields.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
    let name = desk.pass(1).decide(r#type, fields);
    desk.run();
    name
}

fn reason(desk: &Desk) -> String {
    desk.gate("1.8.0", "production", "approvals").reason
}

#[test]
fn as_many_people_must_agree_as_are_asked_for() {
    let mut desk = waiting();
    assert_eq!(desk.waiting_for("1.8.0"), "0 of 2 approvals; maria may not approve their own");
    let (first, again) = (say(&mut desk, "Approve", "joe"), say(&mut desk, "Approve", "joe"));
    assert_eq!(reason(&desk), "1 of 2 approvals (joe); maria may not approve their own", "one person is one approval");
    assert_eq!([&first, &again].map(|name| desk.answer(name)), ["Applied: approved in production"; 2]);
    assert!(!desk.is_in("1.8.0"));
    say(&mut desk, "Approve", "ann");
    assert!(desk.is_in("1.8.0"));
    let told = desk.known("1.8.0").status.as_ref().expect("a status").stages[1].decisions.clone();
    let told: Vec<String> = told.iter().map(|d| format!("{:?} {} {}", d.r#type, d.user, d.at)).collect();
    let at = |seconds: i64| START.plus(Span::seconds(2 + 61 + seconds));
    assert_eq!(
        told[..],
        [format!("Approve joe {}", at(1)), format!("Approve joe {}", at(2)), format!("Approve ann {}", at(3))]
    );
}

#[test]
fn an_author_counts_only_where_the_owner_allows_it() {
    let mut desk = waiting();
    let own = say(&mut desk, "Approve", "maria");
    assert_eq!(desk.answer(&own), "Refused: maria may not approve their own");
    say(&mut desk, "Approve", "joe");
    assert!(!desk.is_in("1.8.0"));
    floor(&mut desk, 2, &[], true);
    say(&mut desk, "Approve", "maria");
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn authors_of_commits_and_pull_requests_are_authors() {
    let mut desk = waiting();
    source(&mut desk, json!({"author": "joe@shop.example", "pullRequests": [{"number": 12, "author": "octo-ann"}]}));
    say(&mut desk, "Approve", "bob");
    assert_eq!(reason(&desk), "AuthorUnknown: no user is known for joe@shop.example, no user is known for octo-ann");
    desk.snap.identities =
        Arc::new([("joe@shop.example", "joe"), ("octo-ann", "ann")].map(|(a, u)| (a.to_owned(), u.to_owned())).into());
    desk.run();
    assert_eq!(reason(&desk), "1 of 2 approvals (bob); ann, joe, maria may not approve their own");
    for author in ["joe", "ann"] {
        let own = say(&mut desk, "Approve", author);
        assert_eq!(desk.answer(&own), format!("Refused: {author} may not approve their own"));
    }
    source(&mut desk, json!({"pullRequests": [{"number": 12}]}));
    change(&mut desk, "1.8.0", |release| release.spec.requested_by = None);
    desk.run();
    let missing =
        ["spec.requestedBy is missing", "spec.build.source.author is missing", "pull request 12 names no author"];
    assert_eq!(
        reason(&desk),
        format!("AuthorUnknown: {}", missing.join(", ")),
        "whoever it was may be among those who approve"
    );
    floor(&mut desk, 2, &[], true);
    desk.run();
    assert_eq!(reason(&desk), "1 of 2 approvals (bob)", "nobody is left out there");
}

#[test]
fn a_service_account_that_asks_is_no_author() {
    let mut desk = Desk::adopted(|_| {});
    floor(&mut desk, 1, &[], false);
    desk.release("1.8.0", 1);
    change(&mut desk, "1.8.0", |release| {
        release.spec.requested_by = Some("system:serviceaccount:flux-system:kustomize-controller".into());
    });
    desk.run().pass(61).run();
    assert_eq!(reason(&desk), "AuthorUnknown: spec.build.source.author is missing");
    source(&mut desk, json!({"author": "maria@shop.example"}));
    desk.snap.identities = Arc::new([("maria@shop.example".to_owned(), "maria".to_owned())].into());
    desk.run();
    assert_eq!(reason(&desk), "0 of 1 approvals; maria may not approve their own");
    let robot = say(&mut desk, "Approve", "system:serviceaccount:ci:robot");
    assert_eq!(desk.answer(&robot), "Refused: system:serviceaccount:ci:robot is a service account, and no person");
    say(&mut desk, "Approve", "joe");
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn each_rule_is_met_by_members_of_its_own_groups() {
    let mut desk = Desk::adopted(|spec| {
        spec["stages"][1]["promotion"] = json!({"approvals": {"required": 1, "groups": ["shop-owners"]}});
    });
    floor(&mut desk, 1, &["release-managers", "sre"], false);
    asked_for(&mut desk, "1.8.0", 1);
    let of = |desk: &Desk| {
        let closed = desk.gate("1.8.0", "production", "approvals");
        (closed.source, closed.change)
    };
    let owners = ("policy".to_owned(), "a Decision Approve by someone else in release-managers or sre".to_owned());
    assert_eq!(of(&desk), owners);
    let outside = say_of(&mut desk, "Approve", "joe", json!({"groups": ["release"]}));
    assert_eq!(desk.answer(&outside), "Refused: spec.groups: joe is not in release-managers or shop-owners or sre");
    say_of(&mut desk, "Approve", "joe", json!({"groups": ["shop-owners"]}));
    assert_eq!(of(&desk), owners, "one of the shop is none of the owner's");
    say_of(&mut desk, "Approve", "ann", json!({"groups": ["sre"]}));
    assert!(desk.is_in("1.8.0"));

    desk.snap.decisions.clear();
    asked_for(&mut desk, "1.9.0", 2);
    for (user, version) in [("ann", "1.8.0"), ("ann", "1.9.0")] {
        desk.pass(1).decide("Approve", json!({"environment": "production", "release": format!("checkout-{version}"), "user": user, "groups": ["sre"]}));
    }
    desk.run();
    let closed = desk.gate("1.9.0", "production", "approvals");
    assert_eq!(
        (closed.source.as_str(), closed.change.as_str()),
        ("pipeline", "a Decision Approve by someone else in shop-owners")
    );
}

#[test]
fn a_pipeline_asks_for_more_and_never_for_less() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"approvals": {"required": 1}}));
    floor(&mut desk, 2, &[], false);
    asked_for(&mut desk, "1.8.0", 1);
    say(&mut desk, "Approve", "joe");
    let closed = desk.gate("1.8.0", "production", "approvals");
    assert_eq!((closed.source.as_str(), closed.state.as_str()), ("policy", "Closed"));
    assert!(!desk.is_in("1.8.0"));
    floor(&mut desk, 0, &[], false);
    desk.run();
    assert!(desk.is_in("1.8.0"), "one is what the pipeline asks for");

    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"approvals": {"required": 3}}));
    floor(&mut desk, 1, &[], false);
    asked_for(&mut desk, "1.8.0", 1);
    let closed = desk.gate("1.8.0", "production", "approvals");
    assert_eq!(
        (closed.source.as_str(), closed.reason.as_str()),
        ("pipeline", "0 of 3 approvals; maria may not approve their own")
    );
}

#[test]
fn a_rejection_stands_until_who_made_it_approves() {
    let mut desk = waiting();
    let reject = say_of(&mut desk, "Reject", "bob", json!({"reason": "the till is closed"}));
    assert_eq!(desk.answer(&reject), "Applied: rejected in production");
    for user in ["joe", "ann"] {
        say(&mut desk, "Approve", user);
    }
    assert_eq!(desk.waiting_for("1.8.0"), "rejected by bob: the till is closed");
    assert!(!desk.is_in("1.8.0"));
    say(&mut desk, "Approve", "bob");
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn whoever_said_no_may_take_it_back_though_their_yes_does_not_count() {
    let mut desk = waiting();
    for user in ["maria", "joe"] {
        say(&mut desk, "Reject", user);
    }
    let back = say(&mut desk, "Approve", "maria");
    let told =
        "Applied: the rejection is taken back, and it is no approval (maria may not approve their own), in production";
    assert_eq!(desk.answer(&back), told);
    say(&mut desk, "Approve", "joe");
    assert_eq!(reason(&desk), "1 of 2 approvals (joe); maria may not approve their own");
}

#[test]
fn of_two_words_in_one_second_a_rejection_is_the_last() {
    for order in [["Approve", "Reject"], ["Reject", "Approve"]] {
        let mut desk = waiting();
        desk.pass(1);
        for r#type in order {
            desk.decide(r#type, json!({"environment": "production", "release": "checkout-1.8.0", "user": "joe"}));
        }
        desk.run();
        assert_eq!(desk.waiting_for("1.8.0"), "rejected by joe: no reason given", "{order:?}");
    }
}

#[test]
fn an_approval_of_a_tag_is_of_no_build() {
    let mut desk = waiting();
    desk.rules("production", |rules| rules.policy.get_or_insert_default().allow_tags = true);
    desk.rules("staging", |rules| rules.policy.get_or_insert_default().allow_tags = true);
    desk.release_of("1.9.0", 2, &format!("{REPOSITORY}:rc"));
    by_maria(&mut desk, "1.9.0");
    desk.run().pass(61).run();
    let closed = desk.gate("1.9.0", "production", "approvals");
    assert_eq!(closed.reason, "approvals are of digests, and this release names an image by its tag");
}

#[test]
fn an_approval_that_comes_too_late_says_so() {
    let mut desk = waiting();
    for user in ["joe", "ann"] {
        say(&mut desk, "Approve", user);
    }
    let late = say(&mut desk, "Approve", "bob");
    assert_eq!(desk.answer(&late), "Refused: checkout-1.8.0 has started in production already");
}

#[test]
fn a_rejection_keeps_out_where_nobody_asks_for_approvals_and_stops_nothing_that_has_started() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"soak": "10m"}));
    asked_for(&mut desk, "1.8.0", 1);
    say(&mut desk, "Reject", "bob");
    desk.pass(600).run();
    assert_eq!(desk.waiting_for("1.8.0"), "rejected by bob: no reason given");
    let late = desk.decide("Reject", json!({"environment": "staging", "release": "checkout-1.8.0"}));
    desk.run();
    assert_eq!(desk.answer(&late), "Refused: checkout-1.8.0 has started in staging; Abort or Revert takes it back");
    say(&mut desk, "Approve", "bob");
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn an_approval_is_of_one_build_in_one_place() {
    let mut desk = waiting();
    desk.pass(1).decide("Approve", json!({"environment": "staging", "release": "checkout-1.8.0", "user": "ann"}));
    say(&mut desk, "Approve", "joe");
    assert_eq!(reason(&desk), "1 of 2 approvals (joe); maria may not approve their own");
    // the same name, another build
    desk.release_of("1.8.0", 2, &image("forged"));
    by_maria(&mut desk, "1.8.0");
    change(&mut desk, "1.8.0", |release| release.metadata.uid = Some("another".into()));
    let hasty =
        desk.decide("Approve", json!({"environment": "production", "release": "checkout-1.8.0", "user": "joe"}));
    desk.run();
    assert!(
        desk.answer(&hasty).starts_with("Refused: checkout-1.8.0 was made in that second"),
        "{}",
        desk.answer(&hasty)
    );
    desk.pass(61).run();
    assert_eq!(reason(&desk), "0 of 2 approvals; maria may not approve their own");
}

#[test]
fn without_the_policies_nobody_has_approved_anything() {
    let mut desk = waiting();
    say(&mut desk, "Approve", "joe");
    desk.snap.admission = Admission::Open("ValidatingAdmissionPolicy windlass-decide is missing".into());
    let forged = say(&mut desk, "Approve", "ann");
    assert_eq!(
        desk.answer(&forged),
        "Refused: it cannot be relied on: ValidatingAdmissionPolicy windlass-decide is missing"
    );
    assert_eq!(reason(&desk), "approvals cannot be relied on: ValidatingAdmissionPolicy windlass-decide is missing");
    let unseen = desk
        .pass(1)
        .decide("Approve", json!({"environment": "production", "release": "checkout-1.8.0", "user": "eve"}));
    let since = desk.now;
    desk.snap.admission = Admission::InForce { since };
    desk.run();
    assert!(desk.answer(&unseen).contains("decide anew"), "{}", desk.answer(&unseen));
    assert_eq!(
        reason(&desk),
        "0 of 2 approvals; maria may not approve their own",
        "nobody knows who wrote what meanwhile"
    );
    for user in ["joe", "ann"] {
        say(&mut desk, "Approve", user);
    }
    assert!(desk.is_in("1.8.0"));
}

#[test]
fn a_rejection_counts_whatever_the_policies_are() {
    let mut desk = Desk::adopted(|spec| spec["stages"][1]["promotion"] = json!({"soak": "10m"}));
    asked_for(&mut desk, "1.8.0", 1);
    desk.snap.admission = Admission::Open("gone".into());
    let reject = say(&mut desk, "Reject", "bob");
    assert_eq!(desk.answer(&reject), "Applied: rejected in production");
    desk.pass(600).run();
    assert!(!desk.is_in("1.8.0"));
}

#[test]
fn what_waits_keeps_its_approvals_however_many_decisions_there_are() {
    let mut desk = waiting();
    let (first, second) = (say(&mut desk, "Approve", "joe"), say(&mut desk, "Approve", "joe"));
    for _ in 0..25 {
        say(&mut desk, "Unhold", "joe");
    }
    desk.run();
    let is_there = |name: &String| desk.snap.decisions.iter().any(|d| d.metadata.name.as_ref() == Some(name));
    assert!(is_there(&second) && !is_there(&first), "the last word counts, what was said before it does not");
    say(&mut desk, "Approve", "ann");
    assert!(desk.is_in("1.8.0"));
}
