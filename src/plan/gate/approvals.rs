//! Enough people agree to this very build here, and nobody who spoke is against it.

use super::super::approval::{Asked, Authors, words};
use super::super::mutant::{Mutant, is};
use super::super::world::user_of;
use super::{Candidate, Closed};
use crate::api::{Decision, DecisionType};
use crate::observe::Admission;

/// How many names are told; the rest are counted.
const TOLD: usize = 3;

fn asked<'a>(c: &Candidate<'_, 'a>) -> Asked<'a> {
    Asked::of(c.policy(), c.spec)
}

pub fn source(c: &Candidate<'_, '_>) -> &'static str {
    asked(c).source
}

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if c.is_again || is(Mutant::ApprovalsIgnored) {
        return None;
    }
    let words = words(c.world, c.draft, &c.stage.environment, c.known);
    if let Some(reject) = words.values().find(|word| word.spec.r#type == DecisionType::Reject) {
        return Some(rejected(reject));
    }
    let asked = asked(c);
    if asked.required == 0 {
        return None;
    }
    if let Admission::Open(why) = &c.world.snap.admission {
        let why = format!("approvals cannot be relied on: {why}");
        return Some(Closed::new(why, "the admission policies of the chart in force"));
    }
    let authors = Authors::of(c.world, c.known);
    if !asked.allow_author && !authors.unknown.is_empty() {
        let why = format!("AuthorUnknown: it is not known which user is {}", listed(&authors.unknown));
        return Some(Closed::new(why, "an entry in the identities of the chart, or policy.approvals.allowAuthor"));
    }
    let counts = |word: &&&Decision| asked.refusal(&authors, word).is_none();
    let by: Vec<String> = words.values().filter(counts).map(|word| user_of(word).to_owned()).collect();
    if by.len() >= asked.required as usize {
        return None;
    }
    let mut why = format!("{} of {} approvals", by.len(), asked.required);
    if !by.is_empty() {
        why = format!("{why} ({})", listed(&by));
    }
    if !asked.allow_author && !authors.users.is_empty() {
        why = format!("{why}; {} may not approve their own", listed(&authors.users));
    }
    let who = asked.groups.iter().map(|groups| groups.join(" or ")).collect::<Vec<_>>().join(", and of ");
    let who = if who.is_empty() { "another person".to_owned() } else { format!("another member of {who}") };
    Some(Closed::new(why, format!("a Decision Approve by {who}")))
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
