//! A build that failed and stays: what one of its hooks has done is not undone, so a person must say how it goes on.

use super::{close, replace};
use crate::api::checkpoint::{Hold, HoldKind, StageStatus};
use crate::api::rollout::Rollout;
use crate::api::{Cause, Live, Outcome};
use crate::plan::draft;
use crate::plan::hook;
use crate::plan::mutant::{Mutant, is};
use crate::plan::world::World;
use crate::plan::writing::has_written;

/// The alert of a stage whose build failed and does not go back by itself.
pub const REVERT_HELD: &str = "RevertHeld";

/// Whether workloads run the rollout's build by themselves: going back means to write them.
pub fn runs_there(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    let is_current = stage.current.as_ref().is_some_and(|current| current.build == rollout.build);
    is_current || has_written(world, &stage.environment, rollout)
}

/// The hook that keeps the build from going back by itself, if one does.
pub fn barring(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, cause: Cause) -> Option<String> {
    if cause.is_asked() || is(Mutant::HoldPassed) {
        return None;
    }
    let own = Some(hook::prepared(stage, rollout).hold).filter(|_| runs_there(world, stage, rollout));
    let current = stage.current.as_ref().filter(|current| current.build != rollout.build);
    // a target that is not what ran before lies behind the hooks of what did
    let is_beyond = |current: &&Live| rollout.target.as_ref().is_some_and(|target| target.build != current.build);
    let passed = || current.filter(is_beyond).map(|current| current.prepared.hold.clone());
    own.filter(|hook| !hook.is_empty()).or_else(|| passed().filter(|hook| !hook.is_empty()))
}

/// Ends the rollout as it is. What was said of it, in words.
pub fn stay(
    world: &World<'_>,
    stage: &mut StageStatus,
    rollout: &Rollout,
    cause: Cause,
    message: &str,
    hook: &str,
) -> String {
    let said = format!("{message}; hook {hook} has no way back, so the images stay");
    replace(world, stage, rollout, false);
    close(world, stage, rollout, Outcome::Failed, Some(cause), &said);
    draft::alert(stage, world, REVERT_HELD, &said);
    let message = format!(
        "hook {hook} has no way back; decide Revert to go back all the same, or Unhold to let newer releases follow"
    );
    let (kind, since) = (HoldKind::Irreversible, world.now);
    stage.held.get_or_insert(Hold { kind, message, by: None, since, newest: None });
    said
}
