//! Approvals: what is asked for, whose count, and what each person said last of a build.
//!
//! A word is a Decision `Approve` or `Reject` that was applied: its status names the release and the build that were meant, and it
//! counts for no other. Whether it counts is asked anew whenever a gate is, by the rules of that moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::stage::Stage;
use crate::api::{Decision, DecisionPhase, DecisionType, Policy};
use crate::observe::Admission;

use super::decision;
use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::world::{Known, SERVICE_ACCOUNT, World, created};

/// What is asked for: by the Environment's owner, and by the pipeline. Both must be met.
#[derive(Debug)]
pub struct Asked<'a> {
    pub rules: Vec<Rule<'a>>,
    pub allow_author: bool,
}

/// So many people, of one of these groups if there are any.
#[derive(Debug)]
pub struct Rule<'a> {
    pub source: &'static str,
    pub required: usize,
    pub groups: &'a [String],
}

impl Rule<'_> {
    fn takes(&self, approve: &Decision) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| approve.spec.groups.contains(group))
    }
}

impl<'a> Asked<'a> {
    pub fn of(policy: Option<&'a Policy>, stage: &'a Stage) -> Self {
        let policy = policy.and_then(|policy| policy.approvals.as_ref()).filter(|_| !is(Mutant::FloorIgnored));
        let pipeline = stage.promotion.as_ref().and_then(|promotion| promotion.approvals.as_ref());
        let floor = policy.map(|p| Rule { source: "policy", required: p.required as usize, groups: &p.groups });
        let more = pipeline.map(|p| Rule { source: "pipeline", required: p.required as usize, groups: &p.groups });
        Self {
            rules: floor.into_iter().chain(more).filter(|rule| rule.required > 0).collect(),
            allow_author: policy.is_some_and(|policy| policy.allow_author),
        }
    }

    /// Whether the approval counts for that rule.
    pub fn counts(&self, rule: &Rule<'_>, authors: &Authors<'_>, approve: &Decision) -> bool {
        self.bar(authors, approve).is_none() && rule.takes(approve)
    }

    /// Why it counts for none, if that is so.
    pub fn refusal(&self, authors: &Authors<'_>, approve: &Decision) -> Option<String> {
        let is_taken = self.rules.is_empty() || self.rules.iter().any(|rule| rule.takes(approve));
        self.bar(authors, approve).or_else(|| {
            let groups: BTreeSet<&str> = self.rules.iter().flat_map(|rule| rule.groups).map(String::as_str).collect();
            let groups: Vec<&str> = groups.into_iter().collect();
            let user = approve.spec.user.as_deref().unwrap_or_default();
            (!is_taken).then(|| format!("spec.groups: {user} is not in {}", groups.join(" or ")))
        })
    }

    /// Why nobody could count it, whatever the groups.
    fn bar(&self, authors: &Authors<'_>, approve: &Decision) -> Option<String> {
        match approve.spec.user.as_deref() {
            None => Some("spec.user: it is not said whose approval it is".to_owned()),
            Some(user) if user.starts_with(SERVICE_ACCOUNT) => {
                Some(format!("{user} is a service account, and no person"))
            }
            Some(user) if !self.allow_author && authors.users.contains(user) => {
                Some(format!("{user} may not approve their own"))
            }
            Some(_) => None,
        }
    }
}

/// The people who made a build: who asked for the release, who wrote its commit, who opened its pull requests.
#[derive(Debug, Default)]
pub struct Authors<'a> {
    /// As the API server knows them.
    pub users: BTreeSet<&'a str>,
    /// What is not known of them, in words.
    pub unknown: Vec<String>,
}

impl<'a> Authors<'a> {
    pub fn of(world: &World<'a>, known: &Known<'a>) -> Self {
        let mut authors = Self::default();
        // a service account that asks stands for the people behind it, who are named in the source
        authors.users.extend(known.requester());
        if known.release.spec.requested_by.is_none() {
            authors.unknown.push("spec.requestedBy is missing".to_owned());
        }
        let source = known.release.spec.build.source.as_ref();
        match source.and_then(|source| source.author.as_deref()) {
            Some(author) => authors.name(world, author),
            None => authors.unknown.push("spec.build.source.author is missing".to_owned()),
        }
        for pull in source.into_iter().flat_map(|source| &source.pull_requests) {
            match pull.author.as_deref() {
                Some(author) => authors.name(world, author),
                None => authors.unknown.push(format!("pull request {} names no author", pull.number)),
            }
        }
        authors
    }

    fn name(&mut self, world: &World<'a>, author: &str) {
        match world.snap.identities.get(author) {
            Some(user) => drop(self.users.insert(user)),
            None => self.unknown.push(format!("no user is known for {author}")),
        }
    }
}

/// The last word of each person about that very build in that environment, by the person's name. Of two in one second a
/// rejection is the last.
pub fn words<'a>(
    world: &World<'a>,
    draft: &Draft,
    environment: &str,
    known: &Known<'_>,
) -> BTreeMap<&'a str, &'a Decision> {
    let mut last: BTreeMap<&str, &Decision> = BTreeMap::new();
    for word in world.decisions.iter().copied() {
        let is_here = word.spec.environment.as_deref() == Some(environment);
        let counts = match word.spec.r#type {
            DecisionType::Approve => is_about(draft, word, known) && is_reliable(world, word),
            // one that is not answered yet keeps out already
            DecisionType::Reject => {
                is_about(draft, word, known)
                    || decision::is_open(world, draft, word)
                        && decision::word::meant(world, word).is_ok_and(|meant| meant.uid == known.uid)
            }
            _ => false,
        };
        if !is_here || !counts {
            continue;
        }
        let user = word.spec.user.as_deref().unwrap_or("");
        let is_overruled = last.get(user).is_some_and(|before| {
            before.spec.r#type == DecisionType::Reject && created(&before.metadata) == created(&word.metadata)
        });
        if !is_overruled {
            last.insert(user, word);
        }
    }
    last
}

/// It was applied, and to this release with this build.
fn is_about(draft: &Draft, decision: &Decision, known: &Known<'_>) -> bool {
    draft.status_of(decision).is_some_and(|status| {
        status.phase == Some(DecisionPhase::Applied)
            && status.release_uid.as_deref() == Some(known.uid)
            && status.build_hash.as_ref() == Some(&known.hash)
    })
}

/// Its status, and who said it, were written under the policies that are in force.
fn is_reliable(world: &World<'_>, word: &Decision) -> bool {
    match world.snap.admission {
        Admission::InForce { since } => created(&word.metadata) > since,
        // the gate is shut then, whatever counts
        Admission::Open(_) | Admission::Unseen(_) => true,
    }
}
