//! A stage without a rollout: images that someone else wrote, workloads that were re-created, templates that changed,
//! evidence that failed later, a build that was withdrawn.

mod drift;

use crate::api::checkpoint::{Mark, PendingBan, Proof, StageStatus};
use crate::api::pipeline::WorkloadRef;
use crate::api::{BuildRow, Cause, HistoryEntry, Live, Outcome, Span, TestRun, Time};
use crate::observe::Workload;

use super::draft::{self, Draft, clip};
use super::workload::ForeignWrite;
use super::world::{World, order, user_of};
use super::{ending, fight, head, health, pin, revert, schema, suite, upstream, workload};

pub use drift::{Drift, drift};

/// The alert of a stage whose revert did not serve in time.
pub const REVERT_FAILED: &str = "RevertFailed";
/// The alert of a stage whose pods fail after its template changed.
pub const HEALTH_LOST: &str = "HealthLost";

/// Looks after a stage in which nothing is under way.
pub fn watch(world: &World<'_>, draft: &mut Draft, index: usize) {
    let is_idle = |s: &StageStatus| s.rollout.is_none() && s.adopted.is_some();
    if !draft.status.stages.get(index).is_some_and(is_idle) {
        return;
    }
    let is_held = draft.status.stages.get(index).is_some_and(|s| s.held.is_some());
    if !world.is_pipeline_deleted() && !go_back_if_wanted(world, draft, index, is_held) {
        workloads(world, draft, index);
        become_healthy(world, draft, index);
        watch_template(world, draft, index);
    }
}

/// A suite that had passed and failed later, after its attempt was settled: banned and told, not reverted. Whatever else is
/// under way there: the next stage must not rise on it, under any version. An attempt that is still open looks after its own
/// suites.
pub fn later_failures(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let (environment, open) = (stage.environment.clone(), stage.rollout.as_ref().map(|r| r.attempt.clone()));
    let is_over = |r: &&TestRun| r.spec.environment == environment && Some(&r.spec.attempt) != open.as_ref();
    for run in world.snap.test_runs.iter().map(AsRef::as_ref).filter(is_over).filter(|r| suite::has_failed(r)) {
        let why = format!("suite {} failed after its attempt had ended", run.spec.suite);
        if !take_back(world, stage, run, &clip(&why, 256)) {
            continue;
        }
        let (build, attempt, release) =
            (run.spec.build_hash.clone(), run.spec.attempt.clone(), run.spec.release.clone());
        stage.bans.push(PendingBan { build, attempt, release: release.clone(), reason: clip(&why, 256) });
        tell_of_evidence(world, stage, &release, &why);
        let text = format!("{}: {why}", stage.environment);
        draft.warn(&release, "EvidenceWithdrawn", text);
        return;
    }
}

fn tell_of_evidence(world: &World<'_>, stage: &mut StageStatus, release: &str, why: &str) {
    let text = format!("{release}: {why}; it is not promoted further and stays where it runs");
    draft::alert(stage, world, "EvidenceWithdrawn", &text);
}

/// Voids what was proven of that build here, in any attempt. What was never proven, and runs, is remembered as void. False
/// if it was known.
fn take_back(world: &World<'_>, stage: &mut StageStatus, run: &TestRun, why: &str) -> bool {
    let is_its = |p: &Proof| p.attempt == run.spec.attempt && p.release_uid == run.spec.release_uid;
    match stage.proofs.iter().find(|p| is_its(p) && p.build == run.spec.build_hash) {
        Some(proof) if proof.void.is_some() => return false,
        Some(_) => {}
        None => {
            let is_here = |c: &Live| c.attempt == run.spec.attempt && c.build == run.spec.build_hash;
            let is_unverified = |e: &HistoryEntry| e.attempt == run.spec.attempt && e.outcome == Outcome::Unverified;
            if !stage.current.as_ref().is_some_and(is_here) || !stage.history.iter().any(is_unverified) {
                return false;
            }
            stage.proofs.push(Proof {
                release: run.spec.release.clone(),
                release_uid: run.spec.release_uid.clone(),
                build: run.spec.build_hash.clone(),
                attempt: run.spec.attempt.clone(),
                at: world.now,
                ..Proof::default()
            });
        }
    }
    upstream::void(stage, &run.spec.build_hash, why);
    true
}

/// What runs was withdrawn, is not what the stage is pinned to, or lies above a head that was proven here: back at once.
fn go_back_if_wanted(world: &World<'_>, draft: &mut Draft, index: usize, is_held: bool) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let Some(current) = &stage.current else { return false };
    if stage.foreign().is_some() {
        return false;
    }
    if let Some(decision) = world.withdrawal(&current.release, &current.build) {
        let why = format!("withdrawn by {}", user_of(decision));
        if let Some(target) = revert::default_target(world, stage, &current.build) {
            revert::open(world, draft, index, target, Cause::Withdrawn, &why, None);
            return true;
        }
        let barred = schema::barred(world, stage, &current.build);
        let text = format!("{}: {why}; there is no build to go back to{barred}", current.release);
        if let Some(stage) = draft.status.stages.get_mut(index) {
            draft::alert(stage, world, "NoRevertTarget", &text);
        }
        return false;
    }
    if let Some(pin) = pin::of(world, &stage.environment) {
        return pin::go_back(world, draft, index, pin);
    }
    let Some(head) = head::mark(draft).filter(|_| !is_held) else { return false };
    let mine = current.created_at.map(|created_at| Mark {
        created_at,
        version: current.version.clone(),
        release: current.release.clone(),
    });
    if !mine.is_some_and(|m| order(&m, &head).is_gt()) {
        return false;
    }
    let hash = draft.status.head.as_ref().map(|h| h.build.clone());
    let Some(target) = stage.previous.iter().find(|p| Some(&p.build) == hash.as_ref()).cloned() else { return false };
    if world.is_bad(stage, &target.release, &target.build) {
        return false;
    }
    let why = format!("the head is {}", head.version);
    if let Some(barred) = schema::problem(stage, &target) {
        if let Some(stage) = draft.status.stages.get_mut(index) {
            draft::alert(stage, world, "NoRevertTarget", &format!("{why}; {barred}"));
        }
        return false;
    }
    revert::open(world, draft, index, target, Cause::HeadMovedBack, &why, None);
    true
}

/// Images there that someone else wrote, and that are not what runs there.
pub fn foreign(world: &World<'_>, draft: &Draft, stage: &StageStatus) -> Vec<ForeignWrite> {
    let Some(place) = world.place(&stage.environment) else { return Vec::new() };
    let of = |workload: &WorkloadRef| {
        let seen = place.workloads.get(&workload.key()).filter(|seen| !seen.deleting)?;
        match drift(world, draft, stage, workload, seen) {
            Drift::Foreign(foreign) => Some(foreign),
            Drift::None | Drift::Record { .. } | Drift::ToRestore => None,
        }
    };
    world.spec.workloads.iter().filter_map(of).collect()
}

fn workloads(world: &World<'_>, draft: &mut Draft, index: usize) {
    for workload in &world.spec.workloads {
        let Some(stage) = draft.status.stages.get(index) else { return };
        let Some(seen) = world.place(&stage.environment).and_then(|p| p.workloads.get(&workload.key())) else {
            continue;
        };
        if seen.deleting {
            continue;
        }
        match drift(world, draft, stage, workload, seen) {
            Drift::ToRestore if is_bad(world, stage) => return ending::adopt_instead(world, draft, index),
            Drift::None | Drift::ToRestore => {}
            Drift::Record { restored } => drift::record(world, draft, index, workload, seen, restored),
            Drift::Foreign(found) => {
                let found = fight::gravest(foreign(world, draft, stage)).unwrap_or(found);
                return ending::foreign(world, draft, index, &found);
            }
        }
    }
}

/// Whether what is recorded as current is banned here or withdrawn: it never goes forward again without a person.
pub fn is_bad(world: &World<'_>, stage: &StageStatus) -> bool {
    stage.current.as_ref().is_some_and(|c| world.is_bad(stage, &c.release, &c.build))
}

/// What was found before it served becomes a revert target once it does, and so does a build whose revert took too long.
fn become_healthy(world: &World<'_>, draft: &mut Draft, index: usize) {
    let is_serving = draft.status.stages.get(index).is_some_and(|s| serves(world, s) && runs_current(world, draft, s));
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let is_late_target = stage.alert.as_ref().is_some_and(|alert| alert.reason == REVERT_FAILED);
    let Some(current) = stage.current.as_mut().filter(|c| !c.healthy && is_serving) else { return };
    // found as it stood, and no rollout has ended since
    let is_found =
        current.attempt.is_empty() && !stage.history.iter().any(|e| e.outcome.is_terminal() && e.at >= current.since);
    if is_found || is_late_target {
        current.healthy = true;
        current.template = draft::template(world, &stage.environment);
        let (release, build) = (current.release.clone(), current.build.clone());
        stage.alert.take_if(|alert| alert.reason == REVERT_FAILED);
        // what it was gone back to may have failed meanwhile, and that was told before
        if is_late_target && world.is_banned(stage, &build) {
            tell_of_evidence(world, stage, &release, "its build was banned while it came back");
        }
    }
}

/// Whether all workloads of the stage run what is recorded as current. One that was re-created may not, yet.
pub fn runs_current(world: &World<'_>, draft: &Draft, stage: &StageStatus) -> bool {
    let Some(row) = current_row(world, draft, stage) else { return false };
    let is_told = world.spec.workloads.iter().all(|w| workload::unknown(world, w, row).is_none());
    is_told && each_runs_current(world, draft, stage, |_| true)
}

/// Whether the workloads that get clones run what is recorded as current: what others run waits for homing.
pub fn can_be_cloned(world: &World<'_>, draft: &Draft, stage: &StageStatus) -> bool {
    each_runs_current(world, draft, stage, WorkloadRef::is_cloned)
}

fn each_runs_current(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    is_meant: impl Fn(&WorkloadRef) -> bool,
) -> bool {
    let Some(row) = current_row(world, draft, stage) else { return false };
    let Some(place) = world.place(&stage.environment) else { return false };
    let runs = |w: &WorkloadRef| {
        let seen = place.workloads.get(&w.key());
        seen.is_some_and(|seen| workload::runs(world, seen, w, row))
    };
    world.spec.workloads.iter().filter(|w| is_meant(w)).all(runs)
}

/// The images of what is recorded as current.
fn current_row<'s>(world: &'s World<'_>, draft: &'s Draft, stage: &StageStatus) -> Option<&'s BuildRow> {
    stage.current.as_ref().and_then(|current| world.row(&draft.status, &current.build))
}

/// Whether all workloads of the stage serve.
pub fn serves(world: &World<'_>, stage: &StageStatus) -> bool {
    let Some(place) = world.place(&stage.environment) else { return false };
    world.spec.workloads.iter().all(|w| place.workloads.get(&w.key()).is_some_and(|s| health::is_serving(s)))
}

/// After a change that is not ours health is watched for a bake's length; a failure is told, images stay. The old pods
/// may go on serving beside those that fail, so the new ones are judged by themselves.
fn watch_template(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(until) = stage.watch_until else { return };
    let Some(place) = world.place(&stage.environment) else { return };
    let spec = world.stage(&stage.environment);
    let bake = spec.map_or(Span::seconds(0), |s| s.bake());
    let started = Time::from_millis(until.millis() - bake.millis());
    let start = spec.map_or(Span::seconds(0), |s| s.progress_deadline());
    let is_over = world.is_due(until);
    let mut seen = world.spec.workloads.iter().filter_map(|w| place.workloads.get(&w.key()));
    let trouble = |w: &std::sync::Arc<Workload>| match health::judge(world, w, started) {
        health::Judgement::Failed(why) => Some(why),
        health::Judgement::Complete | health::Judgement::Coming(_) if is_over => {
            health::ill_health(world, w, started, start)
        }
        health::Judgement::Complete | health::Judgement::Coming(_) => None,
    };
    let why = seen.find_map(|w| health::failed_job(world, w, started).or_else(|| trouble(w)));
    if why.is_some() || is_over {
        stage.watch_until = None;
    }
    let Some(why) = why else { return };
    let text = format!("health lost after the template changed: {why}");
    draft::alert(stage, world, HEALTH_LOST, &text);
    let text = format!("{}: {text}; images stay as they are", stage.environment);
    let release = stage.current.as_ref().map(|c| c.release.clone()).unwrap_or_default();
    draft.warn(&release, HEALTH_LOST, text);
}
