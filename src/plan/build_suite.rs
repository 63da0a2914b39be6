//! Suites about the build itself: each must have passed before a release enters a stage where releases begin. There is one run of
//! each for a release, made as soon as it may enter. CI may report at any time, so none of them times out.

use crate::api::release::RunSummary;
use crate::api::stage::BuildSuite;
use crate::api::test_run::{BUILD, TestRunStatus};
use crate::api::{BuildHash, RunPhase, Runner, TestRun, TestRunSpec};

use super::action::{Action, Kind, Target};
use super::draft::Draft;
use super::effects::target;
use super::gate::Candidate;
use super::mutant::{Mutant, is};
use super::suite::{has_failed, judged, reported};
use super::world::{Known, World, created};
use super::{report, summary};

/// How many a Release tells.
const TOLD: usize = 20;

/// How far one of them is for a release: its phase, and what was said.
pub fn phase(world: &World<'_>, known: &Known<'_>, suite: &BuildSuite) -> (RunPhase, String) {
    let Some((run, status)) = run(world, known, suite).and_then(|run| Some((run, run.status.as_ref()?))) else {
        return (RunPhase::Pending, String::new());
    };
    let phase = status.phase.unwrap_or_default();
    let verdict = judged(run.spec.minimum_coverage, reported(world, phase, status));
    (verdict.phase, verdict.message)
}

/// Why the build is bad, if one of them says so, or has said so: of runs, whatever the pipeline asks for by now and whoever deletes them.
pub fn failure(world: &World<'_>, release_uid: &str, build: &BuildHash) -> Option<String> {
    let live = runs(world, release_uid, build).filter(|run| has_failed(run)).map(|run| {
        let said = run.status.as_ref().and_then(|status| status.message.as_deref());
        (run.spec.suite.as_str(), said.unwrap_or_default())
    });
    let known = world.releases.iter().find(|known| known.uid == release_uid && known.hash == *build);
    let told = known.into_iter().flat_map(told).filter(|row| row.phase == RunPhase::Failed);
    let mut failed = live.chain(told.map(|row| (row.suite.as_str(), row.message.as_str())));
    let (suite, said) = failed.next().filter(|_| !is(Mutant::BuildTestsIgnored))?;
    let why = format!("suite {suite} failed for this build");
    Some(if said.is_empty() { why } else { format!("{why}: {said}") })
}

/// What the Release told of them before.
fn told<'a>(known: &Known<'a>) -> &'a [RunSummary] {
    known.release.status.as_ref().map_or(&[], |status| status.build_tests.as_slice())
}

/// Whether that suite has passed for the release's build.
pub fn has_passed(world: &World<'_>, known: &Known<'_>, suite: &str) -> bool {
    let mut asked = world.spec.tests.iter().filter(|asked| asked.suite == suite);
    asked.any(|asked| phase(world, known, asked).0 == RunPhase::Passed)
}

/// The runs about that build, for that release.
pub fn runs<'a>(world: &World<'a>, release_uid: &str, build: &BuildHash) -> impl Iterator<Item = &'a TestRun> {
    let all = world.build_runs.get(release_uid).into_iter().flatten().copied();
    all.filter(move |run| run.spec.build_hash == *build)
}

fn run<'a>(world: &World<'a>, known: &Known<'_>, suite: &BuildSuite) -> Option<&'a TestRun> {
    runs(world, known.uid, &known.hash).find(|run| run.spec.suite == suite.suite)
}

/// `<release>.build.<suite>.<when the release was made>`: of each there is one.
pub fn run_name(known: &Known<'_>, suite: &BuildSuite) -> String {
    format!("{}.{BUILD}.{}.{}", known.name(), suite.suite, attempt(known))
}

fn attempt(known: &Known<'_>) -> String {
    created(&known.release.metadata).stamp()
}

/// In short, as the Release tells it; what was told stays when its run goes. Those that the pipeline does not ask for any more give way.
pub fn summaries(world: &World<'_>, known: &Known<'_>) -> Vec<RunSummary> {
    let live = runs(world, known.uid, &known.hash).filter_map(summary::of_run);
    let mut all: Vec<RunSummary> = live.chain(told(known).iter().cloned()).collect();
    // of one suite the run comes before what was told of it, but a failure is final
    all.sort_by(|a, b| (&a.suite, a.phase != RunPhase::Failed).cmp(&(&b.suite, b.phase != RunPhase::Failed)));
    all.dedup_by(|later, first| later.suite == first.suite);
    let is_asked = |row: &RunSummary| world.spec.tests.iter().any(|suite| suite.suite == row.suite);
    all.sort_by_key(|row| (row.phase != RunPhase::Failed, !is_asked(row)));
    all.truncate(TOLD);
    all.sort_by(|a, b| a.suite.cmp(&b.suite));
    all
}

/// Makes the runs of releases that may enter, and says in those that are there what is the operator's to say.
pub fn effects(world: &World<'_>, draft: &Draft, actions: &mut Vec<Action>) {
    for known in world.releases.iter().filter(|known| known.build.is_ok()) {
        let missing = world.spec.tests.iter().filter(|suite| run(world, known, suite).is_none());
        let missing: Vec<&BuildSuite> = missing.collect();
        let is_bad = || failure(world, known.uid, &known.hash).is_some();
        if !missing.is_empty() && !is_bad() && may_enter(world, draft, known) {
            let release = target(Kind::Release, known.release);
            actions.extend(missing.into_iter().map(|suite| create(world, known, suite, release.clone())));
        }
        for suite in &world.spec.tests {
            actions.extend(run(world, known, suite).and_then(|run| said(world, run)));
        }
    }
}

/// Whether a stage may take it, as far as its order goes, that asks for them: where releases begin, and where the owner wants one of them.
fn may_enter(world: &World<'_>, draft: &Draft, known: &Known<'_>) -> bool {
    let is_named = |suite: &String| world.spec.tests.iter().any(|asked| asked.suite == *suite);
    let asks = |environment: &str| {
        let required = world.policy(environment).map(|policy| policy.required_suites.as_slice()).unwrap_or_default();
        world.spec.is_first(environment) || required.iter().any(is_named)
    };
    let mut stages = draft.status.stages.iter().enumerate().filter(|(_, stage)| asks(&stage.environment));
    !world.is_pipeline_deleted()
        && stages.any(|(index, stage)| {
            let spec = world.stage(&stage.environment).filter(|_| stage.adopted.is_some());
            let is_bad = world.is_bad(stage, known.name(), &known.hash);
            !is_bad && spec.is_some_and(|spec| Candidate::of(world, draft, index, spec, known).is_some())
        })
}

fn create(world: &World<'_>, known: &Known<'_>, suite: &BuildSuite, release: Target) -> Action {
    let spec = TestRunSpec {
        pipeline: world.snap.pipeline.metadata.name.clone().unwrap_or_default(),
        release: known.name().to_owned(),
        release_uid: known.uid.to_owned(),
        build_hash: known.hash.clone(),
        template: String::new(),
        environment: BUILD.to_owned(),
        attempt: attempt(known),
        suite: suite.suite.clone(),
        runner: Runner::External,
        minimum_coverage: suite.minimum_coverage,
    };
    Action::CreateTestRun { name: run_name(known, suite), release, spec }
}

/// That it waits for CI; and that a pass which covers too little is none.
fn said(world: &World<'_>, run: &TestRun) -> Option<Action> {
    let old = run.status.clone().unwrap_or_default();
    let base = TestRunStatus { observed_generation: run.metadata.generation.unwrap_or_default(), ..old.clone() };
    let status = match old.phase {
        None => TestRunStatus { phase: Some(RunPhase::Running), started_at: Some(created(&run.metadata)), ..base },
        Some(RunPhase::Passed) => {
            let verdict = judged(run.spec.minimum_coverage, reported(world, RunPhase::Passed, &old));
            match verdict.phase {
                RunPhase::Failed => report::latched(&verdict, base),
                _ if old.finished_at.is_none() => TestRunStatus { finished_at: Some(world.now), ..base },
                _ => return None,
            }
        }
        Some(RunPhase::Failed) if old.finished_at.is_none() => TestRunStatus { finished_at: Some(world.now), ..base },
        Some(RunPhase::Pending | RunPhase::Running | RunPhase::Failed | RunPhase::Errored | RunPhase::Aborted) => {
            return None;
        }
    };
    Some(Action::TestRunStatus { target: target(Kind::TestRun, run), status: Box::new(status) })
}
