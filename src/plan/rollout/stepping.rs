//! A clone on its way to full exposure: one step after the other, each watched for as long as it says.

use super::baking::{Health, watch_health};
use super::progressing::too_late;
use super::verifying::{expose, start_suites, tests};
use super::{PAUSED_TOO_LONG, set_state};
use crate::api::rollout::{Rollout, Stepping};
use crate::api::strategy::Strategy;
use crate::api::{Cause, RolloutState, Span, StageStatus, Time};
use crate::plan::check::{self, Checks};
use crate::plan::draft::Draft;
use crate::plan::mutant::{Mutant, is};
use crate::plan::strategy::{self, Clones};
use crate::plan::suite::{self, Tests};
use crate::plan::world::World;
use crate::plan::writing::{foreign, standings};
use crate::plan::{ending, health, interrupt, reference};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: Stepping) {
    if let Some(found) = foreign(&standings(world, draft, index, usize::MAX - 1)) {
        return ending::foreign(world, draft, index, &found);
    }
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let closed = reference::closed(world, &stage.environment).map(Clones::Blocked);
    let clones = closed.unwrap_or_else(|| strategy::judge(world, draft, stage, rollout));
    if let Some(why) = condemned(world, stage, rollout, &clones, state.since) {
        return ending::go_back(world, draft, index, Cause::Failed, &why, None);
    }
    let failure = check::failure(world, draft, index, state.since.unwrap_or(rollout.started_at));
    if let Some(why) = failure.or_else(|| suite::failed_later(world, draft, index)) {
        return ending::go_back(world, draft, index, Cause::Failed, &why, None);
    }
    let is_paused = interrupt::is_halted(world, stage, rollout);
    match (state.paused, is_paused) {
        (None, true) => set(draft, index, Stepping { paused: Some(world.now), ..state }),
        (Some(since), false) if !is(Mutant::PauseSticks) => {
            let deadline = state.deadline.plus(world.now.since(since));
            set(draft, index, Stepping { deadline, paused: None, ..state });
        }
        (Some(since), _) if interrupt::is_overlong(world, rollout, since) => {
            ending::go_back(world, draft, index, Cause::Aborted, PAUSED_TOO_LONG, None);
        }
        (paused, _) => match state.since {
            Some(since) => watch(world, draft, index, state, since, paused.is_some(), &clones),
            None => bring(world, draft, index, state, paused.is_some(), clones),
        },
    }
}

/// What condemns the build at once. While a step comes that is all that keeps its pods from serving; once it has stood, as
/// when the clone grows with the workload or a node is lost, a crash loop alone.
fn condemned(
    world: &World<'_>,
    stage: &StageStatus,
    rollout: &Rollout,
    clones: &Clones,
    since: Option<Time>,
) -> Option<String> {
    let Clones::Failed(why) = clones else { return None };
    if since.is_none() {
        return Some(why.clone());
    }
    let mut all = strategy::carriers(world, stage, rollout).into_iter();
    all.find_map(|clone| health::crash_loop(clone, rollout.started_at))
}

/// The step does not stand yet: its pods come, or the deadline does.
fn bring(world: &World<'_>, draft: &mut Draft, index: usize, state: Stepping, is_paused: bool, clones: Clones) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    match clones {
        Clones::Stand => {
            // that requests drain at each step is nothing the build could be faster at
            let deadline = state.deadline.plus(rollout.drain());
            set(draft, index, Stepping { since: Some(world.now), deadline, ..state });
            start_suites(draft, index, world.now);
        }
        Clones::Coming(_) | Clones::Blocked(_) | Clones::Failed(_)
            if is_paused || !world.is_due(state.deadline.plus(rollout.drain())) => {}
        Clones::Blocked(why) => ending::go_back(world, draft, index, Cause::Inconclusive, &why, None),
        Clones::Coming(_) | Clones::Failed(_) => {
            let environment = stage.environment.clone();
            let is_shown = strategy::carriers(world, stage, rollout).into_iter().any(health::has_unready_pod);
            too_late(world, draft, index, &environment, None, is_shown);
        }
    }
}

/// The step stands: its pods are watched until its pause is over, then the next one comes.
fn watch(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    state: Stepping,
    since: Time,
    is_paused: bool,
    clones: &Clones,
) {
    let Some(rollout) = draft.rollout(index) else { return };
    let pause = pause_of(&rollout.strategy, state.step);
    match watch_health(world, draft, index, state.unhealthy) {
        _ if is(Mutant::StepBlind) => {}
        Health::Lost(why) => return ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Health::Is(unhealthy) if unhealthy != state.unhealthy => {
            return set(draft, index, Stepping { unhealthy, ..state });
        }
        Health::Is(_) => {}
    }
    if !is_proven(world, draft, index) {
        return;
    }
    let is_over = state.skipped || world.is_due(since.plus(pause)) || is(Mutant::PauseSkipped);
    if is_paused || !is_over {
        return;
    }
    if let Clones::Coming(why) | Clones::Blocked(why) | Clones::Failed(why) = clones {
        return unanswered(world, draft, index, since.max(state.deadline).plus(pause), why);
    }
    if state.unhealthy.is_some() {
        return;
    }
    if let Checks::Open(why) = check::judge(world, draft, index, since)
        && is_asked(draft, index)
    {
        return unanswered(world, draft, index, state.deadline.plus(pause), &why);
    }
    if is(Mutant::StepBack) && state.step > 0 {
        return set(draft, index, Stepping { step: state.step - 1, since: None, ..state });
    }
    if has_next(draft, index, state.step) {
        let deadline = state.deadline.plus(world.now.since(since));
        return set(draft, index, Stepping::at(state.step + 1, deadline));
    }
    expose(world, draft, index);
}

/// Whether the suites that come before a switch let it through. One that gives no verdict lets nothing through.
fn is_proven(world: &World<'_>, draft: &mut Draft, index: usize) -> bool {
    if !draft.rollout(index).is_some_and(Rollout::is_proving) || is(Mutant::SwitchUntested) {
        return true;
    }
    match tests(world, draft, index) {
        Tests::Passed => return true,
        Tests::Running => {}
        Tests::Failed(why) => ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Tests::Unready(why) => ending::go_back(world, draft, index, Cause::Inconclusive, &why, None),
        Tests::Unverified(why) => {
            if suite::is_told(world, draft, index) {
                ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
            }
        }
    }
    false
}

/// Whether the step gives the build any request that a check could be about.
fn is_asked(draft: &Draft, index: usize) -> bool {
    draft.rollout(index).is_some_and(|rollout| strategy::asked(rollout) > 0)
}

/// What does not stand any more when the pause is over, and checks that have not passed, get what is left of the time that a
/// rollout has.
fn unanswered(world: &World<'_>, draft: &mut Draft, index: usize, limit: Time, why: &str) {
    if world.is_due(limit) {
        let why = format!("no verdict by {limit}: {why}");
        ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
    }
}

/// Whether another step comes after this one.
fn has_next(draft: &Draft, index: usize, step: u32) -> bool {
    draft.rollout(index).is_some_and(|r| (step as usize) < r.strategy.steps().len())
}

/// How long a step is watched. Full exposure is watched by what follows.
pub fn pause_of(strategy: &Strategy, step: u32) -> Span {
    strategy.steps().get(step as usize).map_or(Span::seconds(0), |step| step.pause())
}

fn set(draft: &mut Draft, index: usize, state: Stepping) {
    set_state(draft, index, RolloutState::Stepping(state));
}
