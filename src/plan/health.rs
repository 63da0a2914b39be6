//! How a workload does: the new revision on its way to full exposure, and what runs in the bake.

use crate::api::{RunPhase, Span, Time};
use crate::observe::{Job, Pod, Trouble, TroubleKind, Workload};

use super::mutant::{Mutant, is};
use super::verdict;
use super::world::World;

/// What usually passes by itself within this time is not told: each other text is a write to the Release.
const SETTLING: Span = Span::seconds(5);

/// How the new revision does on its way to full exposure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All pods are of the new revision and available.
    Complete,
    /// Not yet: in words.
    Coming(String),
    /// It will not: in words.
    Failed(String),
}

/// Judges the pods of the revision that the template describes, and no others.
pub fn judge(world: &World<'_>, seen: &Workload, started: Time) -> Judgement {
    let key = format!("{}/{}", seen.kind.as_str(), seen.name);
    if seen.observed_generation < seen.generation && !is(Mutant::GenerationIgnored) {
        // usually a matter of milliseconds, and not worth telling
        let is_late = world.is_due(started.plus(SETTLING));
        let unseen = format!("{key}: its controller has not seen the new template yet");
        return Judgement::Coming(if is_late { unseen } else { beginning(seen) });
    }
    let settings = &world.snap.settings;
    if let Some((since, why)) = &seen.refused
        && world.is_due((*since).max(started).plus(settings.replica_failure_grace))
    {
        return Judgement::Failed(format!("{key}: pods are refused: {why}"));
    }
    let failure = pods_of(seen, started).find_map(|pod| pod_failure(world, pod));
    if let Some(why) = failure {
        return Judgement::Failed(format!("{key}: {why}"));
    }
    if is_serving(seen) {
        return Judgement::Complete;
    }
    let is_settling = |t: &Trouble| matches!(t.kind, TroubleKind::NotReady | TroubleKind::Starting);
    let is_worth_telling = |t: &&Trouble| !is_settling(t) || world.is_due(t.since.plus(SETTLING));
    let trouble = seen.pods.iter().filter(|p| !p.going).filter_map(|p| p.trouble.as_ref()).find(is_worth_telling);
    let trouble = trouble.map_or(String::new(), |t| format!(" ({})", t.message));
    // the workload's own count has the old pods in it
    let ready = seen.pods.iter().filter(|p| !p.going && p.ready).count();
    let available = seen.available.min(i32::try_from(ready).unwrap_or(i32::MAX));
    if available >= seen.wanted {
        return Judgement::Coming(format!("{key}: all new pods available, old ones to go"));
    }
    let barred = seen.old_pods.iter().find(|pod| !pod.ready && !pod.going).filter(|_| trouble.is_empty());
    let barred = barred.map_or(String::new(), |pod| {
        format!(" (pod {}, of an earlier revision, is not ready, and its controller waits for it)", pod.name)
    });
    Judgement::Coming(format!("{key}: {} new pods available{trouble}{barred}", share(available, seen.wanted)))
}

/// Pods of a rollout: restarts of one that was there before and is ready are not its own.
fn pods_of(seen: &Workload, started: Time) -> impl Iterator<Item = &Pod> {
    let started = whole_second(started);
    seen.pods.iter().filter(move |pod| !pod.going && (!pod.ready || pod.created >= started))
}

/// What condemns a revision that has served already, at once: a crash loop. What else keeps its pods away may be the
/// cluster's fault, and is waited for.
pub fn crash_loop(seen: &Workload, started: Time) -> Option<String> {
    let troubles = pods_of(seen, started).filter_map(|pod| pod.trouble.as_ref());
    let found = troubles.into_iter().find(|trouble| trouble.kind == TroubleKind::CrashLoop)?;
    Some(format!("{}/{}: {}", seen.kind.as_str(), seen.name, found.message))
}

/// What is said of a workload that has no new pods yet.
pub fn beginning(seen: &Workload) -> String {
    format!("{}/{}: 0 of {} new pods available", seen.kind.as_str(), seen.name, seen.wanted)
}

/// How many of how many, in quarters: each other number that people read is a write to the Release.
fn share(some: i32, all: i32) -> String {
    let quarter = (all / 4).max(1);
    let at_least = some - some.rem_euclid(quarter);
    if at_least == 0 || all <= 4 { format!("{at_least} of {all}") } else { format!("at least {at_least} of {all}") }
}

fn pod_failure(world: &World<'_>, pod: &Pod) -> Option<String> {
    let trouble = pod.trouble.as_ref()?;
    let settings = &world.snap.settings;
    let is_over = match trouble.kind {
        TroubleKind::CrashLoop => true,
        TroubleKind::Pull => world.is_due(trouble.since.plus(settings.pull_grace)),
        TroubleKind::Unschedulable => world.is_due(trouble.since.plus(settings.unschedulable_grace)),
        TroubleKind::NotReady | TroubleKind::Starting => false,
    };
    is_over.then(|| trouble.message.clone())
}

/// Whether a pod of the new revision is there and not ready.
pub fn has_unready_pod(seen: &Workload) -> bool {
    seen.pods.iter().any(|pod| !pod.going && !pod.ready)
}

/// Whether the revision that the template describes serves in full. A count that lags behind the template says no, and so
/// does a pod of another revision that is still there: `available` counts it too.
pub fn is_serving(seen: &Workload) -> bool {
    (seen.observed_generation >= seen.generation || is(Mutant::GenerationIgnored))
        && seen.updated >= seen.wanted
        && (seen.replicas <= seen.updated || is(Mutant::OldPodsCount))
        && seen.available >= seen.wanted
}

/// The server keeps whole seconds of when an object was made.
const fn whole_second(at: Time) -> Time {
    Time::from_millis(at.millis() - at.millis().rem_euclid(1000))
}

/// A Job of a CronJob that began `since` then and has failed for good: its own retries are over.
pub fn failed_job(world: &World<'_>, seen: &Workload, since: Time) -> Option<String> {
    let verdict = |job: &Job| verdict::of_job(world, job).filter(|verdict| verdict.phase == RunPhase::Failed);
    let (job, verdict) = jobs_since(seen, since).find_map(|job| Some((job, verdict(job)?)))?;
    Some(format!("{}/{}: Job {} failed: {}", seen.kind.as_str(), seen.name, job.name, verdict.message))
}

fn jobs_since(seen: &Workload, since: Time) -> impl Iterator<Item = &Job> {
    let since = whole_second(since);
    seen.jobs.iter().filter(move |job| job.created >= since)
}

/// Not over, and two tries have ended badly: what a crash loop is to a Deployment. A tool that broke does not count.
fn is_retrying(job: &Job) -> bool {
    let bad = job.pods.iter().filter(|pod| verdict::is_bad_exit(pod)).count();
    let restarts = job.pods.iter().map(|pod| pod.restarts).max().unwrap_or(0);
    !job.complete && job.failed.is_none() && (bad >= 2 || restarts >= 2)
}

/// Why health is lost after full exposure: fewer pods available than wanted, because containers failed. A crash loop that
/// is ready just now is still one. Pods that were deleted, evicted or lost with their node do not count, nor those in their
/// place, which may take `start` to become ready. Of a CronJob: a Job that began `since` then fails again and again.
pub fn ill_health(world: &World<'_>, seen: &Workload, since: Time, start: Span) -> Option<String> {
    let key = format!("{}/{}", seen.kind.as_str(), seen.name);
    if let Some(job) = jobs_since(seen, since).find(|job| is_retrying(job)) {
        return Some(format!("{key}: Job {} fails and is tried again", job.name));
    }
    let is_short = seen.observed_generation < seen.generation || seen.available < seen.wanted;
    let grace = world.snap.settings.bake_grace;
    let is_failing = |pod: &Pod, trouble: &Trouble| match trouble.kind {
        TroubleKind::CrashLoop => is_short && !pod.ready || !world.is_due(trouble.since.plus(grace)),
        TroubleKind::Pull | TroubleKind::NotReady => is_short && !pod.ready,
        TroubleKind::Starting => is_short && world.is_due(pod.created.plus(start)),
        TroubleKind::Unschedulable => false,
    };
    let troubled = seen.pods.iter().filter(|p| !p.going).filter_map(|p| p.trouble.as_ref().map(|t| (p, t)));
    let (_, trouble) = troubled.into_iter().find(|(pod, trouble)| is_failing(pod, trouble))?;
    // without the pod's name: when someone reads this, the pod is gone
    Some(format!("{key}: {} of {} pods available; {}", seen.available, seen.wanted, trouble.message))
}
