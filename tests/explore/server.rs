//! The API server: carries out one write with its guards, as the real one would. A write that is refused changes nothing.

use std::sync::Arc;

use windlass::api::labels::ROLLOUT_FINALIZER;
use windlass::api::{Decision, Release, RunPhase, TestRun};
use windlass::observe::{Claim, ImageWriter, Job};
use windlass::plan::{Action, CreateJob, Kind, SetImages, Stands, Target};

use crate::ghost::{JobMade, note};
use crate::safety::{self, Broken};
use crate::world::{Frozen, Image, STAGES, World, Write, build_of};
use crate::{clones, coverage, hooks, routes, terms};

impl World {
    /// Whether that object is still the one that was seen.
    pub fn is_current(&self, target: &Target) -> bool {
        let found = match target.kind {
            Kind::Pipeline => self.pipeline.as_ref().map(|o| &o.metadata),
            Kind::Release => self.releases.iter().map(|o| &o.metadata).find(|m| m.name.as_ref() == Some(&target.name)),
            Kind::TestRun => self.runs.iter().map(|o| &o.metadata).find(|m| m.name.as_ref() == Some(&target.name)),
            Kind::Decision => {
                self.decisions.iter().map(|o| &o.metadata).find(|m| m.name.as_ref() == Some(&target.name))
            }
            Kind::Environment => {
                let of = |at: usize| self.places[at].environment.as_ref().map(|e| &e.metadata);
                STAGES.iter().position(|s| *s == target.name).and_then(of)
            }
        };
        found.is_some_and(|m| {
            m.uid.as_ref() == Some(&target.uid) && m.resource_version.as_ref() == Some(&target.resource_version)
        })
    }

    pub fn is_workload_current(&self, set: &SetImages) -> bool {
        let place = &self.places[place_of(&set.namespace)];
        let seen = place.workloads.values().find(|w| w.name == set.name);
        seen.is_some_and(|w| w.uid == set.uid && w.resource_version == set.resource_version)
    }

    pub fn is_job_current(&self, uid: &str, version: &str) -> bool {
        let mut jobs = self.places.iter().flat_map(|p| p.jobs.values());
        jobs.any(|j| j.uid == uid && j.resource_version == version)
    }
}

pub fn place_of(namespace: &str) -> usize {
    STAGES.iter().position(|s| namespace.ends_with(s)).unwrap_or(0)
}

/// Carries out a write. False: the server refused it.
pub fn carry_out(world: &mut World, write: &Write) -> Result<bool, Broken> {
    let done = match write {
        Write::Checkpoint { version, status } => {
            let Some(pipeline) = &world.pipeline else { return Ok(false) };
            if pipeline.metadata.resource_version.as_deref() != Some(version) {
                return Ok(false);
            }
            safety::checkpoint(world, status)?;
            let version = world.next_version();
            if let Some(pipeline) = &mut world.pipeline {
                let pipeline = Arc::make_mut(pipeline);
                pipeline.status = Some(status.as_ref().clone());
                pipeline.metadata.resource_version = Some(version);
            }
            Some(Kind::Pipeline)
        }
        Write::Effect(action) => match effect(world, action)? {
            Some(kind) => kind,
            None => return Ok(false),
        },
    };
    // a pass that has written waits until its caches have seen that
    let is_seen = |lag: &Frozen| match lag {
        Frozen::Pipeline(_) => done == Some(Kind::Pipeline),
        Frozen::Releases(_) => done == Some(Kind::Release),
        Frozen::Runs(_) => done == Some(Kind::TestRun),
        Frozen::Decisions(_) => done == Some(Kind::Decision),
        Frozen::Workloads(_) => done.is_none(),
    };
    if world.operator.lag.as_ref().is_some_and(is_seen) {
        world.operator.lag = None;
    }
    Ok(true)
}

/// What kind was written (none: a workload or a Job), or nothing if it was refused.
fn effect(world: &mut World, action: &Action) -> Result<Option<Option<Kind>>, Broken> {
    safety::guards(action)?;
    let done = |ok: bool, kind: Option<Kind>| Ok(ok.then_some(kind));
    match action {
        Action::SetImages(set) => done(set_images(world, set)?, None),
        Action::CreateBan { name, spec } => {
            if world.operator.no_bans {
                return Ok(None);
            }
            add_decision(world, name, Decision::new(name, spec.clone()));
            done(true, Some(Kind::Decision))
        }
        Action::CreateRelease { name, spec } => {
            if world.release(name).is_none() {
                let mut release = Release::new(name, spec.as_ref().clone());
                let uid = format!("{name}-{}", world.ghost.deleted_releases);
                release.metadata = world.meta(name, &uid);
                world.releases.push(Arc::new(release));
                world.releases.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
            }
            done(true, Some(Kind::Release))
        }
        Action::CreateTestRun { name, release, spec } => {
            let is_owned = world.releases.iter().any(|r| r.metadata.uid.as_ref() == Some(&release.uid));
            if is_owned && !world.runs.iter().any(|r| r.metadata.name.as_ref() == Some(name)) {
                let mut run = TestRun::new(name, spec.clone());
                let uid = format!("{name}-{}", world.budget.times_left(crate::budget::Kind::RunGone));
                run.metadata = world.meta(name, &uid);
                world.runs.push(Arc::new(run));
            }
            done(is_owned, Some(Kind::TestRun))
        }
        Action::CreateJob(job) => done(create_job(world, job)?, None),
        Action::CreateClone(create) => done(clones::create(world, create)?, None),
        Action::ScaleClone(scale) => done(clones::scale(world, scale)?, None),
        Action::RemoveClone { namespace, uid, resource_version, .. } => {
            done(clones::remove(world, namespace, uid, resource_version)?, None)
        }
        Action::LockScaleDown { namespace, uid, resource_version, .. } => {
            done(crate::locks::set(world, namespace, uid, resource_version, true), None)
        }
        Action::UnlockScaleDown { namespace, uid, resource_version, .. } => {
            crate::locks::is_over(world, place_of(namespace))?;
            done(crate::locks::set(world, namespace, uid, resource_version, false), None)
        }
        Action::PutService(put) => done(routes::put_service(world, put)?, None),
        Action::PutRoute(put) => done(routes::put_route(world, put)?, None),
        Action::RemoveRouting { kind, namespace, name, uid, resource_version } => {
            let stands = Stands { uid: uid.clone(), resource_version: resource_version.clone() };
            done(routes::remove(world, *kind, namespace, name, &stands)?, None)
        }
        Action::Touch { of, .. } => done(terms::touch(world, of), None),
        // the world has Deployments: their controllers replace pods by themselves
        Action::DeletePod { name, .. } => {
            safety::holds(false, "S16", || format!("pod {name} of a Deployment is deleted"))?;
            done(false, None)
        }
        Action::StartJob { uid, resource_version, .. } => done(start_job(world, uid, resource_version)?, None),
        Action::RemoveJob { uid, resource_version, .. } => {
            let is_current = world.is_job_current(uid, resource_version);
            if is_current {
                hooks::removed(world, uid)?;
                remove_job(world, uid);
            }
            done(is_current, None)
        }
        Action::ReleaseStatus { target, .. }
        | Action::EnvironmentStatus { target, .. }
        | Action::TestRunStatus { target, .. }
        | Action::DecisionStatus { target, .. }
        | Action::Finalizer { target, .. }
        | Action::TouchOwn { target, .. }
        | Action::Delete { target } => {
            if !world.is_current(target) {
                return Ok(None);
            }
            update(world, action, target)?;
            done(true, Some(target.kind))
        }
    }
}

pub fn add_decision(world: &mut World, name: &str, mut decision: Decision) {
    if world.decisions.iter().any(|d| d.metadata.name.as_deref() == Some(name)) {
        return;
    }
    decision.metadata = world.meta(name, name);
    world.decisions.push(Arc::new(decision));
}

fn set_images(world: &mut World, set: &SetImages) -> Result<bool, Broken> {
    if !world.is_workload_current(set) || !set.confirm.iter().all(|t| world.is_current(t)) {
        return Ok(false);
    }
    let place = place_of(&set.namespace);
    let key = format!("Deployment/{}", set.name);
    safety::image_write(world, place, &key, set)?;
    crate::fights::written(world, place, &key)?;
    world.edit(place, &key, |workload| {
        for (container, image) in &set.images {
            workload.images.insert(container.clone(), image.clone());
            let writer = ImageWriter { manager: "windlass".into(), at: None, is_tool: false };
            workload.image_writers.insert(container.clone(), writer);
        }
        workload.generation += 1;
        workload.attempt = Some(set.attempt.clone());
        workload.reasserted = set.reasserted.or(workload.reasserted);
        workload.claim = Claim::Ours;
    });
    let written = set.images.first().map(|(_, text)| Image::of(text));
    let release = world.releases.iter().find(|release| Some(build_of(release)) == written);
    let left = release.and_then(|r| r.spec.build.schema).map_or(0, |schema| schema.min_readable);
    let ghost = world.ghost();
    ghost.readable[place] = ghost.readable[place].max(u8::try_from(left).unwrap_or(u8::MAX));
    ghost.by_hand.retain(|h| h.uid != set.uid);
    note(&mut ghost.written, (set.attempt.clone(), key));
    Ok(true)
}

fn create_job(world: &mut World, job: &CreateJob) -> Result<bool, Broken> {
    let place = place_of(&job.namespace);
    if world.places[place].jobs.contains_key(&job.name) {
        return Ok(true);
    }
    let Some(rollout) = world.status().and_then(|s| s.stages.get(place)?.rollout.clone()) else { return Ok(false) };
    let label = |key: &str| job.labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()).unwrap_or_default();
    let made = JobMade {
        uid: format!("job{}", world.ghost.jobs.len()),
        stage: place as u8,
        suite: label(windlass::api::labels::SUITE) + &label(windlass::api::labels::HOOK),
        r#try: job.name.rsplit('-').next().and_then(|t| t.parse().ok()).unwrap_or_default(),
        recorded: false,
        build: world.image_of(&rollout.build),
        attempt: rollout.attempt,
        release_uid: rollout.release_uid,
    };
    safety::job_made(world, job, &made)?;
    let object = Job {
        name: job.name.clone(),
        namespace: job.namespace.clone(),
        uid: made.uid.clone(),
        resource_version: world.next_version(),
        created: world.now,
        deleting: false,
        suspended: true,
        kept: true,
        complete: false,
        failed: None,
        ended: None,
        pods: Vec::new(),
    };
    world.ghost().jobs.push(made);
    Arc::make_mut(&mut world.places[place]).jobs.insert(job.name.clone(), Arc::new(object));
    Ok(true)
}

fn start_job(world: &mut World, uid: &str, version: &str) -> Result<bool, Broken> {
    if !world.is_job_current(uid, version) {
        return Ok(false);
    }
    safety::job_started(world, uid)?;
    edit_job(world, uid, |job| job.suspended = false);
    Ok(true)
}

/// Changes a Job, giving it a new version.
pub fn edit_job(world: &mut World, uid: &str, change: impl FnOnce(&mut Job)) {
    let version = world.next_version();
    for place in &mut world.places {
        if place.jobs.values().any(|j| j.uid == uid)
            && let Some(job) = Arc::make_mut(place).jobs.values_mut().find(|j| j.uid == uid)
        {
            let job = Arc::make_mut(job);
            change(job);
            job.resource_version = version;
            return;
        }
    }
}

pub fn remove_job(world: &mut World, uid: &str) {
    // a deletion is a change of the store, too
    world.next_version();
    for place in &mut world.places {
        if place.jobs.values().any(|j| j.uid == uid) {
            Arc::make_mut(place).jobs.retain(|_, j| j.uid != uid);
        }
    }
}

fn update(world: &mut World, action: &Action, target: &Target) -> Result<(), Broken> {
    let version = Some(world.next_version());
    match action {
        Action::ReleaseStatus { status, .. } => {
            safety::release_status(world, target, status)?;
            coverage::release(status);
            let release = world.releases.iter_mut().find(|r| r.metadata.name.as_ref() == Some(&target.name));
            if let Some(release) = release.map(Arc::make_mut) {
                release.status = Some(status.as_ref().clone());
                release.metadata.resource_version = version;
            }
        }
        Action::TestRunStatus { status, .. } => {
            let run = world.runs.iter_mut().find(|r| r.metadata.name.as_ref() == Some(&target.name));
            if let Some(run) = run.map(Arc::make_mut) {
                let said = run.status.as_ref().and_then(|s| s.phase);
                safety::verdict_stays(said, status.phase)?;
                run.status = Some(status.as_ref().clone());
                run.metadata.resource_version = version;
            }
        }
        Action::DecisionStatus { status, .. } => {
            let decision = world.decisions.iter_mut().find(|d| d.metadata.name.as_ref() == Some(&target.name));
            if let Some(decision) = decision.map(Arc::make_mut) {
                coverage::decision(decision.spec.r#type, status);
                decision.status = Some(status.clone());
                decision.metadata.resource_version = version;
            }
        }
        Action::EnvironmentStatus { status, .. } => {
            let at = STAGES.iter().position(|s| *s == target.name).unwrap_or(0);
            if let Some(environment) = Arc::make_mut(&mut world.places[at]).environment.as_mut().map(Arc::make_mut) {
                environment.status = Some(status.as_ref().clone());
                environment.metadata.resource_version = version;
            }
        }
        Action::Finalizer { present, .. } => finalizer(world, target, *present, version),
        Action::TouchOwn { .. } => touch_own(world, target, version),
        Action::Delete { .. } => {
            world.decisions.retain(|d| d.metadata.uid.as_ref() != Some(&target.uid));
            world.runs.retain(|r| r.metadata.uid.as_ref() != Some(&target.uid));
        }
        Action::SetImages(_)
        | Action::CreateBan { .. }
        | Action::CreateRelease { .. }
        | Action::CreateTestRun { .. }
        | Action::CreateJob(_)
        | Action::CreateClone(_)
        | Action::ScaleClone(_)
        | Action::RemoveClone { .. }
        | Action::LockScaleDown { .. }
        | Action::UnlockScaleDown { .. }
        | Action::PutService(_)
        | Action::PutRoute(_)
        | Action::RemoveRouting { .. }
        | Action::DeletePod { .. }
        | Action::Touch { .. }
        | Action::StartJob { .. }
        | Action::RemoveJob { .. } => {}
    }
    Ok(())
}

fn touch_own(world: &mut World, target: &Target, version: Option<String>) {
    let since = version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0);
    match target.kind {
        Kind::Release => {
            let releases = world.releases.iter_mut().filter(|r| r.metadata.name.as_ref() == Some(&target.name));
            releases.for_each(|r| Arc::make_mut(r).metadata.resource_version.clone_from(&version));
        }
        Kind::Environment => {
            let at = STAGES.iter().position(|s| *s == target.name).unwrap_or(0);
            let environment = &mut Arc::make_mut(&mut world.places[at]).environment;
            environment.iter_mut().for_each(|e| Arc::make_mut(e).metadata.resource_version.clone_from(&version));
        }
        Kind::Pipeline | Kind::TestRun | Kind::Decision => {}
    }
    world.operator.touched.insert(target.uid.clone(), since);
}

fn finalizer(world: &mut World, target: &Target, present: bool, version: Option<String>) {
    let set = |meta: &mut kube::api::ObjectMeta| {
        let finalizers = meta.finalizers.get_or_insert_default();
        finalizers.retain(|f| f != ROLLOUT_FINALIZER);
        if present {
            finalizers.push(ROLLOUT_FINALIZER.into());
        }
        meta.resource_version = version;
        !present && meta.deletion_timestamp.is_some()
    };
    match target.kind {
        Kind::Pipeline => {
            if world.pipeline.as_mut().is_some_and(|p| set(&mut Arc::make_mut(p).metadata)) {
                world.pipeline = None;
            }
        }
        Kind::Release => {
            let release = world.releases.iter_mut().find(|r| r.metadata.name.as_ref() == Some(&target.name));
            if release.is_some_and(|r| set(&mut Arc::make_mut(r).metadata)) {
                drop_release(world, &target.name);
            }
        }
        Kind::Environment => {
            let at = STAGES.iter().position(|s| *s == target.name).unwrap_or(0);
            let place = Arc::make_mut(&mut world.places[at]);
            if place.environment.as_mut().is_some_and(|e| set(&mut Arc::make_mut(e).metadata)) {
                place.environment = None;
                place.access = windlass::observe::Access::Missing;
            }
        }
        Kind::TestRun | Kind::Decision => {}
    }
}

/// A Release is gone, and its TestRuns with it.
pub fn drop_release(world: &mut World, name: &str) {
    let uid = world.release(name).and_then(|r| r.metadata.uid.clone()).unwrap_or_default();
    world.releases.retain(|r| r.metadata.name.as_deref() != Some(name));
    world.runs.retain(|r| r.spec.release_uid != uid);
    world.ghost().deleted_releases += 1;
}

/// Whether the server's rules let a run's phase become another.
pub fn may_become(from: Option<RunPhase>, to: RunPhase) -> bool {
    match from {
        Some(RunPhase::Failed) => to == RunPhase::Failed,
        Some(RunPhase::Passed) => matches!(to, RunPhase::Passed | RunPhase::Failed),
        Some(RunPhase::Pending | RunPhase::Running | RunPhase::Errored | RunPhase::Aborted) | None => true,
    }
}
