//! Going back from an idle stage: where to, and the rollout that does it.

use crate::api::checkpoint::HoldKind;
use crate::api::checkpoint::StageStatus;
use crate::api::rollout::Reverting;
use crate::api::{BuildHash, Cause, Ending, Live, Rollout, RolloutState};

use super::build_suite;
use super::draft::{Draft, clip};
use super::hook;
use super::mutant::{Mutant, is};
use super::opening::{self, Subject};
use super::schema;
use super::upstream;
use super::world::World;

/// The newest build recorded healthy here that is another one, and neither banned nor withdrawn.
pub fn default_target(world: &World<'_>, stage: &StageStatus, leaving: &BuildHash) -> Option<Live> {
    sound(world, stage, leaving).find(|live| schema::reads(stage, live)).cloned()
}

/// Those of them that may not be able to read what is there, too; the newest first.
pub fn sound<'s>(world: &World<'_>, stage: &'s StageStatus, leaving: &BuildHash) -> impl Iterator<Item = &'s Live> {
    // what runs until now may go on; what is found bad since is not brought back
    let is_found_bad = |live: &&Live| build_suite::failure(world, &live.release_uid, &live.build).is_some();
    let previous = stage.previous.iter().filter(move |live| !is_found_bad(live));
    stage.current.iter().chain(previous).filter(|live| is_sound(world, stage, live, leaving))
}

/// Whether a stage may go back to it: recorded healthy, another build, neither banned nor withdrawn, and able to read
/// what is there.
pub fn is_usable(world: &World<'_>, stage: &StageStatus, live: &Live, leaving: &BuildHash) -> bool {
    is_sound(world, stage, live, leaving) && schema::reads(stage, live)
}

fn is_sound(world: &World<'_>, stage: &StageStatus, live: &Live, leaving: &BuildHash) -> bool {
    let is_bad = || world.is_bad(stage, &live.release, &live.build);
    let is_well = (live.healthy || is(Mutant::TargetUnhealthy)) && (!is_bad() || is(Mutant::TargetBad));
    is_well && live.build != *leaving
}

/// A build recorded healthy here, by its release's name or `hash:` and at least eight digits; or why it is none to go back to.
pub fn named(world: &World<'_>, stage: &StageStatus, to: &str) -> Result<Live, String> {
    let is_named = |l: &&Live| match to.strip_prefix("hash:") {
        Some(digits) => l.build.0.starts_with(digits),
        None => l.release == to,
    };
    let target = stage.current.iter().chain(&stage.previous).find(is_named).filter(|live| live.healthy);
    let Some(target) = target else {
        return Err(format!("{to} was not recorded healthy in {}", stage.environment));
    };
    if world.is_bad(stage, &target.release, &target.build) {
        return Err(format!("{to} is banned or withdrawn"));
    }
    if let Some(why) = build_suite::failure(world, &target.release_uid, &target.build) {
        return Err(format!("{to}: {why}"));
    }
    schema::problem(stage, target).map_or_else(|| Ok(target.clone()), Err)
}

/// Another target for the rollout under way. What is passed over on the way back is left as well.
pub fn redirect(stage: &mut StageStatus, target: Live, why: &str) {
    let passed = stage.current.as_ref().map(|current| current.build.clone());
    let passed = passed.filter(|build| *build != target.build);
    if let Some(rollout) = &mut stage.rollout {
        rollout.target = Some(target);
    }
    if let Some(build) = passed {
        upstream::void(stage, &build, why);
    }
}

/// Opens a rollout that goes back from what runs to the target, at once: no suites, no gates.
pub fn open(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    target: Live,
    cause: Cause,
    why: &str,
    hold_by: Option<&str>,
) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(leaving) = stage.current.clone() else { return };
    open_from(world, draft, index, leaving, target, cause, why, hold_by);
}

/// The same, from a build that is not recorded as current: what someone else wrote.
#[expect(clippy::too_many_arguments, reason = "all of them are what a rollout consists of")]
pub fn open_from(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    leaving: Live,
    target: Live,
    cause: Cause,
    why: &str,
    hold_by: Option<&str>,
) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(spec) = world.stage(&stage.environment) else { return };
    upstream::void(stage, &leaving.build, why);
    // a hold outlives what it held: only a person lifts it
    let held = stage.held.take().filter(|h| h.kind != HoldKind::AdoptionHold).and_then(|h| h.by);
    let hold_by = hold_by.map(str::to_owned).or(held);
    let release = leaving.release.clone();
    let subject = Subject {
        release: leaving.release,
        release_uid: leaving.release_uid,
        version: leaving.version,
        build: leaving.build,
    };
    let state = RolloutState::Reverting(Reverting {
        since: world.now,
        deadline: world.now.plus(spec.progress_deadline()),
        ending: Ending { cause, message: clip(why, 256) },
        apart: false,
        hold_by,
    });
    let Some(stage) = draft.status.stages.get(index) else { return };
    let rollout = opening::rollout(world, &draft.status, stage, spec, subject, Some(target), state);
    let rollout = Rollout { hooks: hook::backward(spec), ..rollout };
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    stage.rollout = Some(rollout);
    let text = format!("{}: {why}", stage.environment);
    draft.warn(&release, "Reverting", text);
}
