//! The guarantees that hold at each write, judged by the ghost history and by what the server holds.

use windlass::api::conditions::is_true;
use windlass::api::rollout::SuiteState;
use windlass::api::{
    Cause, DecisionPhase, DecisionType, Outcome, Phase, PipelineStatus, ReleaseStatus, Rollout, RolloutState,
};
use windlass::api::{RunPhase, StageStatus};
use windlass::observe::Claim;
use windlass::plan::{Action, CreateJob, PutRoute, PutService, SetImages, Target};

use crate::ghost::JobMade;
use crate::world::{Image, STAGES, World, build_of, image, image_in, serves};
use crate::{clones, hooks};

/// A guarantee that does not hold.
#[derive(Clone, Debug)]
pub struct Broken {
    pub property: &'static str,
    pub what: String,
}

pub type Holds = Result<(), Broken>;

pub fn broken(property: &'static str, what: impl Into<String>) -> Holds {
    Err(Broken { property, what: what.into() })
}

pub fn holds(is_so: bool, property: &'static str, what: impl FnOnce() -> String) -> Holds {
    if is_so { Ok(()) } else { broken(property, what()) }
}

pub fn is_forward(rollout: &Rollout) -> bool {
    !matches!(rollout.state, RolloutState::Reverting(_))
}

/// S11: every update and delete names the object that was seen.
pub fn guards(action: &Action) -> Holds {
    let (uid, version) = match action {
        Action::PutService(PutService { stands: Some(stands), .. })
        | Action::PutRoute(PutRoute { stands: Some(stands), .. }) => (&stands.uid, &stands.resource_version),
        Action::SetImages(set) => (&set.uid, &set.resource_version),
        Action::ScaleClone(scale) => (&scale.uid, &scale.resource_version),
        Action::StartJob { uid, resource_version, .. }
        | Action::RemoveJob { uid, resource_version, .. }
        | Action::RemoveClone { uid, resource_version, .. }
        | Action::LockScaleDown { uid, resource_version, .. }
        | Action::UnlockScaleDown { uid, resource_version, .. }
        | Action::RemoveRouting { uid, resource_version, .. }
        | Action::DeletePod { uid, resource_version, .. } => (uid, resource_version),
        Action::ReleaseStatus { target, .. }
        | Action::EnvironmentStatus { target, .. }
        | Action::TestRunStatus { target, .. }
        | Action::DecisionStatus { target, .. }
        | Action::Finalizer { target, .. }
        | Action::TouchOwn { target, .. }
        | Action::Delete { target } => (&target.uid, &target.resource_version),
        Action::Touch { of, .. } => (&of.uid, &of.resource_version),
        Action::CreateBan { .. }
        | Action::CreateRelease { .. }
        | Action::CreateTestRun { .. }
        | Action::CreateClone(_)
        | Action::PutService(PutService { stands: None, .. })
        | Action::PutRoute(PutRoute { stands: None, .. })
        | Action::CreateJob(_) => {
            return Ok(());
        }
    };
    holds(!uid.is_empty() && !version.is_empty(), "S11", || format!("a write without uid or version: {action:?}"))
}

/// S19: nothing is planned for a workload whose stage has not been adopted in the stored checkpoint.
pub fn planned(world: &World, actions: &[Action]) -> Holds {
    for set in actions.iter().filter_map(|a| if let Action::SetImages(set) = a { Some(set) } else { None }) {
        let stage = stored(world, crate::server::place_of(&set.namespace));
        let is_adopted = stage.is_some_and(|s| s.adopted.is_some());
        holds(is_adopted, "S19", || format!("{} is written before adoption is recorded", set.name))?;
    }
    Ok(())
}

pub fn stored(world: &World, stage: usize) -> Option<&StageStatus> {
    world.status()?.stages.iter().find(|s| s.environment == STAGES[stage])
}

/// S1, S5, S8, S10, S14, S16, S17, S26, S31: what an image write may do.
pub fn image_write(world: &World, place: usize, key: &str, set: &SetImages) -> Holds {
    let Some(seen) = world.places[place].workloads.get(key) else { return Ok(()) };
    let is_there = set.images.iter().all(|(container, _)| seen.images.contains_key(container));
    holds(is_there && !set.images.is_empty(), "S16", || format!("{key}: writes a container that is not there"))?;
    holds(!matches!(seen.claim, Claim::Other(_)), "S17", || format!("{key} belongs to another pipeline"))?;
    let by_hand = world.ghost.by_hand.iter().any(|h| h.binds && usize::from(h.place) == place && h.uid == seen.uid);
    holds(!by_hand, "S31", || format!("{key}: overwrites what a person set by hand ({:?})", image(seen)))?;
    let new = set.images.first().map_or(Image(97), |(_, text)| Image::of(text));
    let is_recorded = world.ghost.records[place].iter().any(|(image, _)| *image == new);
    let is_known = new.0 <= 4 || is_recorded;
    holds(is_known, "S26", || format!("{key}: {new:?} is no image of the pipeline"))?;
    let is_read = new.0 >= world.ghost.readable[place] || image(seen) == new || is_recorded && new.0 > 4;
    holds(is_read || world.operator.is_late, "S32", || format!("{key}: {new:?} cannot read what is there"))?;
    let Some(stage) = stored(world, place) else { return Ok(()) };
    match &stage.rollout {
        Some(rollout) if is_forward(rollout) => {
            clones::stable_write(world, place, key, rollout, new)?;
            let is_kept = rollout.is_apart() && stage.current.as_ref().map(|c| world.image_of(&c.build)) == Some(new);
            if is_kept {
                return Ok(());
            }
            if new == world.image_of(&rollout.build) {
                return forward(world, place, key, rollout, new);
            }
            holds(world.operator.is_late, "S8", || format!("{key}: {new:?} is not what the rollout delivers"))
        }
        Some(rollout) => {
            let target = rollout.target.as_ref().map(|t| world.image_of(&t.build));
            hooks::held(world, rollout, new)?;
            holds(target == Some(new), "S8", || format!("{key}: {new:?} is written after failure, target {target:?}"))?;
            holds(world.ghost.healthy[place].contains(&new), "S14", || format!("{key}: {new:?} never served in full"))
        }
        None => {
            let current = stage.current.as_ref().map(|c| world.image_of(&c.build));
            let is_fine = world.operator.is_late || current == Some(new);
            holds(is_fine, "S18", || format!("{key}: {new:?} is written with no rollout, current {current:?}"))
        }
    }
}

fn forward(world: &World, place: usize, key: &str, rollout: &Rollout, new: Image) -> Holds {
    let is_written = world.ghost.written.contains(&(rollout.attempt.clone(), key.to_owned()));
    let broken = world.holds_back(place, &rollout.release).filter(|_| !is_written);
    holds(broken.is_none(), broken.unwrap_or(""), || format!("{key}: exposure of {new:?} rises while paused"))?;
    may_rise(world, place, key, rollout, new)
}

/// S1, S5: what may be exposed further.
pub fn may_rise(world: &World, place: usize, key: &str, rollout: &Rollout, new: Image) -> Holds {
    let condemned = &world.ghost.condemned[place];
    holds(!condemned.contains(&new), "S5", || format!("{key}: {new:?} failed in {} and goes forward", STAGES[place]))?;
    if !world.is_first(place) {
        let is_proven = world.ghost.is_proven(place - 1, &rollout.release_uid, new, &world.suites(place - 1));
        // what an earlier leader sent before a suite took its word back is not known for late yet: S12 holds from then on
        let is_sent = world.operator.is_late;
        holds(is_proven || is_sent, "S1", || format!("{key}: {new:?} enters {} unproven upstream", STAGES[place]))?;
    }
    hooks::prepared(world, place, rollout)
}

/// S2, S22: what a Job is made for.
pub fn job_made(world: &World, job: &CreateJob, made: &JobMade) -> Holds {
    let runs = job.images.first().map_or(Image(97), |(_, text)| Image::of(text));
    holds(runs == made.build, "S2", || format!("suite {} tests {runs:?}, not {:?}", made.suite, made.build))?;
    let is_same = |j: &JobMade| j.attempt == made.attempt && j.suite == made.suite && j.r#try == made.r#try;
    let is_known = world.ghost.jobs.iter().any(|j| j.recorded && is_same(j));
    holds(!is_known || world.operator.is_late, "S22", || format!("the Job of suite {} is made again", made.suite))
}

/// The checkpoint names these Jobs now.
fn record_jobs(world: &mut World, new: &PipelineStatus) {
    let open = || new.stages.iter().filter_map(|s| s.rollout.as_ref());
    let tries = open().flat_map(|r| r.suites.iter().map(|s| &s.tries).chain(r.hooks.iter().map(|h| &h.tries)));
    for uid in tries.filter_map(|tries| tries.job_uid.as_ref()) {
        if world.ghost.jobs.iter().any(|j| j.uid == *uid && !j.recorded) {
            world.ghost().jobs.iter_mut().filter(|j| j.uid == *uid).for_each(|j| j.recorded = true);
        }
    }
}

pub fn job_started(world: &mut World, uid: &str) -> Holds {
    let Some(made) = world.ghost.jobs.iter().find(|j| j.uid == uid) else { return Ok(()) };
    let this = (made.attempt.clone(), made.suite.clone(), made.r#try);
    holds(!world.ghost.started.contains(&this), "S22", || format!("a try of suite {} starts twice", this.1))?;
    hooks::started(world, made)?;
    world.ghost().started.push(this);
    Ok(())
}

/// S27 on the TestRun itself.
pub fn verdict_stays(said: Option<RunPhase>, now: Option<RunPhase>) -> Holds {
    let is_kept = match said {
        Some(RunPhase::Failed) => now == Some(RunPhase::Failed),
        Some(RunPhase::Passed) => matches!(now, Some(RunPhase::Passed | RunPhase::Failed)),
        Some(RunPhase::Pending | RunPhase::Running | RunPhase::Errored | RunPhase::Aborted) | None => true,
    };
    holds(is_kept, "S27", || format!("a verdict {said:?} becomes {now:?}"))
}

/// S29: what waits only for people, time or evidence is current for who goes by kstatus, unless it can never come right by itself.
fn waits(world: &World, target: &Target, status: &ReleaseStatus) -> Holds {
    let Some(release) = world.release(&target.name).filter(|_| !world.is_stale()) else { return Ok(()) };
    let is_calm = |phase| matches!(phase, Phase::Waiting | Phase::Verifying | Phase::Delivered | Phase::Superseded);
    let is_bad = status.build_tests.iter().any(|row| row.phase == RunPhase::Failed);
    let is_valid = build_of(release).0 <= 4 && !is_bad;
    let is_waiting = is_valid && status.stages.iter().all(|stage| is_calm(stage.phase));
    let is_current = is_true(&status.conditions, "Ready");
    holds(!is_waiting || is_current, "S29", || format!("{} waits, and is not current", target.name))
}

/// S13: Delivered=True means live and proven. A workload that was deleted or re-created meanwhile is on its way back.
pub fn release_status(world: &World, target: &Target, status: &ReleaseStatus) -> Holds {
    waits(world, target, status)?;
    if !is_true(&status.conditions, "Delivered") || world.is_stale() {
        return Ok(());
    }
    let Some(release) = world.release(&target.name) else { return Ok(()) };
    let build = Image::of(release.spec.build.images.first().map_or("", |i| i.r#ref.as_str()));
    let is_now = status.observed_generation == release.metadata.generation.unwrap_or_default();
    let ends = |at: &usize| !world.is_beyond(*at, release);
    let last = (0..world.stage_names().len()).rev().find(ends).unwrap_or_default();
    let Some(stage) = stored(world, last) else { return broken("S13", "Delivered with no checkpoint") };
    let known = |uid: &str| stage.workloads.iter().any(|w| w.uid == uid);
    // until it is home it is live in its clones
    let is_apart = stage.rollout.as_ref().is_some_and(|r| r.strategy.clones());
    let mut clones = world.places[last].clones.values();
    let is_live = world.places[last].workloads.values().all(|w| image(w) == build || !known(&w.uid))
        || is_apart && clones.any(|c| image(c) == build);
    let is_proven = world.ghost.healthy[last].contains(&build);
    holds(is_live && is_proven && is_now, "S13", || format!("{} is called Delivered and is not", target.name))
}

/// All that a new checkpoint may say, seen from the old one.
pub fn checkpoint(world: &mut World, new: &PipelineStatus) -> Holds {
    let old = world.status().cloned().unwrap_or_default();
    acts(world, &old, new)?;
    record_jobs(world, new);
    for stage in &new.stages {
        let Some(at) = STAGES.iter().position(|s| *s == stage.environment) else { continue };
        let blank = StageStatus::default();
        let before = old.stages.iter().find(|s| s.environment == stage.environment).unwrap_or(&blank);
        history(before, stage)?;
        steps(world, before, stage)?;
        crate::transition::judge(world, new, at, before, stage)?;
    }
    Ok(())
}

/// S9: Abort of an idle stage changes nothing. And no Decision acts that is older than the memory of the pipeline.
fn acts(world: &World, old: &PipelineStatus, new: &PipelineStatus) -> Holds {
    let fresh = new.decisions.iter().filter(|n| !old.decisions.iter().any(|o| o.uid == n.uid));
    for note in fresh.filter(|n| n.phase == DecisionPhase::Applied) {
        let decision = world.decisions.iter().find(|d| d.metadata.uid.as_deref() == Some(note.uid.as_str()));
        let Some(decision) = decision.filter(|d| d.spec.r#type != DecisionType::Withdraw) else { continue };
        let made = decision.metadata.creation_timestamp.as_ref().map(windlass::api::Time::from);
        let kind = decision.spec.r#type;
        holds(made > new.adopted, "S18", || format!("{kind:?} acts, and is older than the adoption"))?;
        if kind != DecisionType::Abort {
            continue;
        }
        let stage = old.stages.iter().find(|s| Some(&s.environment) == decision.spec.environment.as_ref());
        let is_open = stage.and_then(|s| s.rollout.as_ref()).is_some_and(is_forward);
        holds(is_open, "S9", || "an Abort acts on a stage in which nothing is under way".into())?;
    }
    Ok(())
}

/// S6, S7: history grows at its end; each rollout ends with one terminal line, and no rollout starts before that.
fn history(before: &StageStatus, stage: &StageStatus) -> Holds {
    let name = &stage.environment;
    holds(stage.history.starts_with(&before.history), "S7", || format!("{name}: history is not what it was"))?;
    let added = &stage.history[before.history.len()..];
    let lines =
        |attempt: &str| stage.history.iter().filter(|e| e.outcome.is_terminal() && e.attempt == attempt).count();
    for entry in added.iter().filter(|e| e.outcome.is_terminal()) {
        holds(lines(&entry.attempt) == 1, "S7", || format!("{name}: {} has more than one end", entry.attempt))?;
    }
    let Some(rollout) = &before.rollout else { return Ok(()) };
    let is_open = stage.rollout.as_ref().is_some_and(|r| r.attempt == rollout.attempt);
    let ends = lines(&rollout.attempt);
    holds(is_open || ends == 1, "S6", || format!("{name}: {} is gone without an end", rollout.attempt))?;
    holds(!is_open || ends == 0, "S7", || format!("{name}: {} has an end and goes on", rollout.attempt))
}

/// S8, S27: states of one attempt only move on; verdicts stay.
fn steps(world: &World, before: &StageStatus, stage: &StageStatus) -> Holds {
    let (Some(old), Some(new)) = (&before.rollout, &stage.rollout) else { return Ok(()) };
    if old.attempt != new.attempt {
        return Ok(());
    }
    let rank = |r: &Rollout| match &r.state {
        RolloutState::Preparing(_) => 0,
        RolloutState::Progressing(p) => 1 + p.step,
        RolloutState::Stepping(s) => 1 + 2 * s.step + u32::from(s.since.is_some()),
        RolloutState::Verifying(_) => 100,
        RolloutState::Delivered(_) => 101,
        RolloutState::Homing(h) => 102 + h.step,
        RolloutState::Reverting(_) => 200,
    };
    holds(rank(new) >= rank(old), "S8", || format!("{}: a step goes back", stage.environment))?;
    clones::waits(world, old, new)?;
    for suite in &old.suites {
        let Some(verdict) = &suite.verdict else { continue };
        let now = new.suites.iter().find(|s| s.plan.suite == suite.plan.suite).and_then(|s| s.verdict.as_ref());
        let is_same = now.is_some_and(|v| v.phase == verdict.phase);
        holds(is_same, "S27", || format!("the verdict of suite {} changes: {now:?}", suite.plan.suite))?;
    }
    Ok(())
}

/// S24: only a bad result of the new revision condemns it.
pub fn condemnation(world: &World, at: usize, before: &StageStatus, attempt: &str, build: Image) -> Holds {
    let ghost = &world.ghost;
    let has_failed = ghost.said.iter().any(|s| usize::from(s.stage) == at && s.attempt == attempt && !s.passed);
    let is_late = before.rollout.as_ref().is_some_and(|r| match &r.state {
        // where the cluster keeps pace, no deadline passes that had not passed before
        RolloutState::Progressing(p) => world.operator.calm_since.unwrap_or(world.now) >= p.deadline,
        RolloutState::Stepping(s) => world.operator.calm_since.unwrap_or(world.now) >= s.deadline,
        RolloutState::Preparing(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_)
        | RolloutState::Reverting(_) => false,
    });
    // what an old leader or a lagging cache saw may be gone by now
    let is_measured = ghost.bad[at].iter().any(|bad| bad == attempt);
    let is_bad = has_failed || is_late || world.is_stale() || is_measured || ghost.trouble[at].contains(&build);
    holds(is_bad, "S24", || format!("{build:?} is condemned in {} and nothing failed", STAGES[at]))
}

/// L2, S23: a revert ends when the target serves; it is "Reverted" only if build and template are those of the record.
pub fn restored(world: &World, new: &PipelineStatus, at: usize, stage: &StageStatus, outcome: Outcome) -> Holds {
    if !matches!(outcome, Outcome::Reverted | Outcome::ImageOnly) {
        return Ok(());
    }
    let Some(current) = &stage.current else { return Ok(()) };
    let build = image_in(Some(new), &current.build);
    let mut ours = world.places[at].workloads.values().filter(|w| !matches!(w.claim, Claim::Other(_)));
    let is_back = world.is_stale() || ours.all(|w| image(w) == build && serves(w));
    holds(is_back, "L2", || format!("{}: a revert ends before {build:?} serves", stage.environment))?;
    let is_cut = world.is_stale() || world.places[at].clones.is_empty();
    holds(is_cut, "S8", || format!("{}: a revert ends, and a clone is there", stage.environment))?;
    if outcome == Outcome::ImageOnly {
        return Ok(());
    }
    let pair = (build, world.template(at));
    let is_whole = world.is_stale() || world.ghost.records[at].contains(&pair);
    holds(is_whole, "S23", || format!("{}: called Reverted under another template", stage.environment))
}

/// S24: Inconclusive never takes back what was delivered. S10: what nobody took away ends by its deadline, and time while
/// paused does not count towards it.
pub fn inconclusive(world: &World, at: usize, before: &StageStatus, cause: Cause) -> Holds {
    let state = before.rollout.as_ref().filter(|_| cause == Cause::Inconclusive).map(|r| &r.state);
    let was_delivered = matches!(state, Some(RolloutState::Delivered(_) | RolloutState::Homing(_)));
    holds(!was_delivered, "S24", || "a delivered build goes back unjudged".into())?;
    let is_taken = world.places[at].workloads.values().any(|w| matches!(w.claim, Claim::Other(_)));
    // a suite has a time-out of its own, and goes on in a pause
    let is_silent = |suite: &SuiteState| suite.verdict.as_ref().is_some_and(|v| v.phase == RunPhase::Errored);
    let is_unverified = before.rollout.iter().flat_map(|rollout| &rollout.suites).any(is_silent);
    let (paused, deadline) = match state.filter(|_| !world.is_stale() && !is_taken && !is_unverified) {
        Some(RolloutState::Progressing(p)) => (p.paused, p.deadline),
        Some(RolloutState::Stepping(s)) => (s.paused, s.deadline),
        _ => return Ok(()),
    };
    let is_late = paused.unwrap_or(world.now) >= deadline;
    holds(is_late, "S10", || format!("{} goes back by a deadline that the pause ate", STAGES[at]))
}
