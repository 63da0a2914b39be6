//! Live and proven: health is watched until the bake ends. What is to go back then asks its Environment for leave.

use super::{go_home, is_apart, set_state};
use crate::api::rollout::{Baking, RevertRequest, Rollout};
use crate::api::{Cause, Outcome, RolloutState, StageStatus, Time};
use crate::plan::brake::{self, Leave};
use crate::plan::check::{self, Checks};
use crate::plan::draft::{Draft, clip};
use crate::plan::mutant::{Mutant, is};
use crate::plan::world::World;
use crate::plan::writing::{foreign, standings};
use crate::plan::{ending, fight, health, reference, strategy, suite};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: Baking) {
    let all = standings(world, draft, index, usize::MAX - 1);
    if let Some(found) = foreign(&all) {
        return ending::foreign(world, draft, index, &found);
    }
    // what fails just now is not the build
    if fight::is_under_way(world, draft, index, &all) {
        return;
    }
    if let Some(why) = suite::failed_later(world, draft, index) {
        return ending::go_back(world, draft, index, Cause::Failed, &why, None);
    }
    let since = exposed(draft, index).unwrap_or(state.since);
    let (unhealthy, lost) = match watch_health(world, draft, index, state.unhealthy) {
        _ if is(Mutant::BakeBlind) => (None, None),
        Health::Lost(why) => (state.unhealthy, Some(why)),
        Health::Is(unhealthy) => (unhealthy, None),
    };
    let checks = match check::judge(world, draft, index, since) {
        _ if is(Mutant::BakeBlind) => Checks::Passed,
        Checks::Open(why) if is(Mutant::SilenceReverts) && world.is_due(state.until) => {
            return ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
        }
        checks => checks,
    };
    let failed = if let Checks::Failed(why) = &checks { Some(why.clone()) } else { None };
    match (lost.or(failed), &state.revert) {
        (Some(why), None) => return ask(world, draft, index, &why, state),
        // what was lost once is well again only when every check says so: no answer says nothing
        (None, Some(_)) if checks == Checks::Passed && unhealthy.is_none() => {
            return set_state(draft, index, RolloutState::Delivered(Baking { unhealthy, revert: None, ..state }));
        }
        (Some(_) | None, Some(request)) => return go_back(world, draft, index, request),
        (None, None) if unhealthy != state.unhealthy => {
            return set_state(draft, index, RolloutState::Delivered(Baking { unhealthy, ..state }));
        }
        (None, None) => {}
    }
    if check::is_wavering(world, draft, index, since) {
        return;
    }
    if world.is_due(state.until) && state.unhealthy.is_none() && suite::is_told(world, draft, index) {
        // what cannot be seen is not known to be healthy
        let is_closed = draft.status.stages.get(index).and_then(|s| reference::closed(world, &s.environment)).is_some();
        if is_closed || is_unheard(world, draft, index, &state) {
            return;
        }
        if is_apart(draft, index) {
            return go_home(world, draft, index, &state);
        }
        ending::settle(world, draft, index, Outcome::Delivered, "");
    }
}

/// Whether its end must wait for a first measurement by this process: what was measured before a restart is not known any
/// more. Not for longer than a rollout may take.
pub fn is_unheard(world: &World<'_>, draft: &Draft, index: usize, state: &Baking) -> bool {
    let Some(rollout) = draft.rollout(index) else { return false };
    let limit = state.until.plus(rollout.progress_deadline);
    check::is_unmeasured(world, draft, index, rollout.exposed_at.unwrap_or(state.since)) && !world.is_due(limit)
}

/// States that the build is to go back; the Environment's own pass lets it, or its brake holds.
fn ask(world: &World<'_>, draft: &mut Draft, index: usize, why: &str, state: Baking) {
    let reason = clip(&format!("health lost in the bake: {why}"), 256);
    let revert = Some(RevertRequest { since: world.now, reason });
    set_state(draft, index, RolloutState::Delivered(Baking { revert, ..state }));
}

fn go_back(world: &World<'_>, draft: &mut Draft, index: usize, request: &RevertRequest) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let attempt = stage.rollout.as_ref().map(|r| r.attempt.clone()).unwrap_or_default();
    match brake::leave(world, &stage.environment, &attempt, request.since) {
        Leave::Granted => ending::go_back(world, draft, index, Cause::Failed, &request.reason, None),
        Leave::Asked | Leave::Held => {}
    }
}

fn exposed(draft: &Draft, index: usize) -> Option<Time> {
    draft.rollout(index)?.exposed_at
}

/// How the containers of a rollout do.
pub enum Health {
    /// Since when some fail, if some do.
    Is(Option<Time>),
    /// For longer than the grace, and why.
    Lost(String),
}

/// Whether containers of the rollout's workloads fail just now.
pub fn is_ill(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    let mut seen = strategy::carriers(world, stage, rollout).into_iter();
    seen.any(|w| health::ill_health(world, w, rollout.started_at, rollout.progress_deadline).is_some())
}

/// Since when containers fail; lost after the grace. A Job that has failed for good does not recover.
pub fn watch_health(world: &World<'_>, draft: &Draft, index: usize, since: Option<Time>) -> Health {
    let Some(stage) = draft.status.stages.get(index) else { return Health::Is(None) };
    let Some(rollout) = &stage.rollout else { return Health::Is(None) };
    let all = strategy::carriers(world, stage, rollout);
    if let Some(why) = all.iter().find_map(|w| health::failed_job(world, w, rollout.started_at)) {
        return Health::Lost(why);
    }
    let ill = all.iter().find_map(|w| health::ill_health(world, w, rollout.started_at, rollout.progress_deadline));
    let Some(why) = ill else { return Health::Is(None) };
    let since = since.unwrap_or(world.now);
    if world.is_due(since.plus(world.snap.settings.bake_grace)) { Health::Lost(why) } else { Health::Is(Some(since)) }
}
