//! Fully exposed: the suites run, checks are measured, and health is watched meanwhile.

use super::baking::{Health, watch_health};
use super::{environment_of, is_apart, set_state};
use crate::api::checkpoint::Proof;
use crate::api::hook::HookPoint;
use crate::api::rollout::{Baking, Rollout, RolloutWorkload, Verifying};
use crate::api::{Cause, Outcome, RolloutState, Time};
use crate::plan::check::{self, Checks};
use crate::plan::draft::Draft;
use crate::plan::hook::{self, Stand};
use crate::plan::mutant::{Mutant, is};
use crate::plan::strategy::{self, Clones};
use crate::plan::suite::{self, Tests};
use crate::plan::workload::Standing;
use crate::plan::world::World;
use crate::plan::writing::{all_serve, foreign, standings};
use crate::plan::{ending, fight, freeze, interrupt};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: Verifying) {
    let all = standings(world, draft, index, usize::MAX - 1);
    if let Some(found) = foreign(&all) {
        return ending::foreign(world, draft, index, &found);
    }
    // what fails just now is not the build
    if fight::is_under_way(world, draft, index, &all) {
        return;
    }
    match watch_health(world, draft, index, state.unhealthy) {
        _ if is(Mutant::VerifyBlind) => {}
        Health::Lost(why) => return ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Health::Is(unhealthy) if unhealthy != state.unhealthy => {
            return set_state(draft, index, RolloutState::Verifying(Verifying { unhealthy, ..state }));
        }
        Health::Is(_) => {}
    }
    let checks = check::judge(world, draft, index, state.since);
    if let Checks::Failed(why) = &checks {
        return ending::go_back(world, draft, index, Cause::Failed, why, None);
    }
    let is_whole = is_whole(world, draft, index, &all);
    match tests(world, draft, index) {
        Tests::Running => {}
        // what fails just now is neither proven nor left alone: health comes back, or is lost after the grace
        Tests::Passed | Tests::Unverified(_) if state.unhealthy.is_some() => {}
        Tests::Passed if checks == Checks::Passed && is_whole => conclude(world, draft, index),
        // a hook that runs is followed, and then the checks once more
        Tests::Passed if hook::is_running(draft, index) => follow_hooks(world, draft, index, |_| {}),
        // a workload that is gone or rolls again proves nothing, and neither do checks without an answer; they get the
        // time that a rollout has
        Tests::Passed => too_late(world, draft, index, &checks),
        // beside a clone nothing has replaced what ran before, and nothing unproven does
        Tests::Unverified(why) if is_apart(draft, index) && !is(Mutant::ApartSettled) => {
            if suite::is_told(world, draft, index) {
                ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
            }
        }
        Tests::Failed(_) | Tests::Unready(_)
            if ending::closes_at_once(world, draft, index) && !suite::is_told(world, draft, index) => {}
        Tests::Unready(why) => ending::go_back(world, draft, index, Cause::Inconclusive, &why, None),
        Tests::Unverified(_) if checks != Checks::Passed => too_late(world, draft, index, &checks),
        Tests::Failed(why) => ending::go_back(world, draft, index, Cause::Failed, &why, None),
        Tests::Unverified(why) => {
            if suite::is_told(world, draft, index) {
                ending::settle(world, draft, index, Outcome::Unverified, &why);
            }
        }
    }
}

/// The hooks before the suites, then the suites.
pub fn tests(world: &World<'_>, draft: &mut Draft, index: usize) -> Tests {
    let was_testing = draft.rollout(index).is_some_and(Rollout::is_testing);
    match hook::advance(world, draft, index, HookPoint::BeforeTests) {
        Stand::Running => return Tests::Running,
        Stand::Failed(why) => return Tests::Failed(why),
        Stand::Errored(why) => return Tests::Unready(why),
        Stand::Passed if !was_testing => start_suites(draft, index, world.now),
        Stand::Passed => {}
    }
    suite::advance(world, draft, index)
}

/// Every suite and check has passed: the hooks after them, and then it is delivered.
fn conclude(world: &World<'_>, draft: &mut Draft, index: usize) {
    follow_hooks(world, draft, index, |draft| deliver(world, draft, index));
}

fn follow_hooks(world: &World<'_>, draft: &mut Draft, index: usize, then: impl FnOnce(&mut Draft)) {
    let (cause, why) = match hook::advance(world, draft, index, HookPoint::After) {
        Stand::Running => return,
        Stand::Passed => return then(draft),
        Stand::Failed(why) => (Cause::Failed, why),
        Stand::Errored(why) => (Cause::Inconclusive, why),
    };
    if !ending::closes_at_once(world, draft, index) || suite::is_told(world, draft, index) {
        ending::go_back(world, draft, index, cause, &why, None);
    }
}

/// The time is over in which checks could have answered, and what was gone come again.
fn too_late(world: &World<'_>, draft: &mut Draft, index: usize, checks: &Checks) {
    let is_frozen = draft.status.stages.get(index).is_some_and(|stage| freeze::is_on(world, stage));
    let Some(limit) = limit_of(draft, index).filter(|limit| !is_frozen && world.is_due(*limit)) else { return };
    let why = match checks {
        Checks::Open(why) => format!("no verdict by {limit}: {why}"),
        Checks::Passed | Checks::Failed(_) => {
            format!("not whole by {limit}: {}", interrupt::progress_text(world, draft, index))
        }
    };
    ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
}

/// Whether the new build runs in full, in the workloads of the plan or in their clones.
fn is_whole(world: &World<'_>, draft: &Draft, index: usize, all: &[(RolloutWorkload, Standing)]) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let Some(rollout) = &stage.rollout else { return false };
    if rollout.is_apart() {
        return matches!(strategy::judge(world, draft, stage, rollout), Clones::Stand);
    }
    all_serve(world, &stage.environment, all)
}

/// By when a build whose suites have passed must be whole and its checks have answered: the progress deadline after the
/// last verdict, or after full exposure where that came later.
fn limit_of(draft: &Draft, index: usize) -> Option<Time> {
    let stage = draft.status.stages.get(index)?;
    let rollout = stage.rollout.as_ref()?;
    let verdicts =
        rollout.suites.iter().filter_map(|s| s.verdict.as_ref()).map(|v| v.at).chain(hook::last_end(rollout));
    let span = rollout.progress_deadline;
    Some(freeze::moved(stage, verdicts.chain(rollout.exposed_at).max()?.plus(span), span))
}

/// The new build runs in full: its suites start, or it is proven as it is. Those that came before a switch have passed.
pub fn expose(world: &World<'_>, draft: &mut Draft, index: usize) {
    let environment = environment_of(draft, index);
    let Some(rollout) = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut()) else { return };
    rollout.exposed_at = Some(world.now);
    let has_suites = rollout.suites.iter().any(|suite| suite.verdict.is_none());
    let has_hooks = hook::has_open(rollout, HookPoint::After);
    if !has_suites && !has_hooks && rollout.checks.is_empty() || is(Mutant::SuitesSkipped) {
        return deliver(world, draft, index);
    }
    let (release, version) = (rollout.release.clone(), rollout.version.clone());
    set_state(draft, index, RolloutState::Verifying(Verifying { since: world.now, changed: None, unhealthy: None }));
    start_suites(draft, index, world.now);
    draft.tell(&release, "Exposed", format!("{environment}: {version} runs in full; its suites and checks start"));
}

/// The time of suites counts from here, if this is when they run.
pub fn start_suites(draft: &mut Draft, index: usize, now: Time) {
    let rollout = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut());
    for suite in rollout.filter(|r| r.is_testing()).into_iter().flat_map(|r| &mut r.suites) {
        if suite.verdict.is_none() {
            suite.tries.since = Some(now);
        }
    }
}

/// Live and proven: evidence for the next stage from now on, and the bake begins.
pub fn deliver(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(rollout) = &mut stage.rollout else { return };
    let until = world.now.plus(rollout.bake);
    let stale = match &rollout.state {
        RolloutState::Verifying(state) => state.changed.filter(|_| !is(Mutant::StaleIgnored)),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_)
        | RolloutState::Reverting(_) => None,
    };
    rollout.state = RolloutState::Delivered(Baking { since: world.now, until, unhealthy: None, revert: None });
    stage.proofs.push(Proof {
        release: rollout.release.clone(),
        release_uid: rollout.release_uid.clone(),
        build: rollout.build.clone(),
        attempt: rollout.attempt.clone(),
        at: world.now,
        suites: rollout.suites.iter().map(|suite| suite.plan.suite.clone()).collect(),
        stale,
        ..Proof::default()
    });
    let (release, text) = (rollout.release.clone(), format!("{} delivered to {}", rollout.version, stage.environment));
    draft.tell(&release, "Delivered", text);
}
