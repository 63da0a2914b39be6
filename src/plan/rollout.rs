//! One rollout, one transition at a time: what the open rollout of a stage becomes, given what is seen.
//!
//! ```text
//!  start ─► Progressing ─► Verifying ─► Delivered ─► settled (Delivered, Superseded)
//!               │  │           │  └──► Unverified      │
//!               │  └───────────┴────────────┬──────────┘ failed, aborted, withdrawn, health lost
//!               ▼                           ▼
//!     left as it is (ExternalChange)    Reverting ─► Reverted, ImageOnly, or Failed (RevertFailed)
//! ```

use crate::api::checkpoint::Proof;
use crate::api::rollout::{Baking, Progressing, Reverting, Rollout, RolloutWorkload, Verifying};
use crate::api::{Cause, Outcome, RolloutState, StageStatus, Time};

use super::draft::{Draft, clip};
use super::mutant::{Mutant, is};
use super::suite::{self, Tests};
use super::workload::{self, Judgement, Standing};
use super::world::World;
use super::writing::{foreign, seen, standings};
use super::{ending, interrupt, reference};

/// Moves the stage's open rollout by one transition, if one is due.
pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize) {
    if interrupt::apply(world, draft, index) {
        return;
    }
    follow_templates(world, draft, index);
    let Some(rollout) = draft.status.stages.get(index).and_then(|s| s.rollout.as_ref()) else { return };
    match rollout.state.clone() {
        RolloutState::Progressing(state) => progress(world, draft, index, state),
        RolloutState::Verifying(state) => verify(world, draft, index, state),
        RolloutState::Delivered(state) => bake(world, draft, index, state),
        RolloutState::Reverting(state) => revert(world, draft, index, &state),
    }
}

/// A workload that was re-created gets its new UID once it runs our images; a changed template restarts the judging.
fn follow_templates(world: &World<'_>, draft: &mut Draft, index: usize) {
    let all = standings(world, draft, index, usize::MAX - 1);
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let environment = stage.environment.clone();
    let Some(rollout) = &mut stage.rollout else { return };
    let mut changed = None;
    for plan in &mut rollout.workloads {
        let Some(seen) = seen(world, &environment, plan) else { continue };
        let key = plan.workload.key();
        let is_wanted = all.iter().any(|(p, s)| p.workload.key() == key && *s == Standing::Wanted);
        if plan.uid != seen.uid && is_wanted {
            plan.uid.clone_from(&seen.uid);
        }
        if plan.fingerprint != seen.fingerprint {
            plan.fingerprint.clone_from(&seen.fingerprint);
            changed = Some(key);
        }
    }
    let Some(key) = changed else { return };
    match &mut rollout.state {
        RolloutState::Progressing(state) => state.deadline = world.now.plus(rollout.progress_deadline),
        RolloutState::Delivered(state) => state.until = world.now.plus(rollout.bake),
        RolloutState::Verifying(_) | RolloutState::Reverting(_) => {}
    }
    let release = rollout.release.clone();
    draft.tell(
        &release,
        "ConfigChanged",
        format!("{environment}: the template of {key} changed during the rollout; judging starts again"),
    );
}

fn progress(world: &World<'_>, draft: &mut Draft, index: usize, state: Progressing) {
    let step = state.step as usize;
    let standings = standings(world, draft, index, step);
    if let Some(who) = foreign(&standings) {
        return ending::foreign(world, draft, index, &who);
    }
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let environment = stage.environment.clone();
    let started = rollout.started_at;
    let way = match judged(world, &environment, &standings, started) {
        Ok(way) => way,
        Err(why) => return ending::go_back(world, draft, index, Cause::Failed, &why, None),
    };
    let is_unwritten = standings.get(step).is_some_and(|(_, s)| *s == Standing::Unwritten);
    // what was set before the pause is judged on; only the next workload and the deadline wait
    if is_unwritten && interrupt::is_paused(world, rollout) {
        return pause(world, draft, index, state);
    }
    if let Some(since) = state.paused.filter(|_| !is(Mutant::PauseSticks)) {
        let deadline = Time::from_millis(state.deadline.millis() + world.now.since(since).millis());
        return set_state(draft, index, RolloutState::Progressing(Progressing { deadline, paused: None, ..state }));
    }
    match way {
        Way::Complete => next_step(world, draft, index, state),
        Way::Coming | Way::Blocked(_) if !world.is_due(state.deadline) => {}
        Way::Blocked(why) => ending::go_back(world, draft, index, Cause::Inconclusive, &why, None),
        Way::Coming => {
            // what may not be written to says nothing about the build
            let (cause, why) = match reference::problem(world, &environment) {
                Some(problem) => (Cause::Inconclusive, problem.message),
                None => {
                    let text = interrupt::progress_text(world, draft, index);
                    (Cause::Failed, format!("progress deadline passed: {text}"))
                }
            };
            ending::go_back(world, draft, index, cause, &why, None);
        }
    }
}

/// How the workloads up to the present step do together.
enum Way {
    /// All of them run the new images in full.
    Complete,
    Coming,
    /// One is gone, lacks a container, or may not be written to: in words.
    Blocked(String),
}

/// Judges what was written so far; an error says why the new revision failed.
fn judged(
    world: &World<'_>,
    environment: &str,
    standings: &[(RolloutWorkload, Standing)],
    started: Time,
) -> Result<Way, String> {
    let mut is_complete = !standings.is_empty();
    let mut blocked = None;
    let skipped = if is(Mutant::OneJudged) { standings.len().saturating_sub(1) } else { 0 };
    for (plan, standing) in standings.iter().skip(skipped) {
        match (standing, seen(world, environment, plan)) {
            (Standing::Wanted, Some(seen)) => match workload::judge(world, seen, started) {
                Judgement::Failed(why) => return Err(why),
                Judgement::Complete => {}
                Judgement::Coming(_) => is_complete = false,
            },
            (Standing::Missing, _) => blocked = Some(format!("{} is gone", plan.workload.key())),
            (Standing::ContainerMissing(name), _) => {
                blocked = Some(format!("ContainerNotFound: {} has no container {name}", plan.workload.key()));
            }
            (Standing::Unwritten, _) => {
                // what the server does not let us write says nothing about the build
                blocked = blocked.or_else(|| interrupt::refusal(world, environment));
                is_complete = false;
            }
            (Standing::Foreign(_), _) | (Standing::Wanted, None) => is_complete = false,
        }
    }
    let way = if is_complete { Way::Complete } else { Way::Coming };
    // a place that lets nobody in looks empty: what it says comes first
    Ok(reference::closed(world, environment).or(blocked).map_or(way, Way::Blocked))
}

fn pause(world: &World<'_>, draft: &mut Draft, index: usize, state: Progressing) {
    match state.paused {
        None => set_state(draft, index, RolloutState::Progressing(Progressing { paused: Some(world.now), ..state })),
        Some(since) if world.is_due(since.plus(world.snap.settings.max_pause)) => {
            ending::go_back(world, draft, index, Cause::Aborted, "paused for longer than allowed", None);
        }
        Some(_) => {}
    }
}

/// The workload of this step runs the new images in full: the next one, or full exposure.
fn next_step(world: &World<'_>, draft: &mut Draft, index: usize, state: Progressing) {
    let Some(rollout) = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut()) else { return };
    if (state.step as usize) + 1 < rollout.workloads.len() && !is(Mutant::StepSkipped) {
        return set_state(draft, index, RolloutState::Progressing(Progressing { step: state.step + 1, ..state }));
    }
    rollout.exposed_at = Some(world.now);
    if rollout.suites.is_empty() || is(Mutant::SuitesSkipped) {
        return deliver(world, draft, index);
    }
    for suite in &mut rollout.suites {
        suite.since = Some(world.now);
    }
    let (release, version) = (rollout.release.clone(), rollout.version.clone());
    set_state(draft, index, RolloutState::Verifying(Verifying { since: world.now, unhealthy: None }));
    let environment = environment_of(draft, index);
    draft.tell(&release, "Exposed", format!("{environment}: {version} runs in full; its suites start"));
}

fn verify(world: &World<'_>, draft: &mut Draft, index: usize, state: Verifying) {
    let all = standings(world, draft, index, usize::MAX - 1);
    if let Some(who) = foreign(&all) {
        return ending::foreign(world, draft, index, &who);
    }
    match health(world, draft, index, state.unhealthy) {
        _ if is(Mutant::VerifyBlind) => {}
        Health::Lost(why) => return ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Health::Is(unhealthy) if unhealthy != state.unhealthy => {
            return set_state(draft, index, RolloutState::Verifying(Verifying { unhealthy, ..state }));
        }
        Health::Is(_) => {}
    }
    match suite::advance(world, draft, index) {
        Tests::Running => {}
        // what fails just now is neither proven nor left alone: health comes back, or is lost after the grace
        Tests::Passed | Tests::Unverified(_) if state.unhealthy.is_some() => {}
        Tests::Passed if is_whole(world, draft, index, &all) => deliver(world, draft, index),
        // a workload that is gone or rolls again proves nothing; it gets the time that a rollout has
        Tests::Passed => {
            if let Some(limit) = limit_of(draft, index).filter(|limit| world.is_due(*limit)) {
                let why = format!("not whole by {limit}: {}", interrupt::progress_text(world, draft, index));
                ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
            }
        }
        // without a target the rollout closes at once, and its TestRuns must have been told before
        Tests::Failed(_) if !has_target(draft, index) && !suite::is_told(world, draft, index) => {}
        Tests::Failed(why) => ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Tests::Unverified(why) => {
            if suite::is_told(world, draft, index) {
                ending::settle(world, draft, index, Outcome::Unverified, &why);
            }
        }
    }
}

fn has_target(draft: &Draft, index: usize) -> bool {
    draft.status.stages.get(index).and_then(|s| s.rollout.as_ref()).is_some_and(|r| r.target.is_some())
}

/// Whether every workload of the plan runs the new images in full.
fn is_whole(world: &World<'_>, draft: &Draft, index: usize, all: &[(RolloutWorkload, Standing)]) -> bool {
    let environment = environment_of(draft, index);
    all.iter().all(|(plan, standing)| {
        *standing == Standing::Wanted && seen(world, &environment, plan).is_some_and(workload::is_serving)
    })
}

/// By when a build whose suites have passed must be whole: the progress deadline after the last verdict.
fn limit_of(draft: &Draft, index: usize) -> Option<Time> {
    let rollout = draft.status.stages.get(index)?.rollout.as_ref()?;
    let last = rollout.suites.iter().filter_map(|s| s.verdict.as_ref()).map(|v| v.at).max();
    Some(last.or(rollout.exposed_at)?.plus(rollout.progress_deadline))
}

/// Live and proven: evidence for the next stage from now on, and the bake begins.
fn deliver(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = &mut stage.rollout else { return };
    let until = world.now.plus(rollout.bake);
    rollout.state = RolloutState::Delivered(Baking { since: world.now, until, unhealthy: None });
    stage.proofs.push(Proof {
        release: rollout.release.clone(),
        release_uid: rollout.release_uid.clone(),
        build: rollout.build.clone(),
        attempt: rollout.attempt.clone(),
        at: world.now,
        void: None,
    });
    let excess = stage.proofs.len().saturating_sub(20);
    stage.proofs.drain(..excess);
    let (release, text) = (rollout.release.clone(), format!("{} delivered to {}", rollout.version, stage.environment));
    draft.tell(&release, "Delivered", text);
}

fn bake(world: &World<'_>, draft: &mut Draft, index: usize, state: Baking) {
    let all = standings(world, draft, index, usize::MAX - 1);
    if let Some(who) = foreign(&all) {
        return ending::foreign(world, draft, index, &who);
    }
    if let Some(why) = suite::failed_later(world, draft, index) {
        return ending::go_back(world, draft, index, Cause::Failed, &why, None);
    }
    match health(world, draft, index, state.unhealthy) {
        _ if is(Mutant::BakeBlind) => {}
        Health::Lost(why) => {
            let why = format!("health lost in the bake: {why}");
            return ending::go_back(world, draft, index, Cause::Failed, &why, None);
        }
        Health::Is(unhealthy) if unhealthy != state.unhealthy => {
            return set_state(draft, index, RolloutState::Delivered(Baking { unhealthy, ..state }));
        }
        Health::Is(_) => {}
    }
    if world.is_due(state.until) && state.unhealthy.is_none() && suite::is_told(world, draft, index) {
        ending::settle(world, draft, index, Outcome::Delivered, "");
    }
}

enum Health {
    Is(Option<Time>),
    Lost(String),
}

/// Whether containers of the rollout's workloads fail just now.
pub fn is_ill(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    let mut seen = rollout.workloads.iter().filter_map(|plan| seen(world, &stage.environment, plan));
    seen.any(|w| workload::ill_health(world, w).is_some())
}

/// Since when containers fail; lost after the grace.
fn health(world: &World<'_>, draft: &Draft, index: usize, since: Option<Time>) -> Health {
    let Some(stage) = draft.status.stages.get(index) else { return Health::Is(None) };
    let plans = stage.rollout.iter().flat_map(|r| &r.workloads);
    let ill = plans
        .filter_map(|plan| seen(world, &stage.environment, plan))
        .find_map(|seen| workload::ill_health(world, seen));
    let Some(why) = ill else { return Health::Is(None) };
    let since = since.unwrap_or(world.now);
    if world.is_due(since.plus(world.snap.settings.bake_grace)) { Health::Lost(why) } else { Health::Is(Some(since)) }
}

fn revert(world: &World<'_>, draft: &mut Draft, index: usize, state: &Reverting) {
    let all = standings(world, draft, index, usize::MAX - 1);
    if let Some(who) = foreign(&all) {
        return ending::foreign(world, draft, index, &who);
    }
    let environment = environment_of(draft, index);
    let is_back = |(plan, standing): &(RolloutWorkload, Standing)| match standing {
        Standing::Wanted if is(Mutant::RevertHasty) => true,
        Standing::Wanted => seen(world, &environment, plan).is_some_and(workload::is_serving),
        // what is gone cannot be written, and does not keep the rest
        Standing::Missing | Standing::ContainerMissing(_) => true,
        Standing::Unwritten | Standing::Foreign(_) => false,
    };
    let closed = reference::closed(world, &environment);
    if closed.is_none() && !all.is_empty() && all.iter().all(is_back) {
        if suite::is_told(world, draft, index) {
            ending::reverted(world, draft, index, state);
        }
        return;
    }
    if world.is_due(state.deadline) {
        let late = all.iter().find(|s| !is_back(s)).map(|(plan, _)| format!("{} is not back", plan.workload.key()));
        let why = closed.or(late).unwrap_or_default();
        ending::revert_failed(world, draft, index, &clip(&why, 200));
    }
}

fn set_state(draft: &mut Draft, index: usize, state: RolloutState) {
    if let Some(rollout) = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut()) {
        rollout.state = state;
    }
}

fn environment_of(draft: &Draft, index: usize) -> String {
    draft.status.stages.get(index).map(|s| s.environment.clone()).unwrap_or_default()
}
