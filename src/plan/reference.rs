//! What a pipeline names and may be missing: Environments, consent, workloads, containers (walk 2).

use crate::api::pipeline::WorkloadRef;
use crate::observe::{Access, Claim, Rolls, Workload};

use super::measuring::http_problem;
use super::traffic;
use super::world::World;

/// Something that is named and not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One word for the condition.
    pub reason: &'static str,
    pub message: String,
    pub remedy: String,
}

pub fn of(reason: &'static str, message: String, remedy: impl Into<String>) -> Option<Problem> {
    Some(Problem { reason, message, remedy: remedy.into() })
}

/// The first thing that keeps a build from entering this environment.
pub fn problem(world: &World<'_>, environment: &str) -> Option<Problem> {
    barred(world, environment).or_else(|| measured(world, environment))
}

/// A check or suite that could never have an answer: refused before anything is written.
fn measured(world: &World<'_>, environment: &str) -> Option<Problem> {
    let (stage, place) = (world.stage(environment)?, world.place(environment)?);
    let checks = stage.checks.iter().map(|c| ("checks", &c.name, c.http.as_ref(), c.metric.as_ref()));
    let suites = stage.tests.iter().map(|s| ("tests", &s.suite, s.http.as_ref(), s.metric.as_ref()));
    checks.chain(suites).find_map(|(list, name, http, metric)| {
        let clones = stage.strategy.clones();
        let is_apart = |name: &str| world.spec.workloads.iter().any(|w| w.name == name && !w.is_cloned());
        let why = match (http, metric) {
            (Some(probe), _) => http_problem(place, probe, &stage.strategy, world.spec.workloads.iter())?,
            (None, Some(probe)) if clones && probe.workload.as_deref().is_some_and(is_apart) => {
                format!("workload {} gets no clone", probe.workload.as_deref().unwrap_or_default())
            }
            (None, Some(probe)) if !world.snap.providers.contains(&probe.provider) => {
                format!("the operator knows no provider {}", probe.provider)
            }
            (None, Some(_) | None) => return None,
        };
        let message = format!("spec.stages[].{list} {name} in {environment} can have no answer: {why}");
        of("CannotMeasure", message, format!("what {list} {name} names, or an edit of it"))
    })
}

/// The first thing that keeps this environment from being written to.
pub fn barred(world: &World<'_>, environment: &str) -> Option<Problem> {
    let place = world.place(environment)?;
    if place.environment.as_ref().is_some_and(|e| e.metadata.deletion_timestamp.is_some()) {
        return of("EnvironmentDeleted", format!("Environment {environment} is being deleted"), "another Environment");
    }
    let home = world.snap.pipeline.metadata.namespace.as_deref().unwrap_or("");
    access(&place.access, home, environment)
        .or_else(|| world.spec.workloads.iter().find_map(|w| workload(world, environment, w)))
        .or_else(|| traffic::problem::problem(world, environment))
}

/// Why the target namespace may not be written to, in words; none if it may.
pub fn closed(world: &World<'_>, environment: &str) -> Option<String> {
    let home = world.snap.pipeline.metadata.namespace.as_deref().unwrap_or("");
    access(&world.place(environment)?.access, home, environment).map(|problem| problem.message)
}

/// Whether the Environment may be used.
pub fn access(access: &Access, home: &str, environment: &str) -> Option<Problem> {
    match access {
        Access::Granted { .. } => None,
        Access::Missing => of(
            "EnvironmentMissing",
            format!("Environment {environment} does not exist"),
            format!("Environment {environment}"),
        ),
        Access::Unreadable => of(
            "EnvironmentUnreadable",
            format!("Environment {environment} cannot be read by this version of Windlass"),
            format!("Environment {environment} repaired, or Windlass upgraded"),
        ),
        Access::NamespaceMissing { namespace } => {
            of("NamespaceMissing", format!("Namespace {namespace} does not exist"), format!("Namespace {namespace}"))
        }
        Access::NoConsent { namespace } => of(
            "NoConsent",
            format!(
                "Namespace {namespace} does not accept Environment {environment} (it has no annotation windlass.dev/accept-from: {home}/{environment})"
            ),
            format!("annotation windlass.dev/accept-from on Namespace {namespace}, naming this Environment"),
        ),
        Access::NamespaceTaken { namespace, by } => of(
            "NamespaceTaken",
            format!("Namespace {namespace} belongs to Environment {by}"),
            "another targetNamespace, or the other Environment deleted",
        ),
    }
}

fn workload(world: &World<'_>, environment: &str, workload: &WorkloadRef) -> Option<Problem> {
    let key = workload.key();
    let seen = world.place(environment)?.workloads.get(&key).filter(|w| !w.deleting);
    let Some(seen) = seen else {
        return of(
            "WorkloadMissing",
            format!("{key} does not exist in {environment}"),
            format!("{key} in its target namespace"),
        );
    };
    if let Some(absent) = workload.containers.iter().find(|c| !seen.images.contains_key(&c.name)) {
        let name = &absent.name;
        return of(
            "ContainerNotFound",
            format!("{key} in {environment} has no container {name}"),
            format!("a container {name} in {key}, or an edit of spec.workloads"),
        );
    }
    if let Claim::Other(other) = &seen.claim {
        return of(
            "WorkloadClaimed",
            format!("{key} in {environment} belongs to pipeline {other}"),
            "another workload, or that pipeline deleted",
        );
    }
    rolls(seen, &key, environment).or_else(|| clone(world, environment, workload, seen))
}

/// Refused before anything is written: what cannot run twice, or has no name left for its clone.
fn clone(world: &World<'_>, environment: &str, workload: &WorkloadRef, seen: &Workload) -> Option<Problem> {
    let stage = world.stage(environment)?;
    if !stage.strategy.clones() || !workload.is_cloned() {
        return None;
    }
    let key = workload.key();
    if let Some(obstacle) = &seen.obstacle {
        return of(
            "CannotClone",
            format!("{key} in {environment} cannot run beside a clone: {obstacle}"),
            format!("strategy rolling for {environment}, or exposure Worker for {key}"),
        );
    }
    let taken = world.place(environment)?.clones.get(&key).filter(|found| !found.is_clone())?;
    of(
        "CloneNameTaken",
        format!("Deployment/{} in {environment} is there and is no clone of this pipeline", taken.name),
        format!("another name for Deployment/{}", taken.name),
    )
}

/// Refused before anything is written: a template that reaches no pod by itself would be neither proven nor taken back.
fn rolls(seen: &Workload, key: &str, environment: &str) -> Option<Problem> {
    match seen.rolls {
        Rolls::Freely => None,
        Rolls::Paused => of(
            "WorkloadPaused",
            format!("{key} in {environment} is paused (spec.paused) and would not roll"),
            format!("kubectl rollout resume of {key}"),
        ),
        Rolls::OnDelete => of(
            "UpdateStrategy",
            format!("{key} in {environment} has updateStrategy OnDelete and would not roll by itself"),
            format!("updateStrategy RollingUpdate of {key}"),
        ),
        Rolls::Partition(from) => of(
            "UpdateStrategy",
            format!("{key} in {environment} has a partition: pods below ordinal {from} would not roll"),
            format!("updateStrategy.rollingUpdate.partition 0 of {key}"),
        ),
    }
}
