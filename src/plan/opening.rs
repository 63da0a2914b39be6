//! A rollout as it starts: its plan is frozen here, and its attempt gets a name.

use crate::api::build::FoundImage;
use crate::api::checkpoint::SeenWorkload;
use crate::api::pipeline::{ContainerRef, WorkloadRef};
use crate::api::rollout::{Progressing, Rollout, RolloutWorkload, Stepping};
use crate::api::stage::Stage;
use crate::api::strategy::Strategy;
use crate::api::{BuildHash, BuildRow, Live, PipelineStatus, RolloutState, Span, StageStatus, Time};
use crate::observe::Workload;

use super::build;
use super::world::World;

/// What a rollout is about: the build that it delivers, or the one that it leaves.
#[derive(Debug)]
pub struct Subject {
    pub release: String,
    pub release_uid: String,
    pub version: String,
    pub build: BuildHash,
}

/// A rollout without suites, hooks, checks and Decision: who has them adds them.
pub fn rollout(
    world: &World<'_>,
    status: &PipelineStatus,
    stage: &StageStatus,
    spec: &Stage,
    subject: Subject,
    target: Option<Live>,
    state: RolloutState,
) -> Rollout {
    let place = world.place(&stage.environment);
    let row = target.as_ref().and_then(|target| world.row(status, &target.build));
    let workloads = world.spec.workloads.iter().filter_map(|workload| {
        let seen = place?.workloads.get(&workload.key())?;
        // one that was re-created since and did not get its build back is not ours to be judged by what it runs
        let known = stage.workloads.iter().find(|known| known.workload == workload.key());
        let uid = known.map_or(&seen.uid, |known| &known.uid).clone();
        let found = found(world, workload, seen, known, row);
        let (fingerprint, stable) = (seen.fingerprint.clone(), seen.reach.hash.clone());
        let generation = seen.generation;
        Some(RolloutWorkload { workload: workload.clone(), uid, fingerprint, generation, stable, found })
    });
    let Subject { release, release_uid, version, build } = subject;
    Rollout {
        attempt: next_attempt(world, stage),
        release,
        release_uid,
        version,
        build,
        schema: None,
        started_at: world.now,
        decision: None,
        overridden: Vec::new(),
        strategy: Strategy::default(),
        traffic: None,
        workloads: workloads.collect(),
        suites: Vec::new(),
        hooks: Vec::new(),
        checks: Vec::new(),
        progress_deadline: spec.progress_deadline(),
        bake: spec.bake(),
        max_pause: spec.max_pause,
        exposed_at: None,
        target,
        state,
    }
}

/// How a build is exposed from its first step on.
pub fn exposing(strategy: &Strategy, deadline: Time) -> RolloutState {
    if strategy.clones() {
        RolloutState::Stepping(Stepping::at(0, deadline))
    } else {
        RolloutState::Progressing(Progressing { step: 0, deadline, paused: None })
    }
}

/// Images of containers that the pipeline names only since, or of which the target says nothing: the way back restores them.
fn found(
    world: &World<'_>,
    workload: &WorkloadRef,
    seen: &Workload,
    known: Option<&SeenWorkload>,
    target: Option<&BuildRow>,
) -> Vec<FoundImage> {
    let key = workload.key();
    let is_new = |name: &str| known.is_none_or(|known| !known.images.iter().any(|i| i.container == name));
    let is_told = |c| target.is_none_or(|row| build::image_of(world.spec, row, &key, c).is_some());
    let kept = workload.containers.iter().filter(|c| is_new(&c.name) || !is_told(c));
    let image = |c: &ContainerRef| Some((c.name.clone(), seen.images.get(&c.name)?.clone()));
    kept.filter_map(image).map(|(container, image)| FoundImage { workload: key.clone(), container, image }).collect()
}

/// The stamp of an attempt that starts now: later than any that is remembered, or that a workload bears of a checkpoint that is lost.
fn next_attempt(world: &World<'_>, stage: &StageStatus) -> String {
    let place = world.place(&stage.environment);
    let seen = place.into_iter().flat_map(|place| place.workloads.values().chain(place.clones.values()));
    let last = stage
        .history
        .iter()
        .map(|e| e.attempt.as_str())
        .chain(stage.proofs.iter().map(|p| p.attempt.as_str()))
        .chain(seen.filter_map(|seen| seen.attempt.as_deref()))
        .max()
        .unwrap_or("");
    let mut at: Time = world.now;
    // two attempts within a millisecond happen only where a clock went back
    for _ in 0..1000 {
        if at.stamp().as_str() > last {
            break;
        }
        at = at.plus(Span::from_millis(1));
    }
    at.stamp()
}
