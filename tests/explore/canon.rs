//! The canonical hash of a world. Equal worlds meet although their clocks and versions differ: points in time count by
//! their age, attempts by the order of their first mention, versions only by whether a late write or a lagging cache
//! is still in step with the server.

use std::hash::{Hash, Hasher};

use windlass::api::{PipelineStatus, StageStatus, Time};
use windlass::observe::{Job, Place, Workload};
use windlass::plan::{Action, Target};

use crate::world::{Frozen, STAGES, World, Write};

/// Ages beyond this are all the same: nothing in the plan waits that long.
const OLD: i64 = 2 * 3600 * 1000;
/// Integers above this are points in time.
const TIMES: i64 = 1_000_000_000_000;

/// Two lanes of a multiply-and-rotate hash, 128 bits in all.
pub struct Canon {
    a: u64,
    b: u64,
    now: i64,
    /// Points in time do not count: what is only shown to people.
    blind: bool,
    attempts: Vec<[u8; 19]>,
}

impl Canon {
    fn new(now: Time) -> Self {
        Self {
            a: 0x9e37_79b9_7f4a_7c15,
            b: 0xc2b2_ae3d_27d4_eb4f,
            now: now.millis(),
            blind: false,
            attempts: Vec::new(),
        }
    }

    fn mix(&mut self, word: u64) {
        self.a = (self.a ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29);
        self.b = (self.b.rotate_left(23) ^ word).wrapping_mul(0x9fb2_1c65_1e98_df25);
    }

    fn time(&mut self, millis: i64) {
        let age = self.now - millis;
        if !self.blind {
            self.mix(if age > OLD { u64::MAX } else { age as u64 });
        }
    }

    fn attempt(&mut self, stamp: [u8; 19]) {
        let known = self.attempts.iter().position(|s| *s == stamp);
        let index = known.unwrap_or_else(|| {
            self.attempts.push(stamp);
            self.attempts.len() - 1
        });
        self.mix(0xa77e_0000 + index as u64);
    }

    fn plain(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.mix(u64::from_le_bytes(chunk.try_into().unwrap_or_default()));
        }
        let mut last = [0u8; 8];
        last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn done(mut self) -> u128 {
        self.mix(self.attempts.len() as u64);
        let (mut a, mut b) = (self.a, self.b);
        a = (a ^ a >> 32).wrapping_mul(0x9fb2_1c65_1e98_df25);
        b = (b ^ b >> 29).wrapping_mul(0xff51_afd7_ed55_8ccd);
        u128::from(a ^ a >> 29) << 64 | u128::from(b ^ b >> 32)
    }
}

impl Hasher for Canon {
    fn finish(&self) -> u64 {
        self.a
    }
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(at) = find(rest) {
            self.plain(&rest[..at]);
            let (found, len) = stamp(&rest[at..]);
            match found {
                Some(stamp) => self.attempt(stamp),
                // a date in a message for people
                None => self.mix(1),
            }
            rest = &rest[(at + len).min(rest.len())..];
        }
        self.plain(rest);
    }
    fn write_u8(&mut self, i: u8) {
        self.mix(u64::from(i));
    }
    fn write_u32(&mut self, i: u32) {
        self.mix(u64::from(i));
    }
    fn write_u64(&mut self, i: u64) {
        self.mix(i);
    }
    fn write_usize(&mut self, i: usize) {
        self.mix(i as u64);
    }
    fn write_isize(&mut self, i: isize) {
        self.mix(i as u64);
    }
    fn write_i64(&mut self, i: i64) {
        if i > TIMES { self.time(i) } else { self.mix(i as u64) }
    }
}

/// Where a year begins that a stamp or a date may begin with.
fn find(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < 19 {
        return None;
    }
    let mut at = 0;
    while at + 18 < bytes.len() {
        // by its last byte: how far the next place is at which it may begin
        at += match bytes[at + 3] {
            b'6' if bytes[at..].starts_with(b"202") => return Some(at),
            b'2' => 1,
            b'0' => 2,
            _ => 4,
        };
    }
    None
}

/// An attempt's stamp, or none for a date; and how long the text is.
fn stamp(bytes: &[u8]) -> (Option<[u8; 19]>, usize) {
    let head: [u8; 19] = bytes[..19].try_into().unwrap_or_default();
    if head[8] == b't' && head[18] == b'z' {
        return (Some(head), 19);
    }
    let end = bytes.iter().position(|b| *b == b'Z').map_or(4, |z| z + 1);
    (None, end)
}

/// The hash by which worlds are the same.
pub fn hash(world: &World) -> u128 {
    let mut c = Canon::new(world.now);
    let c = &mut c;
    if let Some(pipeline) = &world.pipeline {
        pipeline.metadata.deletion_timestamp.is_some().hash(c);
        pipeline.metadata.finalizers.hash(c);
        pipeline.metadata.generation.hash(c);
        let spec = &pipeline.spec;
        (spec.suspend, spec.stages.len()).hash(c);
        spec.release.as_ref().map(|h| &h.version).hash(c);
        if let Some(status) = &pipeline.status {
            of_status(status, c);
        }
    }
    for release in &world.releases {
        let meta = &release.metadata;
        (&meta.name, &meta.uid, meta.deletion_timestamp.is_some(), &meta.finalizers, release.spec.paused).hash(c);
        meta.generation.hash(c);
        c.blind = true;
        release.status.hash(c);
        c.blind = false;
    }
    for run in &world.runs {
        (&run.metadata.name, &run.metadata.uid, &run.status).hash(c);
    }
    for decision in &world.decisions {
        (&decision.metadata.name, decision.spec.r#type, &decision.spec.release, &decision.spec.environment).hash(c);
        (&decision.spec.to, &decision.spec.attempt, &decision.status).hash(c);
        decision.spec.build_hash.hash(c);
    }
    for place in &world.places {
        of_place(place, c);
    }
    for (at, place) in world.places.iter().enumerate() {
        let told =
            place.environment.as_ref().and_then(|e| e.status.as_ref()?.freeze.as_ref()).map(|freeze| freeze.since);
        let noted = world.status().and_then(|status| status.stage(STAGES[at])?.frozen);
        (told == noted).hash(c);
    }
    of_operator(world, c);
    world.budget.hash(c);
    world.ghost.hash(c);
    std::mem::replace(c, Canon::new(world.now)).done()
}

fn of_status(status: &PipelineStatus, c: &mut Canon) {
    let PipelineStatus { observed_generation, term: _, conditions, adopted, builds, stages, head, decisions } = status;
    (observed_generation, adopted, head, decisions).hash(c);
    builds.len().hash(c);
    for row in builds {
        row.hash.hash(c);
    }
    for condition in conditions {
        (&condition.r#type, &condition.status, &condition.reason, &condition.message).hash(c);
        if condition.r#type == "Resolved" {
            condition.last_transition_time.hash(c);
        }
    }
    for stage in stages {
        of_stage(stage, c);
    }
}

fn of_stage(stage: &StageStatus, c: &mut Canon) {
    (
        stage.frozen.is_some(),
        &stage.environment,
        stage.adopted.is_some(),
        &stage.workloads,
        &stage.high_water,
        &stage.rollout,
    )
        .hash(c);
    (&stage.bans, &stage.watch_until, &stage.available, &stage.interrupted).hash(c);
    crate::routes::canon_routed(stage.routed.as_ref(), c);
    c.blind = true;
    (&stage.current, &stage.previous, &stage.held, &stage.proofs, &stage.alert, &stage.history).hash(c);
    c.blind = false;
}

fn of_place(place: &Place, c: &mut Canon) {
    if let Some(environment) = &place.environment {
        let meta = &environment.metadata;
        (&meta.finalizers, meta.deletion_timestamp.is_some(), &meta.generation).hash(c);
        c.blind = true;
        environment.status.hash(c);
        c.blind = false;
    }
    for workload in place.workloads.values() {
        of_workload(workload, c);
    }
    for clone in place.clones.values() {
        of_workload(clone, c);
    }
    place.freezes.is_empty().hash(c);
    crate::routes::canon(place, c);
    crate::locks::canon(place, c);
    for job in place.jobs.values() {
        of_job(job, c);
    }
    place.measured.hash(c);
}

fn of_workload(w: &Workload, c: &mut Canon) {
    (&w.uid, w.generation, w.observed_generation, w.deleting, w.rolls, &w.images, &w.fingerprint, &w.attempt).hash(c);
    w.reasserted.hash(c);
    (w.wanted, w.replicas, w.updated, w.ready, w.available).hash(c);
    w.image_writers.values().for_each(|writer| (&writer.manager, writer.at).hash(c));
    std::mem::discriminant(&w.claim).hash(c);
    for pod in &w.pods {
        (pod.ready, pod.restarts).hash(c);
        pod.trouble.as_ref().map(|t| (t.kind, t.since)).hash(c);
    }
}

fn of_job(job: &Job, c: &mut Canon) {
    // its name is a hash of the attempt's stamp; the ghost tells by UID which attempt it belongs to
    (&job.uid, job.deleting, job.suspended, job.kept, job.complete, &job.failed).hash(c);
    job.pods.iter().for_each(|p| (p.exit_code, p.out_of_memory).hash(c));
}

fn of_operator(world: &World, c: &mut Canon) {
    world.operator.no_bans.hash(c);
    world.operator.guarded.is_some().hash(c);
    crate::terms::canon(world, c);
    match world.operator.late.as_deref() {
        None => {}
        Some(Write::Checkpoint { version, status }) => {
            let current = world.pipeline.as_ref().and_then(|p| p.metadata.resource_version.as_deref());
            (1, current == Some(version.as_str())).hash(c);
            of_status(status, c);
        }
        Some(Write::Effect(action)) => of_action(world, action, c),
    }
    match &world.operator.lag {
        None => {}
        Some(Frozen::Pipeline(old)) => {
            let current = world.pipeline.as_ref().map(|p| &p.metadata.resource_version);
            (2, old.spec.suspend, current == Some(&old.metadata.resource_version)).hash(c);
            old.spec.release.as_ref().map(|h| &h.version).hash(c);
            if let Some(status) = &old.status {
                of_status(status, c);
            }
        }
        Some(Frozen::Releases(old)) => {
            for r in old {
                let same = world.releases.iter().any(|n| n.metadata.resource_version == r.metadata.resource_version);
                (3, &r.metadata.name, r.spec.paused, r.metadata.deletion_timestamp.is_some(), same).hash(c);
            }
        }
        Some(Frozen::Runs(old)) => {
            for r in old {
                let same = world.runs.iter().any(|n| n.metadata.resource_version == r.metadata.resource_version);
                (4, &r.metadata.name, &r.status, same).hash(c);
            }
        }
        Some(Frozen::Decisions(old)) => {
            for d in old {
                (5, &d.metadata.name, &d.status).hash(c);
            }
        }
        Some(Frozen::Workloads(old)) => {
            for (old, new) in old.iter().zip(&world.places) {
                of_place(old, c);
                for (key, w) in &old.workloads {
                    (6, new.workloads.get(key).map(|n| &n.resource_version) == Some(&w.resource_version)).hash(c);
                }
            }
        }
    }
}

fn is_clone_current(world: &World, uid: &str, version: &str) -> bool {
    let mut clones = world.places.iter().flat_map(|p| p.clones.values());
    clones.any(|c| c.uid == uid && c.resource_version == version)
}

fn of_action(world: &World, action: &Action, c: &mut Canon) {
    let target = |t: &Target, c: &mut Canon| (&t.name, world.is_current(t)).hash(c);
    std::mem::discriminant(action).hash(c);
    match action {
        Action::SetImages(set) => {
            (&set.namespace, &set.name, &set.images, &set.attempt, world.is_workload_current(set)).hash(c);
            set.confirm.iter().for_each(|t| target(t, c));
        }
        Action::CreateClone(create) => (&create.of_uid, &create.attempt, &create.images).hash(c),
        Action::ScaleClone(scale) => {
            let is_current = is_clone_current(world, &scale.uid, &scale.resource_version);
            (&scale.uid, scale.replicas, is_current).hash(c);
            scale.confirm.iter().for_each(|t| target(t, c));
        }
        Action::RemoveClone { uid, resource_version, .. } => {
            (uid, is_clone_current(world, uid, resource_version)).hash(c);
        }
        Action::LockScaleDown { uid, resource_version, .. } | Action::UnlockScaleDown { uid, resource_version, .. } => {
            (uid, crate::locks::is_current(world, uid, resource_version)).hash(c);
        }
        Action::PutService(put) => (&put.name, put.stands.is_some()).hash(c),
        Action::PutRoute(put) => {
            let version = world.places.iter().find_map(|p| {
                let found = p.routing.route.as_ref()?;
                (found.namespace == put.namespace).then_some(&found.resource_version)
            });
            let is_current = put.stands.as_ref().map(|s| Some(&s.resource_version) == version);
            (put.shape.backends.last().map(|b| b.weight), is_current).hash(c);
            put.confirm.iter().for_each(|t| target(t, c));
        }
        Action::RemoveRouting { name, .. } => name.hash(c),
        Action::Touch { of, .. } => of.uid.hash(c),
        Action::CreateBan { name, .. } | Action::CreateRelease { name, .. } => name.hash(c),
        Action::CreateTestRun { name, release, .. } => {
            name.hash(c);
            target(release, c);
        }
        Action::CreateJob(job) => job.labels.hash(c),
        Action::DeletePod { uid, .. } => uid.hash(c),
        Action::StartJob { uid, resource_version, .. } | Action::RemoveJob { uid, resource_version, .. } => {
            (uid, world.is_job_current(uid, resource_version)).hash(c);
        }
        Action::ReleaseStatus { target: t, .. }
        | Action::EnvironmentStatus { target: t, .. }
        | Action::TestRunStatus { target: t, .. }
        | Action::DecisionStatus { target: t, .. }
        | Action::Finalizer { target: t, .. }
        | Action::TouchOwn { target: t, .. }
        | Action::Delete { target: t } => target(t, c),
    }
}
