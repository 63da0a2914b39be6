//! Approvals: what is asked for, whose count, and what each person said last of a build.
//!
//! A word is a Decision `Approve` or `Reject` that was applied: its status names the release and the build that were meant, and it
//! counts for no other. Whether it counts is asked anew whenever a gate is, by the rules of that moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::stage::Stage;
use crate::api::{Decision, DecisionPhase, DecisionType, Policy};

use super::draft::Draft;
use super::world::{Known, World, status_of};

/// What is asked for in all: of the Environment's owner and the pipeline, the stricter wins.
#[derive(Debug)]
pub struct Asked<'a> {
    pub required: u32,
    pub source: &'static str,
    /// An approval counts if its user is in one group of each.
    pub groups: Vec<&'a [String]>,
    pub allow_author: bool,
}

impl<'a> Asked<'a> {
    pub fn of(policy: Option<&'a Policy>, stage: &'a Stage) -> Self {
        let policy = policy.and_then(|policy| policy.approvals.as_ref());
        let pipeline = stage.promotion.as_ref().and_then(|promotion| promotion.approvals.as_ref());
        let (floor, more) = (policy.map_or(0, |p| p.required), pipeline.map_or(0, |p| p.required));
        let groups = policy.map(|p| p.groups.as_slice()).into_iter().chain(pipeline.map(|p| p.groups.as_slice()));
        Self {
            required: floor.max(more),
            source: if more > floor { "pipeline" } else { "policy" },
            groups: groups.filter(|groups| !groups.is_empty()).collect(),
            allow_author: policy.is_some_and(|policy| policy.allow_author),
        }
    }

    /// Why that approval does not count, if it does not.
    pub fn refusal(&self, authors: &Authors<'_>, approve: &Decision) -> Option<String> {
        let Some(user) = approve.spec.user.as_deref() else {
            return Some("spec.user: it is not said whose approval it is".to_owned());
        };
        if !self.allow_author && authors.users.contains(user) {
            return Some(format!("{user} may not approve their own"));
        }
        let is_in = |groups: &&&[String]| groups.iter().any(|group| approve.spec.groups.contains(group));
        let missing = self.groups.iter().find(|groups| !is_in(groups))?;
        Some(format!("{user} is not in {}", missing.join(" or ")))
    }
}

/// The people who made a build: who asked for the release, who wrote its commit, who opened its pull requests.
#[derive(Debug, Default)]
pub struct Authors<'a> {
    /// As the API server knows them.
    pub users: BTreeSet<&'a str>,
    /// Those of whom that is not known.
    pub unknown: Vec<String>,
}

impl<'a> Authors<'a> {
    pub fn of(world: &World<'a>, known: &Known<'a>) -> Self {
        let mut authors = Self::default();
        authors.users.extend(known.requester());
        let mut name = |author: &'a str| match world.snap.identities.get(author) {
            Some(user) => drop(authors.users.insert(user)),
            None => authors.unknown.push(author.to_owned()),
        };
        if let Some(source) = &known.release.spec.build.source {
            source.author.iter().for_each(|author| name(author));
            source.pull_requests.iter().filter_map(|pull| pull.author.as_deref()).for_each(&mut name);
            let nameless = source.pull_requests.iter().filter(|pull| pull.author.is_none());
            authors.unknown.extend(nameless.map(|pull| format!("who opened pull request {}", pull.number)));
        }
        if authors.users.is_empty() && authors.unknown.is_empty() {
            authors.unknown.push("who wrote it: spec.build.source names nobody".to_owned());
        }
        authors
    }
}

/// The last word of each person about that very build in that environment, by the person's name.
pub fn words<'a>(
    world: &World<'a>,
    draft: &Draft,
    environment: &str,
    known: &Known<'_>,
) -> BTreeMap<&'a str, &'a Decision> {
    let is_word = |d: &&&'a Decision| {
        matches!(d.spec.r#type, DecisionType::Approve | DecisionType::Reject)
            && d.spec.environment.as_deref() == Some(environment)
            && is_about(draft, d, known)
    };
    let words = world.decisions.iter().filter(is_word);
    words.map(|word| (word.spec.user.as_deref().unwrap_or(""), *word)).collect()
}

/// It was applied, and to this release with this build.
fn is_about(draft: &Draft, decision: &Decision, known: &Known<'_>) -> bool {
    status_of(draft, decision).is_some_and(|status| {
        status.phase == Some(DecisionPhase::Applied)
            && status.release_uid.as_deref() == Some(known.uid)
            && status.build_hash.as_ref() == Some(&known.hash)
    })
}
