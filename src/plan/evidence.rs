//! TestRuns and Jobs of a stage, those of its hooks included: made, started, reported and removed as the checkpoint asks.

use crate::api::rollout::{Rollout, SuiteState, Tries};
use crate::api::stage::Suite;
use crate::api::{Runner, StageStatus, TestRunSpec};
use crate::observe::Job;

use super::action::{Action, Kind};
use super::draft::{Draft, template};
use super::effects::target;
use super::job::{self, Of, Wanted};
use super::mutant::{Mutant, is};
use super::suite::{observed_run, run_name};
use super::world::World;
use super::{hook, report};

/// Adds what one stage's suites and hooks ask for.
pub fn effects(world: &World<'_>, draft: &Draft, stage: &StageStatus, actions: &mut Vec<Action>) {
    if let Some(rollout) = stage.rollout.as_ref().filter(|rollout| rollout.is_testing()) {
        for suite in rollout.suites.iter().filter(|s| s.verdict.is_none()) {
            run(world, draft, stage, rollout, suite, actions);
        }
    }
    if let Some(rollout) = &stage.rollout
        && let Some((wanted, tries)) = hook::due(rollout)
        && !hook::is_stopped(world, stage, rollout)
    {
        actions.extend(job::action(world, draft, &stage.environment, rollout, &wanted, tries));
    }
    remove_jobs(world, stage, actions);
    report::report(world, stage, actions);
}

fn run(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    rollout: &Rollout,
    suite: &SuiteState,
    actions: &mut Vec<Action>,
) {
    let environment = &stage.environment;
    let Some(known) = world.release(&rollout.release).filter(|k| k.uid == rollout.release_uid) else { return };
    if suite.run_uid.is_none() {
        if observed_run(world, environment, rollout, &suite.plan.suite).is_none() {
            actions.push(Action::CreateTestRun {
                name: run_name(rollout, environment, &suite.plan.suite),
                release: target(Kind::Release, known.release),
                spec: spec_of(world, environment, rollout, suite),
            });
        }
        return;
    }
    if let Some(wanted) = Wanted::of(&suite.plan) {
        actions.extend(job::action(world, draft, environment, rollout, &wanted, &suite.tries));
    }
}

fn spec_of(world: &World<'_>, environment: &str, rollout: &Rollout, suite: &SuiteState) -> TestRunSpec {
    TestRunSpec {
        pipeline: world.snap.pipeline.metadata.name.clone().unwrap_or_default(),
        release: rollout.release.clone(),
        release_uid: rollout.release_uid.clone(),
        build_hash: rollout.build.clone(),
        template: template(world, environment),
        environment: environment.to_owned(),
        attempt: rollout.attempt.clone(),
        suite: suite.plan.suite.clone(),
        runner: runner(&suite.plan),
        minimum_coverage: suite.plan.minimum_coverage,
    }
}

fn runner(plan: &Suite) -> Runner {
    if plan.job.is_some() {
        Runner::Job
    } else if plan.http.is_some() {
        Runner::Http
    } else if plan.metric.is_some() {
        Runner::Metric
    } else {
        Runner::External
    }
}

/// Jobs of ours that nothing waits for any more. What runs of the preparations may end, though the build goes back.
fn remove_jobs(world: &World<'_>, stage: &StageStatus, actions: &mut Vec<Action>) {
    let Some(place) = world.place(&stage.environment) else { return };
    let wanted =
        stage.rollout.as_ref().map(|rollout| wanted_jobs(world, &stage.environment, rollout)).unwrap_or_default();
    let is_wanted =
        |job: &Job| wanted.iter().any(|(name, is_let_end)| *name == job.name && !(*is_let_end && job.suspended));
    for job in place.jobs.values().filter(|j| !is_wanted(j) && (j.kept || !j.deleting) && !is(Mutant::JobsStay)) {
        actions.push(Action::RemoveJob {
            namespace: job.namespace.clone(),
            name: job.name.clone(),
            uid: job.uid.clone(),
            resource_version: job.resource_version.clone(),
        });
    }
}

/// The Jobs that the rollout waits for, by name, and whether each is only let end.
fn wanted_jobs(world: &World<'_>, environment: &str, rollout: &Rollout) -> Vec<(String, bool)> {
    let name = |of: Of<'_>, tries: &Tries| job::name(world, environment, rollout, of, tries.attempt);
    let is_testing = rollout.is_testing();
    let open = rollout.suites.iter().filter(|s| is_testing && s.verdict.is_none() && s.plan.job.is_some());
    let suites = open.map(|s| (name(Of::Suite(&s.plan.suite), &s.tries), false));
    let due = hook::due(rollout).map(|(wanted, tries)| (name(wanted.of, tries), false));
    let ending = hook::winding_up(rollout).map(|(wanted, tries)| (name(wanted.of, tries), true));
    suites.chain(due).chain(ending).collect()
}
