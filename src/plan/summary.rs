//! How the suites and hooks of an attempt did, in short, as a Release tells it.

use crate::api::hook::{HookPoint, HookState};
use crate::api::release::{HookSummary, ReleaseStage, RunSummary};
use crate::api::rollout::{Rollout, SuiteState};
use crate::api::{RunPhase, StageStatus, TestRun};

use super::draft::clip;
use super::report;
use super::suite::{observed_run, run_name};
use super::verdict;
use super::world::World;

/// A suite of an open rollout.
pub fn of(world: &World<'_>, environment: &str, rollout: &Rollout, suite: &SuiteState) -> RunSummary {
    let name = &suite.plan.suite;
    let run = observed_run(world, environment, rollout, name);
    let said = run.and_then(|run| run.status.as_ref());
    let unfinished = if suite.tries.started || said.and_then(|s| s.phase) == Some(RunPhase::Running) {
        RunPhase::Running
    } else {
        RunPhase::Pending
    };
    let verdict = suite.verdict.as_ref();
    RunSummary {
        suite: name.clone(),
        phase: verdict.map_or(unfinished, |v| v.phase),
        run: run_name(rollout, environment, name),
        reporter: verdict.and_then(|v| v.reporter.clone()),
        started_at: said.and_then(|s| s.started_at),
        finished_at: verdict.map(|v| v.at),
        counts: verdict.and_then(|v| v.counts),
        coverage: verdict.and_then(|v| v.coverage),
        url: verdict.and_then(|v| v.url.clone()),
        message: verdict.map(|v| v.message.clone()).unwrap_or_default(),
    }
}

/// A hook of an open rollout, once it has begun.
pub fn of_hook(hook: &HookState) -> Option<HookSummary> {
    let HookState { point, plan, tries, verdict } = hook;
    let unfinished = if tries.started { RunPhase::Running } else { RunPhase::Pending };
    Some(HookSummary {
        point: *point,
        name: plan.name.clone(),
        phase: verdict.as_ref().map_or(unfinished, |v| v.phase),
        since: Some(tries.since?),
        ended_at: verdict.as_ref().map(|v| v.at),
        message: verdict.as_ref().map(|v| v.message.clone()).unwrap_or_default(),
    })
}

/// Suites that run and have no verdict, in words.
pub fn open_tests(rollout: &Rollout) -> Option<String> {
    let open: Vec<&str> =
        rollout.suites.iter().filter(|s| s.verdict.is_none()).map(|s| s.plan.suite.as_str()).collect();
    (!open.is_empty()).then(|| format!("tests: {}", open.join(", ")))
}

/// The tests and hooks of an attempt that is over. It may have ended before the release was told how they did; the runs know, and
/// of one that never was made nothing more will be known. What was delivered had passed them all.
pub fn finish(world: &World<'_>, stage: &StageStatus, release_uid: &str, out: &mut ReleaseStage) {
    let is_proven = report::is_proven(stage, release_uid, &out.attempt);
    for hook in &mut out.hooks {
        close(&mut hook.phase, &mut hook.message, is_proven && hook.point != HookPoint::OnRevert);
    }
    let is_finished = |t: &RunSummary| !is_open(t.phase);
    if out.attempt.is_empty() || !out.tests.is_empty() && out.tests.iter().all(is_finished) {
        return;
    }
    let runs = world.snap.test_runs.iter().filter(|r| {
        r.spec.environment == out.environment && r.spec.attempt == out.attempt && r.spec.release_uid == release_uid
    });
    let told: Vec<RunSummary> = runs.filter_map(|run| of_run(run)).collect();
    for test in out.tests.iter_mut().filter(|test| !is_finished(test)) {
        match told.iter().find(|run| run.suite == test.suite) {
            Some(run) => *test = run.clone(),
            None => close(&mut test.phase, &mut test.message, is_proven),
        }
    }
    if out.tests.is_empty() {
        out.tests = told;
    }
}

const fn is_open(phase: RunPhase) -> bool {
    matches!(phase, RunPhase::Pending | RunPhase::Running)
}

/// Ends what nobody will tell the end of any more.
fn close(phase: &mut RunPhase, message: &mut String, has_passed: bool) {
    if !is_open(*phase) {
        return;
    }
    if has_passed {
        *phase = RunPhase::Passed;
    } else {
        (*phase, *message) = (RunPhase::Aborted, report::ENDED.to_owned());
    }
}

/// A run as it tells itself.
pub fn of_run(run: &TestRun) -> Option<RunSummary> {
    let status = run.status.as_ref()?;
    Some(RunSummary {
        suite: run.spec.suite.clone(),
        phase: status.phase.unwrap_or_default(),
        run: run.metadata.name.clone()?,
        reporter: status.reporter.clone(),
        started_at: status.started_at,
        finished_at: status.finished_at,
        counts: status.counts,
        coverage: status.coverage,
        url: status.url.as_deref().filter(|url| verdict::is_link(url)).map(str::to_owned),
        message: clip(status.message.as_deref().unwrap_or_default(), 256),
    })
}
