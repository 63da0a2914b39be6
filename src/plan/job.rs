//! Jobs that Windlass makes for a rollout: one try after the other until one has a result. Each is made suspended, its UID is
//! recorded, and only then is it started; one that is gone is never made again in that try.

use crate::api::hook::HookPoint;
use crate::api::labels;
use crate::api::rollout::{Rollout, Tries, Verdict};
use crate::api::stage::{JobSource, Suite};
use crate::api::{RunPhase, Span};
use crate::observe::Job;

use super::action::{Action, CreateJob};
use super::build;
use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::verdict;
use super::world::World;

/// What a Job is for.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    Suite(&'a str),
    Hook(HookPoint, &'a str),
}

/// What is to run.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub of: Of<'a>,
    pub source: &'a JobSource,
    /// Of one try.
    pub timeout: Span,
    pub retries: u32,
}

impl<'a> Wanted<'a> {
    /// None for a suite that is no Job.
    pub fn of(suite: &'a Suite) -> Option<Self> {
        let source = suite.job.as_ref()?;
        Some(Self { of: Of::Suite(&suite.suite), source, timeout: suite.timeout(), retries: suite.retries() })
    }
}

/// Follows the present try; the verdict once there is one. `judge` says what a Job means.
pub fn follow(
    world: &World<'_>,
    environment: &str,
    rollout: &Rollout,
    wanted: &Wanted<'_>,
    tries: &mut Tries,
    judge: impl Fn(&Job) -> Option<Verdict>,
) -> Option<Verdict> {
    world.place(environment)?;
    let job = found(world, environment, rollout, wanted.of, tries);
    let Some(known) = tries.job_uid.clone() else {
        return begin(world, environment, wanted, tries, job);
    };
    if is(Mutant::JobAgain) && job.is_none() {
        tries.job_uid = None;
        return None;
    }
    let Some(job) = job.filter(|j| j.uid == known) else {
        // it may have run, though nobody saw it
        tries.started = true;
        return errored(world, wanted, tries, "its Job was deleted");
    };
    if !tries.started && !job.suspended {
        tries.started = true;
        tries.since = Some(world.now);
        return None;
    }
    match judge(job) {
        Some(found) if found.phase == RunPhase::Errored => errored(world, wanted, tries, &found.message),
        Some(found) => Some(found),
        None if job.deleting => errored(world, wanted, tries, "its Job was deleted before it ended"),
        None if is_over(world, tries, wanted.timeout) => {
            errored(world, wanted, tries, &format!("no result within {}", wanted.timeout))
        }
        None => None,
    }
}

/// The try has no Job yet that is recorded.
fn begin(
    world: &World<'_>,
    environment: &str,
    wanted: &Wanted<'_>,
    tries: &mut Tries,
    job: Option<&Job>,
) -> Option<Verdict> {
    match job {
        Some(job) if !job.deleting => tries.job_uid = Some(job.uid.clone()),
        Some(_) => return errored(world, wanted, tries, "its Job was deleted before it started"),
        None => {
            let since = tries.since.unwrap_or(world.now);
            if let Some(why) = cannot_make(world, environment, wanted.source)
                && world.is_due(since.plus(world.snap.settings.reference_grace))
            {
                return errored(world, wanted, tries, &why);
            }
            if is_over(world, tries, wanted.timeout) {
                return errored(world, wanted, tries, "timed out before its Job could be made");
            }
        }
    }
    None
}

/// Whether the present try has had its time.
pub fn is_over(world: &World<'_>, tries: &Tries, timeout: Span) -> bool {
    world.is_due(tries.since.unwrap_or(world.now).plus(timeout))
}

/// Why no Job can be made from it, if so.
pub fn cannot_make(world: &World<'_>, environment: &str, source: &JobSource) -> Option<String> {
    let Some(found) = world.place(environment)?.cron_jobs.get(&source.cron_job) else {
        return Some(format!("CronJob {} does not exist", source.cron_job));
    };
    if !found.runnable {
        return Some(format!(
            "CronJob {} must be suspended and labelled windlass.dev/runnable: \"true\"",
            source.cron_job
        ));
    }
    let absent = source.containers.iter().find(|c| !found.containers.contains(&c.name))?;
    Some(format!("CronJob {} has no container {}", source.cron_job, absent.name))
}

/// A try without a result: another one within the limit, else the verdict.
fn errored(world: &World<'_>, wanted: &Wanted<'_>, tries: &mut Tries, why: &str) -> Option<Verdict> {
    if tries.attempt > wanted.retries {
        let why = if tries.attempt > 1 {
            format!("{why} (try {} of {})", tries.attempt, tries.attempt)
        } else {
            why.to_owned()
        };
        return Some(verdict::plain(world, RunPhase::Errored, &why));
    }
    *tries = Tries { attempt: tries.attempt + 1, ..Tries::from(world.now) };
    None
}

/// The computed name of a try's Job: at most 54 characters, the same on every pass.
pub fn name(world: &World<'_>, environment: &str, rollout: &Rollout, of: Of<'_>, attempt: u32) -> String {
    let pipeline = world.snap.pipeline.metadata.uid.as_deref().unwrap_or("");
    let (shown, own) = match of {
        Of::Suite(suite) => (suite, suite.to_owned()),
        Of::Hook(point, hook) => (hook, format!("{}/{hook}", point.as_str())),
    };
    let subject = [pipeline, environment, rollout.release_uid.as_str(), rollout.attempt.as_str(), &own].join("/");
    format!("{shown}-{}-{attempt}", crate::api::build::hex(&subject, 10))
}

/// The Job of the present try, if it is there.
pub fn found<'a>(
    world: &World<'a>,
    environment: &str,
    rollout: &Rollout,
    of: Of<'_>,
    tries: &Tries,
) -> Option<&'a Job> {
    let name = name(world, environment, rollout, of, tries.attempt);
    world.place(environment)?.jobs.get(&name).map(AsRef::as_ref)
}

/// What the present try asks for: its Job made, suspended; or started, once its UID is recorded.
pub fn action(
    world: &World<'_>,
    draft: &Draft,
    environment: &str,
    rollout: &Rollout,
    wanted: &Wanted<'_>,
    tries: &Tries,
) -> Option<Action> {
    let namespace = world.namespace(environment)?.to_owned();
    match (&tries.job_uid, found(world, environment, rollout, wanted.of, tries)) {
        (None, None)
            if cannot_make(world, environment, wanted.source).is_none() && is_free(world, environment, wanted) =>
        {
            let name = name(world, environment, rollout, wanted.of, tries.attempt);
            create(world, draft, environment, rollout, wanted, name)
        }
        (Some(uid), Some(job)) if *uid == job.uid && job.suspended && !tries.started && !job.deleting => {
            let (name, uid, resource_version) = (job.name.clone(), job.uid.clone(), job.resource_version.clone());
            Some(Action::StartJob { namespace, name, uid, resource_version })
        }
        (None | Some(_), None | Some(_)) => None,
    }
}

/// Whether nothing else of ours runs there any more: two hooks never work on the same data, one that was given up included.
fn is_free(world: &World<'_>, environment: &str, wanted: &Wanted<'_>) -> bool {
    let is_ended = |job: &Job| {
        job.suspended || (job.complete || job.failed.is_some()) && job.pods.iter().all(|pod| pod.exit_code.is_some())
    };
    let mut jobs = world.place(environment).into_iter().flat_map(|place| place.jobs.values());
    matches!(wanted.of, Of::Suite(_)) || jobs.all(|job| is_ended(job))
}

fn create(
    world: &World<'_>,
    draft: &Draft,
    environment: &str,
    rollout: &Rollout,
    wanted: &Wanted<'_>,
    name: String,
) -> Option<Action> {
    let row = world.row(&draft.status, &rollout.build)?;
    let containers = wanted.source.containers.iter();
    let images = containers.filter_map(|c| Some((c.name.clone(), build::image_of(world.spec, row, "", c)?)));
    let meta = &world.snap.pipeline.metadata;
    let text = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let own = match wanted.of {
        Of::Suite(suite) => text(labels::SUITE, suite),
        Of::Hook(point, hook) => (labels::HOOK.to_owned(), format!("{}.{hook}", point.as_str())),
    };
    let stage = draft.stage(environment);
    let current = stage.and_then(|stage| stage.current.as_ref()).filter(|current| current.build != rollout.build);
    let before = match wanted.of {
        Of::Hook(HookPoint::OnRevert, _) => rollout.target.as_ref().or(current),
        Of::Hook(..) | Of::Suite(_) => current.or(rollout.target.as_ref()),
    };
    let before = before.map_or("", |live| &*live.version);
    Some(Action::CreateJob(CreateJob {
        namespace: world.namespace(environment)?.to_owned(),
        cron_job: wanted.source.cron_job.clone(),
        name,
        images: images.filter(|_| !is(Mutant::JobForAnyBuild)).collect(),
        labels: vec![
            text(labels::PIPELINE, meta.name.as_deref().unwrap_or("")),
            text(labels::NAMESPACE, meta.namespace.as_deref().unwrap_or("")),
            text(labels::RELEASE, &rollout.release),
            text(labels::ENVIRONMENT, environment),
            own,
        ],
        annotations: vec![
            text(labels::VERSION, &rollout.version),
            text(labels::BUILD, &rollout.build.0),
            text(labels::ATTEMPT, &rollout.attempt),
            text(labels::PREVIOUS_VERSION, before),
        ],
    }))
}
