//! A desk to decide at: one pipeline over staging and production, with a cluster that does at once what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{bounds, clones, locks, routing};
use crate::api::conditions::find;
use crate::api::pipeline::{WorkloadKind, WorkloadRef};
use crate::api::release::GateStatus;
use crate::api::{
    Decision, DeliveryPipeline, Environment, EnvironmentSpec, EnvironmentStatus, Release, Span, StageStatus, TestRun,
    Time,
};
use crate::observe::{
    Access, Admission, Claim, EnvironmentView, ImageWriter, Job, Measured, Place, Pod, Reach, Reading, Rolls, Sample,
    Settings, Snapshot, Trouble, TroubleKind, Unreadable, Workload,
};
use crate::plan::action::Untouched;
use crate::plan::{Action, CreateJob, Kind, Measure, SetImages, Step, Target, measures, plan, waits};

pub const START: Time = Time::from_millis(1_795_000_000_000);
pub const REPOSITORY: &str = "r.example/shop/app";

pub struct Desk {
    pub snap: Snapshot,
    pub now: Time,
    /// Every effect that was carried out.
    pub done: Vec<Action>,
    /// What was told of releases that wait.
    pub waits: Vec<String>,
    /// Decisions cannot be created while this is set.
    pub bans_refused: bool,
    /// Image writes get no answer while this is set.
    pub writes_lost: bool,
    /// The Environments' own passes do not run while this is set.
    pub is_deaf: bool,
    version: u64,
}

/// A made-up digest that differs by its seed.
pub fn image(seed: &str) -> String {
    format!("{REPOSITORY}@sha256:{}", crate::api::build::hex(seed, 64))
}

impl Desk {
    /// Two stages without suites, bakes of a minute; `change` edits the pipeline's spec before it is seen.
    pub fn new(change: impl FnOnce(&mut Value)) -> Self {
        let mut spec = json!({
            "images": [{"name": "app", "repository": REPOSITORY}],
            "workloads": [{"kind": "Deployment", "name": "checkout", "containers": [{"name": "app", "imageName": "app"}]}],
            "stages": [
                {"environment": "staging", "bake": "1m", "progressDeadline": "10m"},
                {"environment": "production", "bake": "1m", "progressDeadline": "10m"},
            ],
        });
        change(&mut spec);
        let pipeline: DeliveryPipeline = object("DeliveryPipeline", "checkout", "p-uid", json!({"spec": spec}));
        let mut places = BTreeMap::new();
        for name in pipeline.spec.stages.iter().map(|stage| stage.environment.as_str()) {
            let environment: Environment = object(
                "Environment",
                name,
                &format!("{name}-uid"),
                json!({"spec": {"targetNamespace": format!("shop-{name}")}}),
            );
            let workloads = pipeline.spec.workloads.iter().map(|w| (w.key(), Arc::new(workload(name, w)))).collect();
            let access = Access::Granted { namespace: format!("shop-{name}") };
            let environment = Some(Arc::new(environment));
            places.insert(name.to_owned(), Place { environment, access, workloads, ..Place::default() });
        }
        let snap = Snapshot {
            pipeline: Arc::new(pipeline),
            releases: vec![],
            test_runs: vec![],
            decisions: vec![],
            unreadable: Unreadable::default(),
            no_release: None,
            origins: BTreeMap::new(),
            admission: Admission::InForce { since: Time::default() },
            is_guarded: false,
            identities: Arc::default(),
            providers: Arc::new(["main", "prometheus"].map(str::to_owned).into()),
            places,
            settings: Settings::default(),
            term: Arc::default(),
            touched: BTreeMap::new(),
            doubts: BTreeSet::new(),
        };
        Self {
            snap,
            now: START,
            done: vec![],
            waits: vec![],
            bans_refused: false,
            writes_lost: false,
            is_deaf: false,
            version: 100,
        }
    }

    /// One that has adopted revision 0 in both stages.
    pub fn adopted(change: impl FnOnce(&mut Value)) -> Self {
        let mut desk = Self::new(change);
        desk.run();
        desk.pass(2);
        desk
    }

    pub fn release(&mut self, version: &str, minute: i64) -> &mut Self {
        self.release_of(version, minute, &image(version))
    }

    pub fn release_of(&mut self, version: &str, minute: i64, image: &str) -> &mut Self {
        let created = START.plus(Span::seconds(60 * minute - 36_000));
        let spec = json!({"pipeline": "checkout", "build": {"version": version, "createdAt": created.to_string(), "images": [{"name": "app", "ref": image}]}});
        let name = format!("checkout-{version}");
        let mut release: Release = object("Release", &name, &format!("{name}-uid"), json!({"spec": spec}));
        release.metadata.creation_timestamp = Some(self.now.into());
        self.snap.releases.retain(|r| r.metadata.name.as_deref() != Some(&name));
        self.snap.releases.push(Arc::new(release));
        self
    }

    /// A person decides; gives the Decision's name.
    pub fn decide(&mut self, r#type: &str, fields: Value) -> String {
        self.version += 1;
        let name = format!("{}-{}", r#type.to_lowercase(), self.version);
        let mut spec = json!({"type": r#type, "pipeline": "checkout", "user": "joe"});
        if let (Some(spec), Some(fields)) = (spec.as_object_mut(), fields.as_object()) {
            spec.extend(fields.clone());
        }
        let mut decision: Decision = object("Decision", &name, &format!("{name}-uid"), json!({"spec": spec}));
        decision.metadata.creation_timestamp = Some(self.now.into());
        decision.metadata.resource_version = Some(self.version.to_string());
        self.snap.decisions.push(Arc::new(decision));
        name
    }

    /// Seconds go by.
    pub fn pass(&mut self, seconds: i64) -> &mut Self {
        self.now = self.now.plus(Span::seconds(seconds));
        self
    }

    /// One step: of the checkpoint, or its effects. False if there is nothing to do.
    pub fn step(&mut self) -> bool {
        match plan(&self.snap, self.now).step {
            Step::Checkpoint { status, .. } => {
                bounds::keep("DeliveryPipeline", &status);
                self.version += 1;
                let pipeline = Arc::make_mut(&mut self.snap.pipeline);
                pipeline.status = Some(*status);
                pipeline.metadata.resource_version = Some(self.version.to_string());
                true
            }
            Step::TakeOver(actions) | Step::Effects(actions) => {
                let before = self.done.len();
                self.waits.extend(waits(&self.snap, &actions, |_| true).into_iter().map(|note| note.message));
                actions.into_iter().for_each(|action| self.carry_out(action));
                self.done.len() > before || !self.is_deaf && self.environments()
            }
        }
    }

    /// The Environments' own passes, as far as pipelines depend on them. False if they change nothing.
    fn environments(&mut self) -> bool {
        let mut is_changed = false;
        for place in self.snap.places.values_mut() {
            let Some(environment) = place.environment.clone() else { continue };
            let pipelines = vec![Arc::clone(&self.snap.pipeline)];
            let freezes = place.freezes.clone();
            let decisions = Vec::new();
            let view = EnvironmentView { environment, access: place.access.clone(), pipelines, freezes, decisions };
            let (actions, _, _) = crate::plan::environment(&view, self.snap.settings, self.now);
            let Some(Action::EnvironmentStatus { status, .. }) = actions.into_iter().next() else { continue };
            bounds::keep("Environment", &status);
            let environment = place.environment.as_mut().map(Arc::make_mut).expect("an Environment");
            let told = |s: &EnvironmentStatus| (s.reverts.clone(), s.brake.clone(), s.freeze.clone(), s.grants.clone());
            is_changed |= environment.status.as_ref().map(told).unwrap_or_default() != told(&status);
            environment.status = Some(*status);
        }
        is_changed
    }

    /// Steps until nothing is left to do. Fails where there is no end.
    pub fn run(&mut self) -> &mut Self {
        for _ in 0..80 {
            if !self.step() {
                return self;
            }
        }
        panic!("no end: {:?}", plan(&self.snap, self.now));
    }

    /// Steps until the release's image stands in the first workload of an environment.
    pub fn until_written(&mut self, environment: &str, version: &str) -> &mut Self {
        let first = self.snap.pipeline.spec.workloads[0].name.clone();
        self.until(|desk| desk.image(environment, &first) == image(version))
    }

    /// Steps until it is so.
    pub fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> &mut Self {
        for _ in 0..40 {
            if is_so(self) {
                return self;
            }
            self.step();
        }
        panic!("it never comes: {:?}", plan(&self.snap, self.now));
    }

    /// The workload's containers fail for good, or for as long as nobody rolls it.
    pub fn crash(&mut self, environment: &str, name: &str) -> &mut Self {
        self.trouble(environment, name, TroubleKind::CrashLoop)
    }

    /// The only pod of the workload is new and in trouble.
    pub fn trouble(&mut self, environment: &str, name: &str, kind: TroubleKind) -> &mut Self {
        let trouble = Trouble { kind, since: self.now, message: "container app: back-off".into() };
        let (created, restarts) = (self.now, if kind == TroubleKind::CrashLoop { 2 } else { 0 });
        self.change(environment, name, |w| {
            (w.available, w.ready) = (0, 0);
            let trouble = Some(trouble);
            w.pods = vec![Pod {
                name: "pod-1".into(),
                created,
                ready: false,
                going: false,
                restarts,
                trouble,
                address: None,
            }];
        })
    }

    /// All its pods serve.
    pub fn heal(&mut self, environment: &str, name: &str) -> &mut Self {
        self.change(environment, name, |w| {
            (w.available, w.ready) = (w.wanted, w.wanted);
            w.pods.clear();
        })
    }

    /// Another workload comes, in the spec and in both environments, with an image of its own.
    pub fn grow(&mut self, name: &str) -> &mut Self {
        self.grow_of(WorkloadKind::Deployment, name)
    }

    /// The same, of that kind.
    pub fn grow_of(&mut self, kind: WorkloadKind, name: &str) -> &mut Self {
        let pipeline = Arc::make_mut(&mut self.snap.pipeline);
        let another = WorkloadRef { kind, name: name.to_owned(), ..pipeline.spec.workloads[0].clone() };
        for (environment, place) in &mut self.snap.places {
            place.workloads.insert(another.key(), Arc::new(workload(environment, &another)));
        }
        pipeline.spec.workloads.push(another);
        self
    }

    /// Runs through a bake and what follows it, several times.
    pub fn finish(&mut self) -> &mut Self {
        for _ in 0..4 {
            self.run().pass(61);
        }
        self.run()
    }

    fn carry_out(&mut self, action: Action) {
        self.version += 1;
        let version = Some(self.version.to_string());
        match &action {
            Action::SetImages(write) if self.writes_lost || self.is_refused(write) => return,
            Action::SetImages(write) => self.set_images(write),
            Action::CreateBan { .. } if self.bans_refused => return,
            Action::CreateBan { name, spec } => {
                let ban: Decision = object("Decision", name, &format!("{name}-uid"), json!({"spec": spec}));
                self.snap.decisions.push(Arc::new(ban));
            }
            Action::CreateRelease { name, spec } => {
                let release: Release = object("Release", name, &format!("{name}-uid"), json!({"spec": spec}));
                self.snap.releases.push(Arc::new(release));
            }
            Action::CreateTestRun { name, spec, .. } => {
                let run: TestRun = object("TestRun", name, &format!("{name}-uid"), json!({"spec": spec}));
                self.snap.test_runs.push(Arc::new(run));
            }
            Action::ReleaseStatus { target, status } => {
                bounds::keep("Release", status);
                for release in self.snap.releases.iter_mut().filter(|r| r.metadata.uid.as_deref() == Some(&target.uid))
                {
                    let release = Arc::make_mut(release);
                    release.status = Some((**status).clone());
                    release.metadata.resource_version.clone_from(&version);
                }
            }
            Action::DecisionStatus { target, status } => {
                bounds::keep("Decision", status);
                for decision in
                    self.snap.decisions.iter_mut().filter(|d| d.metadata.uid.as_deref() == Some(&target.uid))
                {
                    Arc::make_mut(decision).status = Some(status.clone());
                }
            }
            Action::TestRunStatus { target, status } => {
                bounds::keep("TestRun", status);
                for run in self.snap.test_runs.iter_mut().filter(|r| r.metadata.uid.as_deref() == Some(&target.uid)) {
                    Arc::make_mut(run).status = Some((**status).clone());
                }
            }
            Action::Finalizer { target, present } => self.finalize(target, *present),
            Action::Delete { target } => {
                self.snap.decisions.retain(|d| d.metadata.uid.as_deref() != Some(&target.uid));
                self.snap.test_runs.retain(|r| r.metadata.uid.as_deref() != Some(&target.uid));
            }
            Action::CreateJob(job) => drop(self.job(&job.namespace).insert(job.name.clone(), Arc::new(suspended(job)))),
            Action::StartJob { namespace, name, .. } => {
                let job = self.job(namespace).get_mut(name).expect("a Job");
                Arc::make_mut(job).suspended = false;
            }
            Action::RemoveJob { namespace, name, .. } => {
                // it stays in sight until its pods have gone
                let jobs = self.job(namespace);
                let job = jobs.get_mut(name).map(Arc::make_mut).expect("a Job");
                (job.kept, job.deleting) = (false, true);
                if job.complete || job.failed.is_some() || job.pods.iter().all(|pod| pod.stuck.is_some()) {
                    jobs.remove(name);
                }
            }
            Action::CreateClone(_) | Action::ScaleClone(_) | Action::RemoveClone { .. } => {
                if self.writes_lost {
                    return;
                }
                clones::carry_out(&mut self.snap, self.version, &action);
            }
            Action::PutService(_) | Action::PutRoute(_) | Action::RemoveRouting { .. } => {
                routing::carry_out(&mut self.snap, self.version, self.now, &action);
            }
            Action::LockScaleDown { .. } | Action::UnlockScaleDown { .. } => {
                locks::carry_out(&mut self.snap, self.version, &action);
            }
            Action::Touch { of: Untouched { uid, .. }, .. } | Action::TouchOwn { target: Target { uid, .. }, .. } => {
                self.snap.touched.insert(uid.clone(), 0);
            }
            Action::DeletePod { .. } | Action::EnvironmentStatus { .. } => {}
        }
        self.done.push(action);
    }

    /// What is seen of an environment.
    pub fn place(&mut self, environment: &str) -> &mut Place {
        self.snap.places.get_mut(environment).expect("an environment")
    }

    /// The Jobs of a target namespace.
    pub fn job(&mut self, namespace: &str) -> &mut BTreeMap<String, Arc<Job>> {
        &mut self.place(namespace.trim_start_matches("shop-")).jobs
    }

    fn is_refused(&self, write: &SetImages) -> bool {
        let is_there = |p: &&Place| matches!(&p.access, Access::Granted { namespace } if *namespace == write.namespace);
        self.snap.places.values().find(is_there).is_some_and(|p| p.refusal.is_some())
    }

    fn finalize(&mut self, target: &Target, present: bool) {
        let list = present.then(|| vec![crate::api::labels::ROLLOUT_FINALIZER.to_owned()]);
        match target.kind {
            Kind::Pipeline => Arc::make_mut(&mut self.snap.pipeline).metadata.finalizers = list,
            Kind::Release => {
                for release in self.snap.releases.iter_mut().filter(|r| r.metadata.uid.as_deref() == Some(&target.uid))
                {
                    Arc::make_mut(release).metadata.finalizers.clone_from(&list);
                }
                let is_going =
                    |r: &Arc<Release>| r.metadata.deletion_timestamp.is_some() && r.metadata.finalizers.is_none();
                self.snap.releases.retain(|r| !is_going(r));
            }
            Kind::Environment => {
                for environment in self.snap.places.values_mut().filter_map(|p| p.environment.as_mut()) {
                    if environment.metadata.uid.as_deref() == Some(&target.uid) {
                        Arc::make_mut(environment).metadata.finalizers.clone_from(&list);
                    }
                }
            }
            Kind::TestRun | Kind::Decision => panic!("no finalizer on {target:?}"),
        }
    }

    fn set_images(&mut self, write: &SetImages) {
        let environment = write.namespace.trim_start_matches("shop-").to_owned();
        self.edit(&environment, &write.name, |w| {
            assert_eq!(w.uid, write.uid, "every write carries the UID that was seen");
            for (container, image) in &write.images {
                assert!(
                    w.images.insert(container.clone(), image.clone()).is_some(),
                    "never a container that is not there"
                );
            }
            w.attempt = Some(write.attempt.clone());
            w.reasserted = write.reasserted.or(w.reasserted);
            w.claim = Claim::Ours;
            sign(w, crate::api::labels::MANAGER);
        });
    }

    /// Changes a workload as someone else might; its controller has caught up at once.
    pub fn change(&mut self, environment: &str, name: &str, change: impl FnOnce(&mut Workload)) -> &mut Self {
        self.edit(environment, name, |workload| {
            let before = (workload.images.clone(), workload.image_writers.clone());
            change(workload);
            if workload.images != before.0 && workload.image_writers == before.1 {
                sign(workload, "kubectl-set");
            }
        })
    }

    fn edit(&mut self, environment: &str, name: &str, change: impl FnOnce(&mut Workload)) -> &mut Self {
        self.version += 1;
        let (version, place) = (self.version, self.place(environment));
        let workload = Arc::make_mut(place.workloads.values_mut().find(|w| w.name == name).expect("a workload"));
        workload.generation += 1;
        workload.observed_generation += 1;
        workload.resource_version = version.to_string();
        change(workload);
        self
    }

    /// The Environment's owner changes its rules.
    pub fn rules(&mut self, environment: &str, change: impl FnOnce(&mut EnvironmentSpec)) -> &mut Self {
        let environment = self.place(environment).environment.as_mut().expect("an Environment");
        change(&mut Arc::make_mut(environment).spec);
        self
    }

    pub fn stage(&self, environment: &str) -> &StageStatus {
        let status = self.snap.pipeline.status.as_ref().expect("a status");
        status.stages.iter().find(|s| s.environment == environment).expect("a stage")
    }

    pub fn image(&self, environment: &str, name: &str) -> String {
        let found = self.snap.places[environment].workloads.values().find(|w| w.name == name);
        found.expect("a workload").images["app"].clone()
    }

    /// Phase of a release in an environment, and why.
    pub fn phase(&self, version: &str, environment: &str) -> String {
        let status = self.known(version).status.as_ref().expect("a status");
        let stage = status.stages.iter().find(|s| s.environment == environment).expect("a stage");
        if stage.reason.is_empty() {
            format!("{:?}", stage.phase)
        } else {
            format!("{:?} {}", stage.phase, stage.reason)
        }
    }

    /// Whether that version runs in staging.
    pub fn is_staged(&self, version: &str) -> bool {
        self.image("staging", "checkout") == image(version)
    }

    /// Whether that version runs in production.
    pub fn is_in(&self, version: &str) -> bool {
        self.image("production", "checkout") == image(version)
    }

    /// What production's Environment says after its own pass, and when that looks again.
    pub fn told_by_owner(&self) -> (EnvironmentStatus, Option<Time>) {
        let place = &self.snap.places["production"];
        let environment = place.environment.clone().expect("an Environment");
        let (access, freezes) = (place.access.clone(), place.freezes.clone());
        let pipelines = vec![Arc::clone(&self.snap.pipeline)];
        let view = EnvironmentView { environment, access, pipelines, freezes, decisions: Vec::new() };
        let (actions, wake, _) = crate::plan::environment(&view, self.snap.settings, self.now);
        let written = actions.into_iter().find_map(|action| match action {
            Action::EnvironmentStatus { status, .. } => Some(*status),
            _ => None,
        });
        (written.or_else(|| view.environment.status.clone()).expect("a status"), wake)
    }

    /// How a gate stands for a release there.
    pub fn gate(&self, version: &str, environment: &str, gate: &str) -> GateStatus {
        let stages = &self.known(version).status.as_ref().expect("a status").stages;
        let stage = stages.iter().find(|stage| stage.environment == environment).expect("a stage");
        stage.gates.iter().find(|known| known.gate == gate).expect("the gate").clone()
    }

    pub fn waiting_for(&self, version: &str) -> String {
        self.known(version).status.as_ref().and_then(|s| s.waiting_for.clone()).unwrap_or_default()
    }

    pub fn condition(&self, version: &str, r#type: &str) -> String {
        let status = self.known(version).status.as_ref().expect("a status");
        find(&status.conditions, r#type).map(|c| format!("{} {}", c.status, c.reason)).unwrap_or_default()
    }

    /// A condition of the pipeline: status and reason.
    pub fn pipeline_condition(&self, r#type: &str) -> String {
        let status = self.snap.pipeline.status.as_ref().expect("a status");
        find(&status.conditions, r#type).map(|c| format!("{} {}", c.status, c.reason)).unwrap_or_default()
    }

    pub fn known(&self, version: &str) -> &Release {
        let name = format!("checkout-{version}");
        self.snap.releases.iter().find(|r| r.metadata.name.as_deref() == Some(&name)).expect("a release")
    }

    /// Phase of a Decision, and what it says.
    pub fn answer(&self, name: &str) -> String {
        let decision =
            self.snap.decisions.iter().find(|d| d.metadata.name.as_deref() == Some(name)).expect("a decision");
        decision
            .status
            .as_ref()
            .map(|s| format!("{:?}: {}", s.phase.unwrap_or_default(), s.reason.as_deref().unwrap_or("")))
            .unwrap_or_default()
    }

    /// Outcomes and causes of a stage's history, oldest first.
    pub fn history(&self, environment: &str) -> Vec<String> {
        let line = |e: &crate::api::HistoryEntry| match e.cause {
            Some(cause) => format!("{} {:?} {cause:?}", e.release, e.outcome),
            None => format!("{} {:?}", e.release, e.outcome),
        };
        self.stage(environment).history.iter().map(line).collect()
    }

    pub fn bans(&self) -> usize {
        self.snap.decisions.iter().filter(|d| d.spec.r#type == crate::api::DecisionType::Ban).count()
    }

    /// How many image writes were carried out.
    pub fn writes(&self) -> usize {
        self.done.iter().filter(|a| matches!(a, Action::SetImages(_))).count()
    }

    /// What is to be measured of that subject, if anything is.
    pub fn wanted(&self, environment: &str, subject: &str) -> Option<Measure> {
        let is_it = |m: &Measure| m.environment == environment && m.subject == subject;
        measures(&self.snap, self.now).into_iter().find(is_it)
    }

    /// A measurement of a subject says so, at this moment.
    pub fn measure(&mut self, environment: &str, subject: &str, reading: Reading) -> &mut Self {
        let measure = self.wanted(environment, subject).expect("something to measure");
        let at = self.now;
        let measured = Arc::make_mut(self.place(environment).measured.entry(subject.to_owned()).or_default());
        if (&measured.attempt, &measured.revision) != (&measure.attempt, &measure.revision) {
            *measured = Measured { attempt: measure.attempt, revision: measure.revision, samples: vec![] };
        }
        measured.samples.push(Sample { at, reading });
        self
    }

    /// CI says so in the newest TestRun of that suite.
    pub fn says(&mut self, suite: &str, status: Value) -> &mut Self {
        let run = self.snap.test_runs.iter_mut().rev().find(|run| run.spec.suite == suite).expect("a TestRun");
        Arc::make_mut(run).status = Some(serde_json::from_value(status).expect("a status"));
        self.run()
    }

    /// CI, or someone, says so in the TestRun of a suite.
    pub fn report(&mut self, suite: &str, phase: &str) -> &mut Self {
        for run in self.snap.test_runs.iter_mut().filter(|r| r.spec.suite == suite) {
            let run = Arc::make_mut(run);
            if !matches!(
                run.status.as_ref().and_then(|s| s.phase),
                Some(crate::api::RunPhase::Failed | crate::api::RunPhase::Aborted)
            ) {
                run.status = serde_json::from_value(json!({"phase": phase})).expect("a status");
            }
        }
        self
    }
}

/// A Job as the server makes it.
fn suspended(asked: &CreateJob) -> Job {
    Job {
        name: asked.name.clone(),
        namespace: asked.namespace.clone(),
        uid: format!("{}-uid", asked.name),
        resource_version: "1".into(),
        created: START,
        deleting: false,
        suspended: true,
        kept: true,
        complete: false,
        failed: None,
        ended: None,
        pods: vec![],
    }
}

/// All images were written by that field manager.
fn sign(workload: &mut Workload, manager: &str) {
    let writer = ImageWriter { manager: manager.to_owned(), at: None, is_tool: false };
    workload.image_writers = workload.images.keys().map(|name| (name.clone(), writer.clone())).collect();
}

fn workload(environment: &str, named: &WorkloadRef) -> Workload {
    let name = &named.name;
    Workload {
        kind: named.kind,
        namespace: format!("shop-{environment}"),
        name: name.clone(),
        uid: format!("{environment}-{name}-uid"),
        resource_version: "1".into(),
        generation: 1,
        observed_generation: 1,
        deleting: false,
        rolls: Rolls::Freely,
        obstacle: None,
        track: None,
        pod_track: None,
        images: [("app".to_owned(), "elsewhere.example/old:1".to_owned())].into(),
        fingerprint: "f0".into(),
        attempt: None,
        reasserted: None,
        claim: Claim::None,
        image_writers: BTreeMap::new(),
        wanted: 2,
        replicas: 2,
        updated: 2,
        ready: 2,
        available: 2,
        refused: None,
        pods: vec![],
        old_pods: vec![],
        jobs: vec![],
        reach: Reach { labels: [("app".to_owned(), name.clone())].into(), hash: "h0".into(), ..Reach::default() },
    }
}

fn object<K: serde::de::DeserializeOwned>(kind: &str, name: &str, uid: &str, rest: Value) -> K {
    let mut all = json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "1", "generation": 1},
    });
    if let (Some(all), Some(rest)) = (all.as_object_mut(), rest.as_object()) {
        all.extend(rest.clone());
    }
    serde_json::from_value(all).expect("an object")
}
