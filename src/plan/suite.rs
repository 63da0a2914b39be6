//! The suites of a rollout: which run, what they said, and what that means. Verdicts are latched in the checkpoint.

mod coverage;
mod measured;

use crate::api::rollout::{Rollout, SuiteState, Tries, Verdict};
use crate::api::stage::Suite;
use crate::api::test_run::TestRunStatus;
use crate::api::{RunPhase, TestRun, Time};
use crate::observe::Job;

use super::draft::Draft;
use super::hook;
use super::job::{self, Wanted};
use super::mutant::{Mutant, is};
use super::verdict::{self, Said};
use super::world::World;

pub use coverage::judged;

/// How the suites of a rollout stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tests {
    Running,
    /// All have passed.
    Passed,
    /// One gave a bad result: it condemns the build.
    Failed(String),
    /// All have ended, none badly, and one gave no result.
    Unverified(String),
    /// What comes before them gave no result, so none has started.
    Unready(String),
}

/// Latches what is new, and says how the suites stand.
pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize) -> Tests {
    measured::advance(world, draft, index);
    let Some(stage) = draft.status.stages.get_mut(index) else { return Tests::Running };
    let environment = stage.environment.clone();
    let Some(rollout) = &mut stage.rollout else { return Tests::Running };
    let mut suites = std::mem::take(&mut rollout.suites);
    for suite in suites.iter_mut().filter(|s| s.verdict.is_none() || is(Mutant::VerdictFollows)) {
        let run = observed_run(world, &environment, rollout, &suite.plan.suite);
        follow(world, &environment, rollout, suite, run);
    }
    // a pass may be taken back while others still run
    for suite in &mut suites {
        if let Some(status) = taken_back(world, &environment, rollout, suite).and_then(|run| run.status.as_ref()) {
            suite.verdict = Some(reported(world, RunPhase::Failed, status));
        }
    }
    let all = together(&suites);
    rollout.suites = suites;
    all
}

fn phase_of(suite: &SuiteState) -> Option<RunPhase> {
    suite.verdict.as_ref().map(|v| v.phase)
}

fn together(suites: &[SuiteState]) -> Tests {
    let text = |s: &SuiteState, word: &str| {
        let message = s.verdict.as_ref().map(|v| v.message.as_str()).filter(|m| !m.is_empty());
        message
            .map_or_else(|| format!("suite {} {word}", s.plan.suite), |m| format!("suite {} {word}: {m}", s.plan.suite))
    };
    if let Some(failed) = suites.iter().find(|s| phase_of(s) == Some(RunPhase::Failed)) {
        return Tests::Failed(text(failed, "failed"));
    }
    if suites.iter().any(|s| s.verdict.is_none()) {
        return Tests::Running;
    }
    match suites.iter().find(|s| phase_of(s) != Some(RunPhase::Passed) && !is(Mutant::ErroredPasses)) {
        Some(other) => Tests::Unverified(text(other, "gave no verdict")),
        None => Tests::Passed,
    }
}

/// The TestRun of a suite of this very attempt, if it is there.
pub fn observed_run<'a>(world: &World<'a>, environment: &str, rollout: &Rollout, suite: &str) -> Option<&'a TestRun> {
    let is_its = |r: &&TestRun| {
        r.spec.suite == suite
            && (r.spec.attempt == rollout.attempt || is(Mutant::AnyAttempt))
            && r.spec.environment == environment
            && r.spec.release_uid == rollout.release_uid
            && r.spec.build_hash == rollout.build
    };
    world.snap.test_runs.iter().map(AsRef::as_ref).find(is_its)
}

fn follow(world: &World<'_>, environment: &str, rollout: &Rollout, suite: &mut SuiteState, run: Option<&TestRun>) {
    let uid = run.and_then(|r| r.metadata.uid.as_deref());
    match (suite.run_uid.as_deref(), uid) {
        (None, Some(uid)) => {
            suite.run_uid = Some(uid.to_owned());
            return;
        }
        (Some(known), seen) if seen != Some(known) => {
            return latch(world, suite, RunPhase::Errored, "its TestRun was deleted");
        }
        (None, None) => {}
        (Some(_), _) if suite.plan.job.is_some() => return follow_job(world, environment, rollout, suite),
        // what was measured has been looked at before
        (Some(_), _) if suite.plan.is_measured() => return,
        (Some(_), _) => return follow_external(world, suite, run.and_then(|r| r.status.as_ref())),
    }
    if is_over(world, suite) {
        latch(world, suite, RunPhase::Errored, "timed out before its TestRun could be made");
    }
}

fn follow_external(world: &World<'_>, suite: &mut SuiteState, status: Option<&TestRunStatus>) {
    let Some(status) = status else { return };
    match status.phase {
        Some(phase @ (RunPhase::Passed | RunPhase::Failed)) => {
            let verdict = judged(suite.plan.minimum_coverage, reported(world, phase, status));
            // CI may say how much it covers until the time-out
            if verdict.phase != RunPhase::Errored || is_over(world, suite) {
                suite.verdict = Some(verdict);
            }
        }
        // CI may replace its own Errored until the time-out
        Some(RunPhase::Errored | RunPhase::Pending | RunPhase::Running | RunPhase::Aborted) | None => {
            if is_over(world, suite) {
                latch(world, suite, RunPhase::Errored, &format!("no result within {}", suite.plan.timeout()));
            }
        }
    }
}

pub fn reported(world: &World<'_>, phase: RunPhase, status: &TestRunStatus) -> Verdict {
    let message = status.message.as_deref().unwrap_or_default();
    let (counts, coverage, url) = (status.counts, status.coverage, status.url.as_deref());
    let said = Said { counts, coverage, failing: &status.failing, url };
    Verdict { reporter: status.reporter.clone(), ..verdict::bounded(world, phase, said, message) }
}

fn follow_job(world: &World<'_>, environment: &str, rollout: &Rollout, suite: &mut SuiteState) {
    let plan = suite.plan.clone();
    let Some(wanted) = Wanted::of(&plan) else { return };
    let judge = |job: &Job| verdict::of_job(world, job).map(|found| judged(plan.minimum_coverage, found));
    if let Some(verdict) = job::follow(world, environment, rollout, &wanted, &mut suite.tries, judge) {
        suite.verdict = Some(verdict);
    }
}

fn latch(world: &World<'_>, suite: &mut SuiteState, phase: RunPhase, message: &str) {
    suite.verdict = Some(verdict::plain(world, phase, message));
}

fn is_over(world: &World<'_>, suite: &SuiteState) -> bool {
    job::is_over(world, &suite.tries, suite.plan.timeout())
}

/// A suite that had passed and says Failed now.
pub fn failed_later(world: &World<'_>, draft: &Draft, index: usize) -> Option<String> {
    let stage = draft.status.stages.get(index)?;
    let rollout = stage.rollout.as_ref()?;
    let failed = rollout.suites.iter().find_map(|s| taken_back(world, &stage.environment, rollout, s))?;
    Some(format!("suite {} failed after it had passed", failed.spec.suite))
}

/// The run of a suite that had passed, if it says Failed now.
fn taken_back<'a>(world: &World<'a>, environment: &str, rollout: &Rollout, suite: &SuiteState) -> Option<&'a TestRun> {
    let run = observed_run(world, environment, rollout, &suite.plan.suite);
    run.filter(|run| phase_of(suite) == Some(RunPhase::Passed) && has_failed(run))
}

/// Whether the run's own status says Failed.
pub fn has_failed(run: &TestRun) -> bool {
    run.status.as_ref().and_then(|s| s.phase) == Some(RunPhase::Failed) && !is(Mutant::LaterFailureIgnored)
}

/// Whether the TestRuns, and of hooks the Release, say what was latched, or had time enough to: a rollout ends only then.
pub fn is_told(world: &World<'_>, draft: &Draft, index: usize) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return true };
    let Some(rollout) = &stage.rollout else { return true };
    let is_suite_told = |suite: &SuiteState| {
        let Some(verdict) = &suite.verdict else { return true };
        let Some(run) = observed_run(world, &stage.environment, rollout, &suite.plan.suite) else { return true };
        let said = run.status.as_ref().and_then(|s| s.phase);
        // what CI calls a pass may only become a failure
        let is_pass = said == Some(RunPhase::Passed) && verdict.phase != RunPhase::Failed;
        let is_said = said == Some(verdict.phase) || said == Some(RunPhase::Failed) || is_pass;
        is_said || world.is_due(verdict.at.plus(world.snap.settings.reference_grace))
    };
    hook::is_told(world, stage, rollout) && rollout.suites.iter().all(is_suite_told)
}

/// `<release>.<environment>.<suite>.<attempt>`.
pub fn run_name(rollout: &Rollout, environment: &str, suite: &str) -> String {
    format!("{}.{environment}.{suite}.{}", rollout.release, rollout.attempt)
}

/// Suites as they stand at the start of a rollout.
pub fn frozen(plans: &[Suite], at: Time) -> Vec<SuiteState> {
    let start = |plan: &Suite| SuiteState { plan: plan.clone(), run_uid: None, tries: Tries::from(at), verdict: None };
    plans.iter().map(start).collect()
}
