//! What TestRuns say of themselves: written from the latched verdicts, and closed when their attempt has ended.

use crate::api::rollout::{Rollout, SuiteState, Verdict};
use crate::api::test_run::TestRunStatus;
use crate::api::{RolloutState, RunPhase, Runner, StageStatus, TestRun};

use super::action::{Action, Kind};
use super::effects::target;
use super::world::World;

/// What the operator says in TestRuns: everything for its own Jobs, only Errored, Aborted and what covers too little for an external suite.
pub fn report(world: &World<'_>, stage: &StageStatus, actions: &mut Vec<Action>) {
    for run in world.snap.test_runs.iter().filter(|r| r.spec.environment == stage.environment) {
        let said = run.status.as_ref().and_then(|s| s.phase);
        if matches!(said, Some(RunPhase::Failed | RunPhase::Aborted)) {
            continue;
        }
        let Some(status) = status_of(world, stage, run) else { continue };
        // a pass that covers too little is none
        let is_news = said != Some(RunPhase::Passed) || status.phase == Some(RunPhase::Failed);
        if is_news && run.status.as_ref() != Some(&status) {
            actions
                .push(Action::TestRunStatus { target: target(Kind::TestRun, run.as_ref()), status: Box::new(status) });
        }
    }
}

/// What is said of a suite whose attempt is over.
pub const ENDED: &str = "the rollout ended before there was a result";

/// Whether every suite of that attempt passed.
pub fn is_proven(stage: &StageStatus, release_uid: &str, attempt: &str) -> bool {
    stage.proofs.iter().any(|p| p.attempt == attempt && p.release_uid == release_uid)
}

/// The status that the run is to have; none where it says already what there is to say.
fn status_of(world: &World<'_>, stage: &StageStatus, run: &TestRun) -> Option<TestRunStatus> {
    let is_its = |r: &&Rollout| r.attempt == run.spec.attempt && r.release_uid == run.spec.release_uid;
    let rollout = stage.rollout.as_ref().filter(is_its);
    let suite = rollout.and_then(|r| r.suites.iter().find(|s| s.plan.suite == run.spec.suite));
    let is_reverting = rollout.is_some_and(|r| matches!(r.state, RolloutState::Reverting(_)));
    let old = run.status.clone().unwrap_or_default();
    let base = TestRunStatus { observed_generation: run.metadata.generation.unwrap_or_default(), ..old };
    match (suite, suite.and_then(|s| s.verdict.as_ref())) {
        (Some(_), Some(verdict)) => Some(latched(verdict, base)),
        (Some(suite), None) if !is_reverting => unfinished(suite, run.spec.runner, base),
        (Some(_), None) | (None, _) => over(world, stage, run, rollout.is_some() && !is_reverting, base),
    }
}

/// As the verdict has it.
pub fn latched(verdict: &Verdict, base: TestRunStatus) -> TestRunStatus {
    TestRunStatus {
        phase: Some(verdict.phase),
        finished_at: Some(verdict.at),
        counts: verdict.counts,
        coverage: verdict.coverage,
        failing: verdict.failing.clone(),
        message: (!verdict.message.is_empty()).then(|| verdict.message.clone()),
        url: verdict.url.clone(),
        reporter: verdict.reporter.clone(),
        ..base
    }
}

fn unfinished(suite: &SuiteState, runner: Runner, base: TestRunStatus) -> Option<TestRunStatus> {
    // what CI says in between stays
    if runner == Runner::External && base.phase.is_some() {
        return None;
    }
    let is_running = suite.tries.started || runner == Runner::External;
    let (phase, started_at) =
        if is_running { (RunPhase::Running, base.started_at.or(suite.tries.since)) } else { (RunPhase::Pending, None) };
    Some(TestRunStatus { phase: Some(phase), started_at, ..base })
}

/// Its attempt has ended, or is going back.
fn over(
    world: &World<'_>,
    stage: &StageStatus,
    run: &TestRun,
    is_open: bool,
    base: TestRunStatus,
) -> Option<TestRunStatus> {
    // an Errored one of an ended attempt has said what it has to say
    if is_open || base.phase == Some(RunPhase::Errored) {
        return None;
    }
    let finished_at = base.finished_at.or(Some(world.now));
    let is_under_way = stage.rollout.as_ref().is_some_and(|r| r.attempt == run.spec.attempt);
    // its rollout closed before the run could be told what was latched: there is a proof only where all had passed
    if !is_under_way && is_proven(stage, &run.spec.release_uid, &run.spec.attempt) {
        return Some(TestRunStatus { phase: Some(RunPhase::Passed), finished_at, ..base });
    }
    let message = Some(ENDED.to_owned());
    Some(TestRunStatus { phase: Some(RunPhase::Aborted), finished_at, message, reporter: None, ..base })
}
