//! TestRuns and Jobs of a stage: made, started, reported and removed as the checkpoint asks.

use crate::api::labels;
use crate::api::rollout::{Rollout, SuiteState};
use crate::api::stage::{JobSource, Suite};
use crate::api::{BuildRow, Runner, StageStatus, TestRunSpec};
use crate::observe::Job;

use super::action::{Action, CreateJob, Kind};
use super::draft::{Draft, template};
use super::effects::target;
use super::mutant::{Mutant, is};
use super::suite::{observed_run, run_name};
use super::world::World;
use super::{build, job, report};

/// Adds what one stage's suites ask for.
pub fn effects(world: &World<'_>, draft: &Draft, stage: &StageStatus, actions: &mut Vec<Action>) {
    if let Some(rollout) = stage.rollout.as_ref().filter(|rollout| rollout.is_testing()) {
        for suite in rollout.suites.iter().filter(|s| s.verdict.is_none()) {
            run(world, draft, stage, rollout, suite, actions);
        }
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
    let (Some(source), Some(namespace)) = (&suite.plan.job, world.namespace(environment)) else { return };
    let name = job::name(world, environment, rollout, &suite.plan.suite, suite.tries.attempt);
    let found = world.place(environment).and_then(|p| p.jobs.get(&name));
    match (&suite.tries.job_uid, found) {
        (None, None) if job::cannot_make(world, environment, source).is_none() => {
            let Some(row) = world.row(&draft.status, &rollout.build) else { return };
            actions.push(create_job(world, namespace, name, source, row, environment, rollout, suite));
        }
        (Some(uid), Some(job)) if *uid == job.uid && job.suspended && !suite.tries.started && !job.deleting => {
            actions.push(Action::StartJob {
                namespace: namespace.to_owned(),
                name,
                uid: job.uid.clone(),
                resource_version: job.resource_version.clone(),
            });
        }
        (None | Some(_), None | Some(_)) => {}
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

#[expect(clippy::too_many_arguments, reason = "all of them name what the Job is about")]
fn create_job(
    world: &World<'_>,
    namespace: &str,
    name: String,
    source: &JobSource,
    row: &BuildRow,
    environment: &str,
    rollout: &Rollout,
    suite: &SuiteState,
) -> Action {
    let images =
        source.containers.iter().filter_map(|c| Some((c.name.clone(), build::image_of(world.spec, row, "", c)?)));
    let meta = &world.snap.pipeline.metadata;
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let labels = vec![
        label(labels::PIPELINE, meta.name.as_deref().unwrap_or("")),
        label(labels::NAMESPACE, meta.namespace.as_deref().unwrap_or("")),
        label(labels::RELEASE, &rollout.release),
        label(labels::ENVIRONMENT, environment),
        label(labels::SUITE, &suite.plan.suite),
    ];
    Action::CreateJob(CreateJob {
        namespace: namespace.to_owned(),
        cron_job: source.cron_job.clone(),
        name,
        images: images.filter(|_| !is(Mutant::JobForAnyBuild)).collect(),
        labels,
    })
}

/// Jobs of ours that no open suite waits for any more.
fn remove_jobs(world: &World<'_>, stage: &StageStatus, actions: &mut Vec<Action>) {
    let Some(place) = world.place(&stage.environment) else { return };
    let environment = &stage.environment;
    let is_wanted = |job: &Job| {
        stage.rollout.as_ref().is_some_and(|rollout| {
            let is_testing = rollout.is_testing();
            let mut open = rollout.suites.iter().filter(|s| is_testing && s.verdict.is_none() && s.plan.job.is_some());
            open.any(|s| job.name == job::name(world, environment, rollout, &s.plan.suite, s.tries.attempt))
        })
    };
    for job in place.jobs.values().filter(|j| !is_wanted(j) && (j.kept || !j.deleting) && !is(Mutant::JobsStay)) {
        actions.push(Action::RemoveJob {
            namespace: job.namespace.clone(),
            name: job.name.clone(),
            uid: job.uid.clone(),
            resource_version: job.resource_version.clone(),
        });
    }
}
