//! Jobs that Windlass makes for a rollout: one try after the other until one has a result. Each is made suspended, its UID is
//! recorded, and only then is it started; one that is gone is never made again in that try.

use crate::api::rollout::{Rollout, Tries, Verdict};
use crate::api::stage::{JobSource, Suite};
use crate::api::{RunPhase, Span};
use crate::observe::Job;

use super::mutant::{Mutant, is};
use super::verdict;
use super::world::World;

/// What is to run.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub name: &'a str,
    pub source: &'a JobSource,
    /// Of one try.
    pub timeout: Span,
    pub retries: u32,
}

impl<'a> Wanted<'a> {
    /// None for a suite that is no Job.
    pub fn of(suite: &'a Suite) -> Option<Self> {
        let source = suite.job.as_ref()?;
        Some(Self { name: &suite.suite, source, timeout: suite.timeout(), retries: suite.retries() })
    }
}

/// Follows the present try; the verdict once there is one. `judge` has the last word about what a Job said.
pub fn follow(
    world: &World<'_>,
    environment: &str,
    rollout: &Rollout,
    wanted: &Wanted<'_>,
    tries: &mut Tries,
    judge: impl Fn(Verdict) -> Verdict,
) -> Option<Verdict> {
    let place = world.place(environment)?;
    let job = place.jobs.get(&name(world, environment, rollout, wanted.name, tries.attempt)).map(AsRef::as_ref);
    let Some(known) = tries.job_uid.clone() else {
        return begin(world, environment, wanted, tries, job);
    };
    if is(Mutant::JobAgain) && job.is_none() {
        tries.job_uid = None;
        return None;
    }
    let Some(job) = job.filter(|j| j.uid == known) else {
        return errored(world, wanted, tries, "its Job was deleted");
    };
    if !tries.started && !job.suspended {
        tries.started = true;
        tries.since = Some(world.now);
        return None;
    }
    match verdict::of_job(world, job).map(judge) {
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
pub fn name(world: &World<'_>, environment: &str, rollout: &Rollout, of: &str, attempt: u32) -> String {
    let pipeline = world.snap.pipeline.metadata.uid.as_deref().unwrap_or("");
    let subject = [pipeline, environment, rollout.release_uid.as_str(), rollout.attempt.as_str(), of].join("/");
    format!("{of}-{}-{attempt}", crate::api::build::hex(&subject, 10))
}
