//! How far a release goes: to the ends of the pipeline, or to the stage that it names.

use super::mutant::{Mutant, is};
use super::world::{Known, World};
use crate::api::stage::Stage;

/// The stages in which it ends; or what is wrong with the name.
pub fn ends<'a>(world: &World<'a>, known: &Known<'_>) -> Result<Vec<&'a Stage>, String> {
    match &known.release.spec.last_stage {
        None => Ok(world.spec.ends()),
        Some(name) => {
            let named = world.spec.stage(name);
            named.map(|stage| vec![stage]).ok_or_else(|| format!("spec.lastStage: the pipeline has no stage {name}"))
        }
    }
}

/// Why it does not come to that stage, if it does not.
pub fn problem(world: &World<'_>, known: &Known<'_>, environment: &str) -> Option<String> {
    match ends(world, known) {
        Err(why) => Some(why),
        Ok(ends) => {
            let end = ends.first().filter(|_| is_beyond(world, known, environment) && !is(Mutant::LastStageIgnored))?;
            Some(format!("{} ends in {} (spec.lastStage)", known.name(), end.environment))
        }
    }
}

/// Whether that stage is not on its way: neither where it ends nor before that.
pub fn is_beyond(world: &World<'_>, known: &Known<'_>, environment: &str) -> bool {
    let Some(last) = known.release.spec.last_stage.as_deref().filter(|last| world.spec.stage(last).is_some()) else {
        return false;
    };
    let is_on_its_way = || world.spec.upstream(last).iter().any(|stage| stage.environment == environment);
    world.spec.stage(environment).is_some() && environment != last && !is_on_its_way()
}
