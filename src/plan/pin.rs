//! Pins: a stage stays at the release that a person names, or goes back to it. A pin comes before the head and before a hold;
//! what is withdrawn or banned is not gone back to for it.

use crate::api::checkpoint::StageStatus;
use crate::api::pipeline::Pin;
use crate::api::{Cause, Live};

use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::revert;
use super::world::World;

/// The pin of that stage, if it has one.
pub fn of<'a>(world: &World<'a>, environment: &str) -> Option<&'a Pin> {
    world.spec.pins.iter().find(|pin| pin.environment == environment).filter(|_| !is(Mutant::PinIgnored))
}

/// The pin to another release, if there is one.
pub fn against<'a>(world: &World<'a>, environment: &str, release: &str) -> Option<&'a Pin> {
    of(world, environment).filter(|pin| pin.release != release)
}

/// In words.
pub fn text(pin: &Pin) -> String {
    format!("pinned to {}: {}", pin.release, pin.reason)
}

/// What a person hears who wants something else there.
pub fn refusal(pin: &Pin) -> String {
    format!("{}; change spec.pins", text(pin))
}

/// What the stage goes back to for its pin, unless it is there; or why it cannot.
pub fn target(world: &World<'_>, stage: &StageStatus) -> Option<Result<Live, String>> {
    let pin = of(world, &stage.environment)?;
    let runs = stage.rollout.as_ref().map(|rollout| (&rollout.release, &rollout.build));
    let (release, build) = runs.or_else(|| stage.current.as_ref().map(|live| (&live.release, &live.build)))?;
    if *release == pin.release {
        return None;
    }
    // the same digests under another version
    if world.release(&pin.release).is_some_and(|known| known.hash == *build) {
        return None;
    }
    match revert::named(world, stage, &pin.release) {
        Ok(target) if target.build == *build => None,
        target => Some(target),
    }
}

/// An idle stage goes back to where it is pinned. True if it does.
pub fn go_back(world: &World<'_>, draft: &mut Draft, index: usize, pin: &Pin) -> bool {
    let Some(Ok(target)) = draft.status.stages.get(index).and_then(|stage| target(world, stage)) else { return false };
    revert::open(world, draft, index, target, Cause::Pinned, &text(pin), None);
    true
}

/// Why a stage is not where it is pinned, if a person must do something about that.
pub fn unmet(world: &World<'_>, stage: &StageStatus) -> Option<String> {
    let pin = of(world, &stage.environment).filter(|_| stage.adopted.is_some() && stage.foreign().is_none())?;
    let is_unknown = stage.current.is_none() && world.release(&pin.release).is_none();
    let why = match target(world, stage) {
        None => is_unknown.then(|| format!("there is no release {}", pin.release))?,
        Some(Ok(_)) => return None,
        Some(Err(why)) => why,
    };
    Some(format!("spec.pins[].release of {}: {why}", stage.environment))
}
