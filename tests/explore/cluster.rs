//! What the cluster does by itself: controllers roll, pods come up, crash and recover, Jobs end, workloads vanish.

use std::sync::Arc;

use windlass::api::{DecisionType, RolloutState, RunPhase, Span};
use windlass::observe::{Claim, ImageWriter, JobPod, Pod, Trouble, TroubleKind, Workload};

use crate::budget::{Budget, Kind};
use crate::clones::{self, PREFIX};
use crate::ghost::{ByHand, Said, note};
use crate::safety::{is_forward, stored};
use crate::server::{edit_job, may_become, remove_job};
use crate::step::{Step, spend};
use crate::world::{Image, STAGES, World, found, image, serves, settle};

/// How a Job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    Passes,
    Fails,
    /// Killed for want of memory.
    Errs,
    /// Deleted by force.
    Gone,
}

pub fn possible(world: &World, budget: &Budget, steps: &mut Vec<Step>) {
    for (at, place) in world.places.iter().enumerate() {
        for (key, workload) in &place.workloads {
            of_workload(budget, at, key, workload, steps);
        }
        for (key, clone) in &place.clones {
            of_clone(budget, at, key, clone, steps);
        }
        if let Some(route) = &place.routing.route
            && (route.obstacle.is_some() || budget.has(Kind::Gateway))
        {
            steps.push(Step::Gateway(at, route.obstacle.is_some()));
        }
        let stages = world.pipeline.iter().flat_map(|p| &p.spec.workloads);
        for missing in stages.map(|w| w.key()).filter(|key| !place.workloads.contains_key(key)) {
            steps.push(Step::CreateWorkload(at, missing));
        }
        for job in place.jobs.values() {
            let is_over = job.complete || job.failed.is_some();
            let mut push = |end| steps.push(Step::Job(job.uid.clone(), end));
            if !job.suspended && !is_over {
                push(JobEnd::Passes);
                if budget.has(Kind::JobFails) {
                    push(JobEnd::Fails);
                }
                if budget.has(Kind::JobErrs) {
                    push(JobEnd::Errs);
                }
            }
            if budget.has(Kind::JobGone) {
                push(JobEnd::Gone);
            }
        }
    }
}

fn of_clone(budget: &Budget, at: usize, key: &str, clone: &Workload, steps: &mut Vec<Step>) {
    let key = || format!("{PREFIX}{key}");
    let is_troubled = clone.pods.iter().any(|p| p.trouble.is_some());
    if clone.observed_generation != clone.generation {
        steps.push(Step::Observe(at, key()));
    } else if !serves(clone) && (!is_troubled || budget.has(Kind::Recover)) {
        steps.push(Step::Ready(at, key()));
    } else if clone.wanted > 0 && !is_troubled && budget.has(Kind::Trouble) {
        steps.push(Step::Trouble(at, key(), TroubleKind::CrashLoop));
        steps.push(Step::Trouble(at, key(), TroubleKind::NotReady));
    }
    if budget.has(Kind::CloneGone) {
        steps.push(Step::DeleteWorkload(at, key()));
    }
}

fn of_workload(budget: &Budget, at: usize, key: &str, workload: &Workload, steps: &mut Vec<Step>) {
    let key = || key.to_owned();
    let is_seen = workload.observed_generation == workload.generation;
    let is_troubled = workload.pods.iter().any(|p| p.trouble.is_some());
    if !is_seen {
        steps.push(Step::Observe(at, key()));
    } else if !serves(workload) && (!is_troubled || budget.has(Kind::Recover)) {
        steps.push(Step::Ready(at, key()));
    }
    if is_seen && !is_troubled && budget.has(Kind::Trouble) {
        steps.push(Step::Trouble(at, key(), TroubleKind::CrashLoop));
        steps.push(Step::Trouble(at, key(), if serves(workload) { TroubleKind::NotReady } else { TroubleKind::Pull }));
    }
    if budget.has(Kind::Scale) {
        steps.push(Step::Scale(at, key(), if workload.wanted == 1 { 3 } else { 1 }));
    }
    if budget.has(Kind::Delete) {
        steps.push(Step::DeleteWorkload(at, key()));
    }
    if budget.has(Kind::Template) {
        steps.push(Step::Template(at, key()));
    }
    if budget.has(Kind::HandEdit) {
        let others = [Image::HAND, Image::GIT, Image(1)].into_iter().filter(|i| *i != image(workload));
        steps.extend(others.map(|i| Step::HandEdit(at, key(), i)));
        if workload.attempt.is_some() && image(workload) != Image::GIT {
            steps.push(Step::Undo(at, key()));
        }
    }
    crate::fights::steps(budget, at, &key(), workload, steps);
    let is_taken = matches!(workload.claim, Claim::Other(_));
    if is_taken || budget.has(Kind::Claim) {
        steps.push(Step::Claim(at, key(), !is_taken));
    }
}

/// Does a step of the cluster; false if it is none.
pub fn happens(world: &mut World, step: &Step) -> bool {
    match step {
        Step::Observe(at, key) if key.starts_with(PREFIX) => clones::observe(world, *at, key),
        Step::Observe(at, key) => roll(world, *at, key),
        Step::Scale(at, key, pods) => {
            spend(world, Kind::Scale);
            world.edit(*at, key, |w| {
                w.wanted = *pods;
                w.generation += 1;
            });
        }
        Step::Gateway(at, takes) => {
            if !takes {
                spend(world, Kind::Gateway);
            }
            crate::routes::answer(world, *at, *takes);
        }
        Step::Ready(at, key) => {
            let was_troubled = found(world, *at, key).is_some_and(|w| w.pods.iter().any(|p| p.trouble.is_some()));
            if was_troubled {
                spend(world, Kind::Recover);
            }
            world.edit(*at, key, settle);
        }
        Step::Trouble(at, key, kind) => trouble(world, *at, key, *kind),
        Step::DeleteWorkload(at, key) => {
            let of = key.strip_prefix(PREFIX);
            spend(world, if of.is_some() { Kind::CloneGone } else { Kind::Delete });
            world.version += 1;
            let place = Arc::make_mut(&mut world.places[*at]);
            // a clone goes with its owner
            place.workloads.remove(key);
            place.clones.remove(of.unwrap_or(key));
        }
        Step::CreateWorkload(at, key) => {
            let name = key.trim_start_matches("Deployment/").to_owned();
            let times = 10 - world.budget.times_left(Kind::Delete);
            let workload = world.workload(STAGES[*at], &name, times.into());
            Arc::make_mut(&mut world.places[*at]).workloads.insert(key.clone(), Arc::new(workload));
        }
        Step::Template(at, key) => {
            spend(world, Kind::Template);
            shake(world, *at);
            world.edit(*at, key, |w| {
                w.fingerprint.push('x');
                w.generation += 1;
            });
        }
        Step::HandEdit(at, key, new) => hand_edit(world, *at, key, *new),
        Step::Apply(at, key) => crate::fights::apply(world, *at, key),
        Step::Undo(at, key) => {
            // who undoes has seen the write: it lies at least a second back
            world.now = world.now.plus(Span::seconds(1));
            hand_edit(world, *at, key, Image::GIT);
            world.edit(*at, key, |w| w.attempt = None);
        }
        Step::Claim(at, key, taken) => {
            if *taken {
                spend(world, Kind::Claim);
            }
            let claim = if *taken { Claim::Other("shop/other".into()) } else { Claim::None };
            world.edit(*at, key, |w| w.claim = claim);
        }
        Step::Ci(name, phase) => ci(world, name, *phase),
        Step::Job(uid, end) => job_ends(world, uid, *end),
        _ => return false,
    }
    true
}

/// The controller sees the template: one pod of it beside the old one, if that serves.
fn roll(world: &mut World, at: usize, key: &str) {
    let now = world.now;
    world.edit(at, key, |w| {
        w.observed_generation = w.generation;
        w.reach.hash = format!("{:?} {}", image(w), w.fingerprint);
        let old = w.available.min(w.wanted);
        (w.replicas, w.updated, w.ready, w.available) = (old + w.wanted, w.wanted, old, old);
        let (name, ready, going, restarts) = ("pod".into(), false, false, 0);
        w.pods = vec![Pod { name, created: now, ready, going, restarts, trouble: None, address: None }];
    });
}

fn trouble(world: &mut World, at: usize, key: &str, kind: TroubleKind) {
    spend(world, Kind::Trouble);
    let now = world.now;
    let mut build = Image(97);
    world.edit(at, key, |w| {
        build = image(w);
        let was_serving = w.pods.iter().any(|p| p.ready);
        if was_serving {
            (w.ready, w.available) = (0, 0);
        }
        for pod in &mut w.pods {
            pod.ready = false;
            pod.trouble = Some(Trouble { kind, since: now, message: format!("container app: {kind:?}") });
        }
    });
    let open = stored(world, at).and_then(|s| s.rollout.as_ref()).filter(|r| is_forward(r));
    let ill = open.filter(|r| world.image_of(&r.build) == build).map(|r| (r.attempt.clone(), build));
    let ghost = world.ghost();
    note(&mut ghost.trouble[at], build);
    ill.into_iter().for_each(|ill| note(&mut ghost.ill[at], ill));
}

/// Whether the checkpoint has seen that workload.
pub fn is_known(world: &World, at: usize, uid: &str) -> bool {
    stored(world, at).is_some_and(|s| {
        let planned = s.rollout.iter().flat_map(|r| &r.workloads).map(|w| &w.uid);
        planned.chain(s.workloads.iter().map(|w| &w.uid)).any(|u| *u == uid)
    })
}

fn hand_edit(world: &mut World, at: usize, key: &str, new: Image) {
    spend(world, Kind::HandEdit);
    let mut uid = String::new();
    let old = image(&world.places[at].workloads[key]);
    let writer = ImageWriter { manager: "kubectl".into(), at: Some(world.now), is_tool: false };
    world.edit(at, key, |w| {
        w.images.insert("app".into(), new.text());
        w.image_writers.insert("app".into(), writer);
        w.generation += 1;
        uid.clone_from(&w.uid);
    });
    // who sets just what is wanted there changes nothing; what a revert is taking back it takes back all the same
    let stage = stored(world, at);
    let wanted: Vec<Image> = match stage.map(|s| (&s.rollout, &s.current)) {
        Some((Some(r), current)) if is_forward(r) => {
            // before our write, what is current belongs there too
            let is_ours = world.places[at].workloads[key].attempt.as_ref() == Some(&r.attempt);
            let current = current.as_ref().filter(|_| !is_ours).map(|c| &c.build);
            [Some(&r.build).filter(|_| !r.is_apart()), current]
                .into_iter()
                .flatten()
                .map(|b| world.image_of(b))
                .collect()
        }
        Some((Some(r), _)) => [Some(&r.build), r.target.as_ref().map(|t| &t.build)]
            .into_iter()
            .flatten()
            .map(|b| world.image_of(b))
            .collect(),
        Some((None, current)) => current.iter().map(|c| world.image_of(&c.build)).collect(),
        None => Vec::new(),
    };
    let is_wanted = wanted.contains(&new);
    // nor does an edit before the operator knows of the object: that is part of its creation (restoration)
    let is_known = is_known(world, at, &uid);
    // nor one while a Restore is on its way: it is about what is there when it acts
    let is_restored = world.decisions.iter().any(|d| {
        d.spec.r#type == DecisionType::Restore
            && d.spec.environment.as_deref() == Some(STAGES[at])
            && d.status.as_ref().and_then(|s| s.phase).is_none()
    });
    let ghost = world.ghost();
    let known = ghost.by_hand.iter().position(|h| usize::from(h.place) == at && h.uid == uid);
    let before = known.map_or(old, |known| ghost.by_hand.remove(known).before);
    // nor who puts back what was there
    ghost.by_hand.push(ByHand {
        place: at as u8,
        uid,
        before,
        binds: is_known && !is_restored && !is_wanted && before != new,
    });
}

fn ci(world: &mut World, name: &str, phase: RunPhase) {
    let Some(run) = world.runs.iter().find(|r| r.metadata.name.as_deref() == Some(name)).cloned() else { return };
    let said = run.status.as_ref().and_then(|s| s.phase);
    if !may_become(said, phase) {
        return;
    }
    match (said, phase) {
        (Some(RunPhase::Passed), RunPhase::Failed) => spend(world, Kind::CiLater),
        (_, RunPhase::Failed) => spend(world, Kind::CiFails),
        (_, RunPhase::Errored) => spend(world, Kind::CiErrs),
        _ => {}
    }
    let version = Some(world.next_version());
    if let Some(run) = world.runs.iter_mut().find(|r| r.metadata.name.as_deref() == Some(name)).map(Arc::make_mut) {
        run.status.get_or_insert_default().phase = Some(phase);
        run.metadata.resource_version = version;
    }
    let stage = STAGES.iter().position(|s| *s == run.spec.environment);
    if let Some(stage) = stage.filter(|_| phase != RunPhase::Errored) {
        let spec = &run.spec;
        let said = Said {
            stage: stage as u8,
            suite: spec.suite.clone(),
            attempt: spec.attempt.clone(),
            release_uid: spec.release_uid.clone(),
            build: world.image_of(&spec.build_hash),
            passed: phase == RunPhase::Passed,
            first: phase == RunPhase::Passed,
        };
        say(world, said);
    }
}

/// A bad word counts whenever it comes; a good one only while its attempt waits for it.
fn say(world: &mut World, said: Said) {
    let open = stored(world, usize::from(said.stage)).and_then(|s| s.rollout.as_ref());
    let open = open.filter(|r| r.attempt == said.attempt);
    let is_waited_for = open.is_some_and(|r| crate::hooks::is_open(r, &said.suite));
    if said.passed && is_waited_for {
        let at = usize::from(said.stage);
        let fresh = (said.attempt.clone(), world.template(at));
        let ghost = world.ghost();
        ghost.fresh[at].retain(|(attempt, _)| *attempt != said.attempt);
        note(&mut ghost.fresh[at], fresh);
    }
    if !said.passed || is_waited_for {
        world.ghost().say(said);
    }
}

fn job_ends(world: &mut World, uid: &str, end: JobEnd) {
    let pod = |exit_code, out_of_memory| JobPod { exit_code: Some(exit_code), out_of_memory, ..JobPod::default() };
    match end {
        JobEnd::Passes => edit_job(world, uid, |job| {
            job.complete = true;
            job.pods = vec![pod(0, false)];
        }),
        JobEnd::Fails | JobEnd::Errs => {
            spend(world, if end == JobEnd::Fails { Kind::JobFails } else { Kind::JobErrs });
            edit_job(world, uid, |job| {
                job.failed = Some("BackoffLimitExceeded".into());
                job.pods = vec![pod(1, end == JobEnd::Errs)];
            });
        }
        JobEnd::Gone => {
            spend(world, Kind::JobGone);
            remove_job(world, uid);
        }
    }
    let Some(made) = world.ghost.jobs.iter().find(|j| j.uid == uid).cloned() else { return };
    if end == JobEnd::Gone {
        crate::people::forget(world, usize::from(made.stage), &made.attempt, &made.suite);
    }
    if matches!(end, JobEnd::Passes | JobEnd::Fails) {
        let said = Said {
            stage: made.stage,
            suite: made.suite,
            attempt: made.attempt,
            release_uid: made.release_uid,
            build: made.build,
            passed: end == JobEnd::Passes,
            first: end == JobEnd::Passes,
        };
        say(world, said);
    }
}

/// What anyone could see by now: builds that serve in full.
pub fn witness(world: &mut World) {
    for at in 0..2 {
        witness_clones(world, at);
        let mut all = world.places[at].workloads.values();
        let Some(first) = all.next().map(|w| image(w)) else { continue };
        if !world.places[at].workloads.values().all(|w| serves(w) && image(w) == first) {
            continue;
        }
        let open = stored(world, at).and_then(|s| s.rollout.as_ref());
        let exposed = open
            .filter(|r| !matches!(r.state, RolloutState::Reverting(_)) && world.image_of(&r.build) == first)
            .map(|r| (r.attempt.clone(), r.release_uid.clone(), first));
        saw(world, at, first, exposed);
    }
}

/// The template changes under what runs there.
fn shake(world: &mut World, at: usize) {
    let attempts = stored(world, at).map(|stage| {
        let open = stage.rollout.as_ref().map(|r| r.attempt.clone());
        open.into_iter().chain(stage.current.as_ref().map(|c| c.attempt.clone())).collect::<Vec<_>>()
    });
    attempts.into_iter().flatten().for_each(|attempt| note(&mut world.ghost().shaken[at], attempt));
}

/// A build that its clones serve in full.
fn witness_clones(world: &mut World, at: usize) {
    let open = stored(world, at).and_then(|s| s.rollout.as_ref()).filter(|r| r.is_apart());
    let Some(rollout) = open.filter(|r| clones::serve_in_full(world, at, r)) else { return };
    let build = world.image_of(&rollout.build);
    let exposed = (rollout.attempt.clone(), rollout.release_uid.clone(), build);
    saw(world, at, build, Some(exposed));
}

fn saw(world: &mut World, at: usize, build: Image, exposed: Option<(String, String, Image)>) {
    if !world.ghost.healthy[at].contains(&build) {
        world.ghost().healthy[at].push(build);
    }
    if let Some((attempt, ..)) = exposed.as_ref().filter(|_| world.suites(at).is_empty()) {
        let fresh = (attempt.clone(), world.template(at));
        if !world.ghost.fresh[at].contains(&fresh) {
            note(&mut world.ghost().fresh[at], fresh);
        }
    }
    if let Some(exposed) = exposed.filter(|exposed| !world.ghost.exposed[at].contains(exposed)) {
        world.ghost().exposed[at].push(exposed);
    }
}
