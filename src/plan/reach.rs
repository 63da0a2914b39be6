//! How far a release goes: to the end of the pipeline, or to the stage that it names.

use super::world::{Known, World};
use crate::api::stage::Stage;

/// The stage in which it ends, and its place in the pipeline; or what is wrong with the name. None: a pipeline without stages.
pub fn end<'a>(world: &World<'a>, known: &Known<'_>) -> Result<Option<(usize, &'a Stage)>, String> {
    let mut stages = world.spec.stages.iter().enumerate();
    match &known.release.spec.last_stage {
        None => Ok(stages.next_back()),
        Some(name) => {
            let named = stages.find(|(_, stage)| stage.environment == *name);
            named.map(Some).ok_or_else(|| format!("spec.lastStage: the pipeline has no stage {name}"))
        }
    }
}

/// Why it does not come to that stage, if it does not.
pub fn problem(world: &World<'_>, known: &Known<'_>, environment: &str) -> Option<String> {
    match end(world, known) {
        Err(why) => Some(why),
        Ok(Some((_, end))) if is_beyond(world, known, environment) => {
            Some(format!("{} ends in {} (spec.lastStage)", known.name(), end.environment))
        }
        Ok(_) => None,
    }
}

/// Whether that stage lies behind the one in which it ends.
pub fn is_beyond(world: &World<'_>, known: &Known<'_>, environment: &str) -> bool {
    let at = world.spec.stages.iter().position(|stage| stage.environment == environment);
    match (end(world, known), at) {
        (Ok(Some((end, _))), Some(at)) => at > end,
        _ => false,
    }
}
