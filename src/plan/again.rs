//! Evidence that has gone stale, because the pod template changed where it was won: the suites run again, by themselves
//! where the build still runs.

use crate::api::Live;
use crate::api::checkpoint::{Proof, StageStatus};

use super::draft::Draft;
use super::gate::Candidate;
use super::mutant::{Mutant, is};
use super::reach;
use super::world::{Known, World};

/// The template changed here: what was proven was proven of another revision.
pub fn make_stale(world: &World<'_>, stage: &mut StageStatus) {
    for proof in stage.proofs.iter_mut().filter(|proof| proof.void.is_none() && !is(Mutant::StaleIgnored)) {
        proof.stale = Some(world.now);
    }
}

/// Whether the release runs here on stale evidence, and a stage that is after this one waits for it.
pub fn is_wanted(world: &World<'_>, draft: &Draft, index: usize, known: &Known<'_>, current: &Live) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let is_its =
        |proof: &&Proof| proof.release_uid == known.uid && proof.build == current.build && proof.void.is_none();
    let mut proofs = stage.proofs.iter().filter(is_its).peekable();
    let is_stale = proofs.peek().is_some() && proofs.all(|proof| proof.stale.is_some());
    // once for each change: what came to nothing is for a person to try again
    let since = stage.proofs.iter().filter(is_its).filter_map(|proof| proof.stale).max();
    let is_tried = stage.history.iter().any(|e| {
        e.outcome.is_terminal() && e.release == known.name() && Some(e.at) > since && e.attempt != current.attempt
    });
    let is_waited_for = |(at, next): (usize, &StageStatus)| {
        let Some(spec) = world.stage(&next.environment) else { return false };
        world.spec.after(&next.environment).iter().any(|before| before.environment == stage.environment)
            && !reach::is_beyond(world, known, &next.environment)
            && !world.is_bad(next, known.name(), &known.hash)
            && Candidate::of(world, draft, at, spec, known).is_some()
    };
    is_stale && !is_tried && draft.status.stages.iter().enumerate().any(is_waited_for)
}
