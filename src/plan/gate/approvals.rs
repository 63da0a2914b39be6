//! Enough people agree to this very build here, and nobody who spoke is against it.

use std::collections::BTreeMap;

use super::super::approval::{Asked, Authors, Rule, words};
use super::super::build;
use super::super::mutant::{Mutant, is};
use super::super::world::user_of;
use super::{Candidate, Closed};
use crate::api::{Decision, DecisionType};
use crate::observe::Admission;

/// How many names are told; the rest are counted.
const TOLD: usize = 3;

pub fn source(c: &Candidate<'_, '_>) -> &'static str {
    let asked = Asked::of(c.policy(), c.spec);
    let words = words(c.world, c.draft, &c.stage.environment, c.known);
    let unmet = unmet(&asked, &Authors::of(c.world, c.known), &words);
    unmet.map(|(rule, _)| rule.source).or_else(|| Some(asked.rules.first()?.source)).unwrap_or("policy")
}

/// The rule that lacks most, the owner's first, and whose approvals count for it.
fn unmet<'r, 'a>(
    asked: &'r Asked<'a>,
    authors: &Authors<'_>,
    words: &BTreeMap<&'a str, &'a Decision>,
) -> Option<(&'r Rule<'a>, Vec<&'a str>)> {
    let counted = asked.rules.iter().map(|rule| {
        let approvals = words.values().filter(|word| word.spec.r#type == DecisionType::Approve);
        let by = approvals.filter(|word| asked.counts(rule, authors, word)).map(|word| user_of(word));
        (rule, by.collect::<Vec<&str>>())
    });
    let unmet: Vec<_> = counted.filter(|(rule, by)| by.len() < rule.required).collect();
    unmet.into_iter().rev().max_by_key(|(rule, by)| rule.required - by.len())
}

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if c.is_again || is(Mutant::ApprovalsIgnored) {
        return None;
    }
    let words = words(c.world, c.draft, &c.stage.environment, c.known);
    if let Some(reject) = words.values().find(|word| word.spec.r#type == DecisionType::Reject) {
        return Some(rejected(reject));
    }
    let asked = Asked::of(c.policy(), c.spec);
    if asked.rules.is_empty() {
        return None;
    }
    if let Admission::Open(why) | Admission::Unseen(why) = &c.world.snap.admission {
        let why = format!("approvals cannot be relied on: {why}");
        return Some(Closed::new(why, "the admission policies of the chart in force"));
    }
    if c.row().is_some_and(build::has_tags) {
        let why = "approvals are of digests, and this release names an image by its tag";
        return Some(Closed::new(why, "a release with digests"));
    }
    let authors = Authors::of(c.world, c.known);
    if !asked.allow_author && !authors.unknown.is_empty() {
        let why = format!("AuthorUnknown: {}", listed(&authors.unknown));
        return Some(Closed::new(why, "an entry in the identities of the chart, or policy.approvals.allowAuthor"));
    }
    let (rule, by) = unmet(&asked, &authors, &words)?;
    let mut why = format!("{} of {} approvals", by.len(), rule.required);
    if !by.is_empty() {
        why = format!("{why} ({})", listed(&by));
    }
    if !asked.allow_author && !authors.users.is_empty() {
        why = format!("{why}; {} may not approve their own", listed(&authors.users));
    }
    let who = if rule.groups.is_empty() { String::new() } else { format!(" in {}", rule.groups.join(" or ")) };
    Some(Closed::new(why, format!("a Decision Approve by someone else{who}")))
}

fn rejected(reject: &Decision) -> Closed {
    let user = user_of(reject);
    let reason = if reject.spec.reason.is_empty() { "no reason given" } else { &reject.spec.reason };
    Closed::new(format!("rejected by {user}: {reason}"), format!("a Decision Approve by {user}, or another build"))
}

fn listed(names: impl IntoIterator<Item: AsRef<str>>) -> String {
    let mut names = names.into_iter();
    let told: Vec<String> = names.by_ref().take(TOLD).map(|name| name.as_ref().to_owned()).collect();
    let told = told.join(", ");
    match names.count() {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
