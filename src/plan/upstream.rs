//! Evidence from the stages before: delivered there, and nothing taken back since, in any of them.

use crate::api::checkpoint::{Proof, StageStatus};
use crate::api::{BuildHash, Span, Time};

use super::draft::{Draft, clip};
use super::mutant::{Mutant, is};
use super::world::World;

/// What the stages before say of a build that a release wants to bring on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// There is no stage before.
    Entry,
    Proven,
    /// Not delivered yet in that environment, with all suites passed.
    Unproven(String),
    /// It was, under a pod template that has changed since.
    Stale(String),
    /// It was, and that was taken back: where and why.
    Withdrawn(String, String),
}

/// Of each stage that it is after a proof is asked for; what any stage further up takes back binds as well.
pub fn of(world: &World<'_>, draft: &Draft, environment: &str, release_uid: &str, build: &BuildHash) -> Upstream {
    let before = world.spec.after(environment);
    if before.is_empty() {
        return Upstream::Entry;
    }
    let mut way = on_the_way(world, draft, environment).into_iter().rev();
    if let Some(withdrawn) = way.find_map(|stage| taken_back(world, stage, release_uid, build)) {
        return withdrawn;
    }
    let missing = |name: &str| {
        let mut known = draft.stage(name).into_iter().flat_map(|stage| proofs(stage, release_uid, build));
        match known.next() {
            None => Some(Upstream::Unproven(name.to_owned())),
            Some(last) if last.stale.is_none() || known.any(|proof| proof.stale.is_none()) => None,
            Some(_) => Some(Upstream::Stale(name.to_owned())),
        }
    };
    before.iter().find_map(|stage| missing(&stage.environment)).unwrap_or(Upstream::Proven)
}

/// What the checkpoint has of the stages on the way to that one, in their order.
pub fn on_the_way<'d>(world: &World<'_>, draft: &'d Draft, environment: &str) -> Vec<&'d StageStatus> {
    world.spec.upstream(environment).iter().filter_map(|stage| draft.stage(&stage.environment)).collect()
}

/// What was proven of that build in a stage, in any attempt, counts no more.
pub fn void(stage: &mut StageStatus, build: &BuildHash, why: &str) {
    for proof in stage.proofs.iter_mut().filter(|p| p.build == *build && p.void.is_none()) {
        proof.void = Some(clip(why, 256));
    }
}

/// Whether that suite passed there for that build, in an attempt that counts as evidence.
pub fn has_passed(stage: &StageStatus, release_uid: &str, build: &BuildHash, suite: &str) -> bool {
    let counts = |proof: &&Proof| proof.void.is_none() && proof.stale.is_none();
    proofs(stage, release_uid, build).filter(counts).any(|proof| proof.suites.iter().any(|passed| passed == suite))
}

/// How long a proven build has run in a stage without a break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residence {
    /// Since when it runs there now.
    pub since: Option<Time>,
    /// The longest of those that are over.
    pub longest: Span,
}

/// Of what counts as evidence there.
pub fn residence(stage: &StageStatus, release_uid: &str, build: &BuildHash) -> Residence {
    let counts = |proof: &&Proof| proof.void.is_none() && proof.stale.is_none();
    let all: Vec<&Proof> = proofs(stage, release_uid, build).filter(counts).collect();
    Residence {
        since: all.iter().filter_map(|proof| proof.since).min(),
        longest: all.iter().filter_map(|proof| proof.longest).max().unwrap_or_default(),
    }
}

fn taken_back(world: &World<'_>, stage: &StageStatus, release_uid: &str, build: &BuildHash) -> Option<Upstream> {
    let mut reason = None;
    for proof in proofs(stage, release_uid, build) {
        match &proof.void {
            Some(why) if !is(Mutant::VoidIgnored) => reason = reason.or_else(|| Some(why.clone())),
            // a newer or older attempt stands
            Some(_) | None => return banned(world, stage, build),
        }
    }
    let withdrawn = reason.map(|why| Upstream::Withdrawn(stage.environment.clone(), why));
    withdrawn.or_else(|| banned(world, stage, build))
}

fn banned(world: &World<'_>, stage: &StageStatus, build: &BuildHash) -> Option<Upstream> {
    let is_banned = world.is_banned(stage, build) && !is(Mutant::VoidIgnored);
    is_banned.then(|| Upstream::Withdrawn(stage.environment.clone(), "the build is banned there".to_owned()))
}

fn proofs<'s>(stage: &'s StageStatus, release_uid: &'s str, build: &'s BuildHash) -> impl Iterator<Item = &'s Proof> {
    let is_its = move |p: &&Proof| p.release_uid == release_uid || is(Mutant::EvidenceByHash);
    stage.proofs.iter().rev().filter(move |p| is_its(p) && p.build == *build)
}
