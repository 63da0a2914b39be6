//! Suites that the operator measures itself: the same measurement as a check's, until there are enough samples.

use crate::api::RunPhase;
use crate::api::rollout::{SuiteState, Tries, Verdict};
use crate::api::test_run::Counts;
use crate::plan::check::{self, Tally};
use crate::plan::draft::{Draft, clip};
use crate::plan::world::World;

/// Starts those whose TestRun is there, and latches what the samples of the others say.
pub(super) fn advance(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(rollout) = draft.rollout(index) else { return };
    let is_open = |s: &SuiteState| s.plan.is_measured() && s.run_uid.is_some() && s.verdict.is_none();
    let next = |s: &SuiteState| if is_open(s) { follow(world, draft, index, s.clone()) } else { s.clone() };
    if !rollout.suites.iter().any(is_open) {
        return;
    }
    let suites = rollout.suites.iter().map(next).collect();
    if let Some(rollout) = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut()) {
        rollout.suites = suites;
    }
}

fn follow(world: &World<'_>, draft: &Draft, index: usize, suite: SuiteState) -> SuiteState {
    if !suite.tries.started {
        let tries = Tries { started: true, since: Some(world.now), ..suite.tries };
        return SuiteState { tries, ..suite };
    }
    let since = suite.tries.since.unwrap_or(world.now);
    let tally = check::of_measured_suite(world, draft, index, &suite.plan.suite, since);
    let verdict = if tally.has_failed(&suite.plan.pace) {
        Some((RunPhase::Failed, tally.why().to_owned()))
    } else if tally.has_passed(&suite.plan.pace) {
        Some((RunPhase::Passed, String::new()))
    } else if super::is_over(world, &suite) {
        Some((RunPhase::Errored, format!("no result within {}: {}", suite.plan.timeout(), tally.waits())))
    } else {
        None
    };
    let verdict = verdict.map(|(phase, message)| Verdict {
        phase,
        at: world.now,
        counts: counts(phase, &tally),
        coverage: None,
        message: clip(&message, 256),
        failing: Vec::new(),
        url: None,
        reporter: None,
    });
    SuiteState { verdict, ..suite }
}

/// Samples are its tests. A pass may have had bad ones in between; the TestRun's rules know no failed tests in a pass.
fn counts(phase: RunPhase, tally: &Tally) -> Option<Counts> {
    let number = |count: usize| i64::try_from(count).unwrap_or(Counts::MAX);
    let failed = if phase == RunPhase::Passed { 0 } else { number(tally.bad) };
    let passed = number(tally.good);
    (passed + failed > 0).then_some(Counts { total: passed + failed, passed, failed, skipped: 0 })
}
