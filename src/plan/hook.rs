//! The hooks of a rollout: which runs, what it said, and what that means for going on and for going back. Of each point one
//! runs after the other; what has not passed ends the list.

use crate::api::checkpoint::StageStatus;
use crate::api::hook::{Hook, HookPoint, HookRevert, HookState, Hooks};
use crate::api::release::HookSummary;
use crate::api::rollout::{Prepared, Rollout, Tries};
use crate::api::stage::Stage;
use crate::api::{RolloutState, RunPhase, Time};

use super::draft::Draft;
use super::interrupt;
use super::job::{self, Of, Wanted};
use super::mutant::{Mutant, is};
use super::verdict;
use super::world::World;

/// How the hooks of a point stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    Running,
    /// All have passed.
    Passed,
    /// One gave a bad result: it condemns the build.
    Failed(String),
    /// One gave no result.
    Errored(String),
}

/// The hooks of a stage as they stand at the start of a rollout. Nothing is prepared where that build runs already.
pub fn frozen(spec: &Stage, is_again: bool) -> Vec<HookState> {
    let Some(hooks) = &spec.hooks else { return Vec::new() };
    let all = [HookPoint::Before, HookPoint::BeforeTests, HookPoint::After, HookPoint::OnRevert];
    let wanted = all.into_iter().filter(|point| !(is_again && *point == HookPoint::Before));
    wanted.flat_map(|point| of_point(hooks, point)).collect()
}

/// Those that a rollout needs which does nothing but go back.
pub fn backward(spec: &Stage) -> Vec<HookState> {
    spec.hooks.iter().flat_map(|hooks| of_point(hooks, HookPoint::OnRevert)).collect()
}

fn of_point(hooks: &Hooks, point: HookPoint) -> impl Iterator<Item = HookState> {
    let list: &[Hook] = match point {
        HookPoint::Before => &hooks.before,
        HookPoint::BeforeTests => &hooks.before_tests,
        HookPoint::After => &hooks.after,
        HookPoint::OnRevert => &hooks.on_revert,
    };
    list.iter().map(move |plan| HookState { point, plan: plan.clone(), tries: Tries::default(), verdict: None })
}

/// Whether any hook of that point has not ended.
pub fn has_open(rollout: &Rollout, point: HookPoint) -> bool {
    rollout.hooks.iter().any(|hook| hook.point == point && hook.verdict.is_none())
}

/// The hook that has begun and not ended.
pub fn running(rollout: &Rollout) -> Option<&HookState> {
    rollout.hooks.iter().find(|hook| hook.is_running())
}

/// Whether a hook of that stage's rollout has begun and not ended.
pub fn is_running(draft: &Draft, index: usize) -> bool {
    draft.rollout(index).and_then(running).is_some()
}

/// Whether a Job of that hook may be made and started now.
fn is_due(rollout: &Rollout, hook: &HookState) -> bool {
    match (&rollout.state, hook.point) {
        (RolloutState::Preparing(_), HookPoint::Before)
        | (RolloutState::Stepping(_) | RolloutState::Verifying(_), HookPoint::BeforeTests | HookPoint::After)
        | (RolloutState::Reverting(_), HookPoint::OnRevert) => true,
        (
            RolloutState::Preparing(_)
            | RolloutState::Stepping(_)
            | RolloutState::Verifying(_)
            | RolloutState::Reverting(_)
            | RolloutState::Progressing(_)
            | RolloutState::Delivered(_)
            | RolloutState::Homing(_),
            _,
        ) => false,
    }
}

/// The Job that the rollout's hooks want made or started now.
pub fn due(rollout: &Rollout) -> Option<(Wanted<'_>, &Tries)> {
    running(rollout).filter(|hook| is_due(rollout, hook)).map(|hook| (wanted(hook), &hook.tries))
}

/// Whether nothing more of the preparations may begin just now.
pub fn is_stopped(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    match &rollout.state {
        RolloutState::Preparing(state) => state.paused.is_some() || interrupt::is_halted(world, stage, rollout),
        RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_)
        | RolloutState::Reverting(_) => false,
    }
}

/// The time of a hook that was kept from starting counts from here.
pub fn start_anew(draft: &mut Draft, index: usize, now: Time) {
    let rollout = draft.status.stages.get_mut(index).and_then(|stage| stage.rollout.as_mut());
    for hook in rollout.into_iter().flat_map(|rollout| &mut rollout.hooks).filter(|hook| hook.is_running()) {
        hook.tries.since = Some(now);
    }
}

/// The Job of a hook that is let end although the build goes back: it is of the preparations, and runs.
pub fn winding_up(rollout: &Rollout) -> Option<(Wanted<'_>, &Tries)> {
    let is_back = matches!(rollout.state, RolloutState::Reverting(_));
    let is_wound_up = |hook: &&HookState| is_back && hook.point == HookPoint::Before && !is(Mutant::HookKilled);
    running(rollout).filter(is_wound_up).map(|hook| (wanted(hook), &hook.tries))
}

/// The hook's Job as it is to be.
fn wanted(hook: &HookState) -> Wanted<'_> {
    let HookState { point, plan, .. } = hook;
    Wanted { of: Of::Hook(*point, &plan.name), source: &plan.job, timeout: plan.timeout(), retries: plan.retries() }
}

/// Latches what is new of a point's hooks, lets the next one begin, and says how they stand.
pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, point: HookPoint) -> Stand {
    let Some(stage) = draft.status.stages.get_mut(index) else { return Stand::Running };
    let environment = stage.environment.clone();
    let Some(rollout) = &mut stage.rollout else { return Stand::Running };
    let mut hooks = std::mem::take(&mut rollout.hooks);
    let next = hooks.iter_mut().find(|hook| hook.point == point && hook.phase() != Some(RunPhase::Passed));
    if let Some(hook) = next.filter(|hook| hook.verdict.is_none()) {
        if hook.tries.since.is_none() {
            hook.tries = Tries::from(world.now);
        }
        let retries = hook.plan.retries();
        follow(world, &environment, rollout, hook, retries);
    }
    let stand = together(&hooks, point);
    rollout.hooks = hooks;
    stand
}

fn follow(world: &World<'_>, environment: &str, rollout: &Rollout, hook: &mut HookState, retries: u32) {
    let mut tries = hook.tries.clone();
    let wanted = Wanted { retries, ..wanted(hook) };
    let found = job::follow(world, environment, rollout, &wanted, &mut tries, |job| verdict::of_hook(world, job));
    (hook.tries, hook.verdict) = (tries, found);
}

fn together(hooks: &[HookState], point: HookPoint) -> Stand {
    let open = hooks.iter().find(|hook| hook.point == point && hook.phase() != Some(RunPhase::Passed));
    match open.map(|hook| (hook.phase(), ended(hook))) {
        None => Stand::Passed,
        Some((None, _)) => Stand::Running,
        Some((Some(RunPhase::Failed), why)) => Stand::Failed(why),
        Some((Some(_), why)) => Stand::Errored(why),
    }
}

/// How a hook ended, in words.
fn ended(hook: &HookState) -> String {
    let (point, name) = (hook.point.as_str(), &hook.plan.name);
    let word = match hook.phase() {
        Some(RunPhase::Failed) => "failed",
        Some(_) => "gave no result",
        None => "was not run",
    };
    let message = hook.verdict.as_ref().map(|v| v.message.as_str()).filter(|message| !message.is_empty());
    let message = message.map(|message| format!(": {message}")).unwrap_or_default();
    format!("hook {point}/{name} {word}{message}")
}

/// What the hook that has begun waits for, in words.
pub fn text(world: &World<'_>, environment: &str, rollout: &Rollout) -> Option<String> {
    let Some(hook) = running(rollout) else {
        let mut before = rollout.hooks.iter().filter(|hook| hook.point == HookPoint::Before);
        let is_next = |hook: &&HookState| hook.verdict.is_none() && matches!(rollout.state, RolloutState::Preparing(_));
        return before.find(is_next).map(|hook| format!("hook before/{} comes next", hook.plan.name));
    };
    let again = if hook.tries.attempt > 1 { format!(" (try {})", hook.tries.attempt) } else { String::new() };
    let waits = job::cannot_make(world, environment, &hook.plan.job).filter(|_| hook.tries.job_uid.is_none());
    let waits = waits.unwrap_or_else(|| format!("runs{again}"));
    Some(format!("hook {}/{}: {waits}", hook.point.as_str(), hook.plan.name))
}

/// On the way back what runs of the preparations is let end, for nothing else may work on the same data meanwhile; what has not
/// started never does, and what was to prove the build has nothing to prove any more. Whether none is under way any more.
pub fn wind_up(world: &World<'_>, draft: &mut Draft, index: usize) -> bool {
    let Some(stage) = draft.status.stages.get_mut(index) else { return true };
    let environment = stage.environment.clone();
    let Some(rollout) = &mut stage.rollout else { return true };
    let is_forward = |hook: &HookState| hook.point != HookPoint::OnRevert && hook.is_running();
    let Some(at) = rollout.hooks.iter().position(is_forward) else { return true };
    let mut hook = rollout.hooks.remove(at);
    if hook.point != HookPoint::Before {
        hook.verdict = Some(verdict::plain(world, RunPhase::Aborted, "the build goes back"));
    } else if hook.tries.job_uid.is_none() {
        hook.verdict = Some(verdict::plain(world, RunPhase::Aborted, "it had not started"));
    } else if !job::found(world, &environment, rollout, wanted(&hook).of, &hook.tries).is_some_and(|job| job.suspended)
    {
        follow(world, &environment, rollout, &mut hook, 0);
    } else if job::is_over(world, &hook.tries, hook.plan.timeout()) {
        hook.verdict =
            Some(verdict::plain(world, RunPhase::Aborted, "its Job was not started, and could not be removed"));
    }
    let is_over = hook.verdict.is_some();
    rollout.hooks.insert(at, hook);
    is_over
}

/// Whether that hook's Job was started, as far as is known.
fn has_started(hook: &HookState) -> bool {
    hook.tries.started || hook.tries.attempt > 1
}

/// Whether any hook before the build has started: what it found may be changed.
pub fn has_begun(rollout: &Rollout) -> bool {
    rollout.hooks.iter().any(|hook| hook.point == HookPoint::Before && has_started(hook))
}

/// What the rollout's hooks have left to be thought of, and those of the attempt that made the same build live.
pub fn prepared(stage: &StageStatus, rollout: &Rollout) -> Prepared {
    let before = stage.current.as_ref().filter(|live| live.build == rollout.build).map(|live| live.prepared.clone());
    let before = before.unwrap_or_default();
    let is_final = |hook: &&HookState| hook.plan.revert == Some(HookRevert::Hold) && has_started(hook);
    let hold = rollout.hooks.iter().find(is_final).map(|hook| hook.plan.name.clone());
    Prepared { started: before.started || has_begun(rollout), hold: hold.unwrap_or(before.hold) }
}

/// Whether any hook has begun: what it does ends, and is told, before the rollout does.
pub fn has_any(rollout: &Rollout) -> bool {
    rollout.hooks.iter().any(|hook| hook.tries.since.is_some())
}

/// Whether the hooks of the way back have to run, and have not ended.
pub fn is_owed(stage: &StageStatus, rollout: &Rollout) -> bool {
    prepared(stage, rollout).started && has_open(rollout, HookPoint::OnRevert) && !is(Mutant::UndoForgotten)
}

/// What is not undone of what its hooks did, in words: a hook of the way back did not pass, or never came to its turn.
pub fn undone(stage: &StageStatus, rollout: &Rollout) -> Option<String> {
    let mut back = rollout.hooks.iter().filter(|hook| hook.point == HookPoint::OnRevert);
    let open = back.find(|hook| hook.phase() != Some(RunPhase::Passed))?;
    prepared(stage, rollout).started.then(|| ended(open))
}

/// Whether the Release says how the hooks have ended, or had time enough to.
pub fn is_told(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    let Some(known) = world.release(&rollout.release).filter(|k| k.uid == rollout.release_uid) else { return true };
    let told = known.release.status.iter().flat_map(|status| &status.stages);
    let told: Vec<_> = told.filter(|s| s.environment == stage.environment).flat_map(|s| &s.hooks).collect();
    rollout.hooks.iter().filter_map(|hook| Some((hook, hook.verdict.as_ref()?))).all(|(hook, verdict)| {
        let is_its = |t: &&&HookSummary| t.point == hook.point && t.name == hook.plan.name;
        told.iter().find(is_its).is_some_and(|t| t.ended_at == Some(verdict.at))
            || world.is_due(verdict.at.plus(world.snap.settings.reference_grace))
    })
}

/// The end of the last hook, from which what comes after it has its time.
pub fn last_end(rollout: &Rollout) -> Option<Time> {
    rollout.hooks.iter().filter_map(|hook| hook.verdict.as_ref()).map(|v| v.at).max()
}
