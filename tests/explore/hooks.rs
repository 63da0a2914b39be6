//! Hooks: what was begun, in which order, and what the way back undoes.

use windlass::api::hook::{Hook, HookPoint, HookRevert, HookState, Hooks};
use windlass::api::stage::JobSource;
use windlass::api::{Outcome, Rollout, RolloutState, StageStatus};

use crate::ghost::JobMade;
use crate::safety::{Holds, holds, stored};
use crate::world::{Image, STAGES, World, image};

/// A back-up that is repeatable, a migration, and its undoing.
pub fn hooks(job: &JobSource, is_final: bool) -> Hooks {
    let hook = |name: &str, revert| Hook { name: name.into(), job: job.clone(), timeout: None, retries: None, revert };
    let migrate = hook("migrate", is_final.then_some(HookRevert::Hold));
    Hooks {
        before: vec![hook("backup", None), migrate],
        after: vec![hook("smoke", None)],
        on_revert: vec![hook("undo", None)],
        ..Hooks::default()
    }
}

/// As its Jobs are labelled.
fn label(hook: &HookState) -> String {
    format!("{}.{}", hook.point.as_str(), hook.plan.name)
}

/// Whether a suite or hook of that name is under way in an attempt.
pub fn is_open(rollout: &Rollout, name: &str) -> bool {
    rollout.suites.iter().any(|s| s.plan.suite == name && s.verdict.is_none())
        || rollout.hooks.iter().any(|h| label(h) == name && h.verdict.is_none())
}

/// S1: nothing of a build is exposed before all that prepares it has passed.
pub fn prepared(world: &World, at: usize, rollout: &Rollout) -> Holds {
    let before = rollout.hooks.iter().filter(|hook| hook.point == HookPoint::Before);
    let silent = before.map(label).find(|name| !world.ghost.has_passed(at, &rollout.attempt, name));
    holds(silent.is_none(), "S1", || format!("{} is exposed in {} before hook {silent:?}", rollout.release, STAGES[at]))
}

/// S1: nothing is called delivered before what comes after its suites has passed.
pub fn concluded(world: &World, at: usize, rollout: &Rollout) -> Holds {
    let after = rollout.hooks.iter().filter(|hook| hook.point == HookPoint::After);
    let silent = after.map(label).find(|name| !world.ghost.has_passed(at, &rollout.attempt, name));
    holds(silent.is_none(), "S1", || format!("{} is delivered before hook {silent:?}", rollout.release))
}

/// S8: nothing is undone under a workload that still goes by it.
pub fn started(world: &World, made: &JobMade) -> Holds {
    let place = &world.places[usize::from(made.stage)];
    let mut all = place.workloads.values().chain(place.clones.values());
    let runs = !world.is_stale() && made.suite.starts_with("onRevert.") && all.any(|w| image(w) == made.build);
    holds(!runs, "S8", || format!("{} is undone while it runs", made.attempt))
}

/// S22: what runs is not ended while its rollout is open and waits for it.
pub fn removed(world: &World, uid: &str) -> Holds {
    let Some(made) = world.ghost.jobs.iter().find(|j| j.uid == uid) else { return Ok(()) };
    let at = usize::from(made.stage);
    let mut jobs = world.places[at].jobs.values();
    let runs = jobs.any(|j| j.uid == uid && !j.suspended && !j.complete && j.failed.is_none());
    let open = stored(world, at).and_then(|s| s.rollout.as_ref()).filter(|r| r.attempt == made.attempt);
    let is_waited_for = made.suite.starts_with("before.") && open.is_some_and(|r| is_open(r, &made.suite));
    holds(!runs || !is_waited_for || world.operator.is_late, "S22", || format!("{} is ended while it runs", made.suite))
}

/// Whether any hook before that build was started in that attempt.
fn has_begun(world: &World, attempt: &str) -> bool {
    world.ghost.started.iter().any(|(of, name, _)| of == attempt && name.starts_with("before."))
}

/// L2: what a hook began is undone when its build goes back.
pub fn undone(world: &World, before: &StageStatus, outcome: Outcome) -> Holds {
    let is_back = matches!(outcome, Outcome::Reverted | Outcome::ImageOnly | Outcome::Aborted);
    let Some(rollout) = before.rollout.as_ref().filter(|_| is_back && !world.operator.is_late) else { return Ok(()) };
    let is_turned = matches!(rollout.state, RolloutState::Reverting(_) | RolloutState::Preparing(_));
    let is_asked = rollout.hooks.iter().any(|hook| hook.point == HookPoint::OnRevert);
    let is_made = || {
        let mut jobs = world.ghost.jobs.iter().filter(|j| j.attempt == rollout.attempt);
        jobs.any(|j| j.suite.starts_with("onRevert."))
    };
    let is_owed = is_turned && is_asked && has_begun(world, &rollout.attempt);
    holds(!is_owed || is_made(), "L2", || format!("{} goes back, and nothing is undone", rollout.release))
}

/// S33: what has no way back is not gone back on without a person.
pub fn held(world: &World, rollout: &Rollout, new: Image) -> Holds {
    let RolloutState::Reverting(state) = &rollout.state else { return Ok(()) };
    let is_final = |hook: &&HookState| hook.plan.revert == Some(HookRevert::Hold);
    let names: Vec<String> = rollout.hooks.iter().filter(is_final).map(label).collect();
    let mut begun = world.ghost.started.iter().filter(|(of, ..)| *of == rollout.attempt);
    let is_barred = !state.ending.cause.is_asked() && begun.any(|(_, name, _)| names.contains(name));
    holds(!is_barred, "S33", || format!("{new:?} is put back by itself after {names:?}"))
}
