//! The schema of data: what a release has left in a stage, an older build may not be able to read. Whoever was
//! written there may have changed the data already, so it counts from then on, and what it says stays when it goes.

use crate::api::checkpoint::{Readable, StageStatus};
use crate::api::{BuildHash, Live, Rollout, RolloutState};

use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::revert;
use super::world::{Known, World};
use super::writing::has_written;

/// Notes what is under way, and what runs, has left in each stage.
pub fn note(world: &World<'_>, draft: &mut Draft) {
    for stage in &mut draft.status.stages {
        let is_exposed = |r: &Rollout| r.strategy.clones() && is_out(r) || has_written(world, &stage.environment, r);
        let begun = stage.rollout.as_ref().filter(|r| is_exposed(r));
        let begun = begun.and_then(|rollout| Some((rollout.schema?.min_readable, rollout.release.clone())));
        // at first sight, too: who runs there has been there before
        let runs =
            stage.current.as_ref().and_then(|live| world.release(&live.release).filter(|k| k.uid == live.release_uid));
        let runs = runs.and_then(|k| Some((k.release.spec.build.schema?.min_readable, k.name().to_owned())));
        for (min, release) in begun.into_iter().chain(runs) {
            let before = stage.readable.as_ref().map_or(0, |readable| readable.min);
            if min > before {
                stage.readable = Some(Readable { min, release });
            }
        }
    }
}

/// Whether its clone may have been there.
const fn is_out(rollout: &Rollout) -> bool {
    match rollout.state {
        RolloutState::Preparing(_) => false,
        RolloutState::Reverting(_) => rollout.target.is_some(),
        RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_) => true,
    }
}

/// Whether that build can read what is there. One that is not said to cannot.
pub fn reads(stage: &StageStatus, live: &Live) -> bool {
    problem(stage, live).is_none()
}

/// Why that build cannot read what is there, if it cannot.
pub fn problem(stage: &StageStatus, live: &Live) -> Option<String> {
    let name = if live.version.is_empty() { "what was found at first" } else { &live.version };
    unread(stage, name, live.schema)
}

/// The same of a release that wants to enter.
pub fn problem_of(stage: &StageStatus, known: &Known<'_>) -> Option<String> {
    unread(stage, &known.mark.version, known.release.spec.build.schema.map(|schema| schema.version))
}

fn unread(stage: &StageStatus, name: &str, version: Option<u32>) -> Option<String> {
    let Readable { min, release } = stage.readable.as_ref().filter(|_| !is(Mutant::SchemaIgnored))?;
    let of = match version {
        Some(version) if version >= *min => return None,
        Some(version) => format!("works with schema {version}"),
        None => "does not say its schema".to_owned(),
    };
    Some(format!("{name} {of}, and {release} left what is read from {min} on (build.schema.minReadable)"))
}

/// What is added to the words that there is nothing to go back to, where the schema is the reason.
pub fn barred(world: &World<'_>, stage: &StageStatus, leaving: &BuildHash) -> String {
    let unread = revert::sound(world, stage, leaving).find_map(|target| problem(stage, target));
    unread.map_or(String::new(), |why| format!(": {why}"))
}
