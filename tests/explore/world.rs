//! The world that the explorer drives the plan through: what the API server holds for one pipeline, what the operator
//! has under way, what may still happen, and the ghost history that the properties are judged by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use kube::api::ObjectMeta;
use windlass::api::approvals::ApprovalPolicy;
use windlass::api::conditions::is_true;
use windlass::api::decision::Skippable;
use windlass::api::pipeline::{DeliveryPipelineSpec, WorkloadKind};
use windlass::api::release::{Build, ImageRef, Source};
use windlass::api::{
    BuildHash, DataSchema, Decision, DeliveryPipeline, Environment, EnvironmentSpec, PipelineStatus, Policy, Release,
    ReleaseSpec, Span, TestRun, Time,
};
use windlass::observe::{
    Access, Admission, Claim, CronJob, ImageWriter, Place, Pod, Reach, Rolls, Settings, Snapshot, Unreadable, Workload,
};
use windlass::plan::Action;

use crate::budget::Budget;
use crate::ghost::Ghost;

/// Where the clock starts: 2026-11-21T09:30:00Z.
pub const START: Time = Time::from_millis(1_795_253_400_000);
/// The environments, in the pipeline's order.
pub const STAGES: [&str; 2] = ["staging", "production"];

/// An image as the ghost history knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image(pub u8);

impl Image {
    /// What git says, before any release.
    pub const GIT: Self = Self(0);
    /// What a person sets by hand.
    pub const HAND: Self = Self(9);
    /// What a GitOps tool puts back.
    pub const TOOL: Self = Self(8);

    /// A release's image by tag only.
    pub const TAG: Self = Self(5);
    /// A release's image from a repository that is not the pipeline's.
    pub const STRANGE: Self = Self(6);

    /// The reference as it stands in a template; 1 and more are builds.
    pub fn text(self) -> String {
        TEXTS[usize::from(self.0)].clone()
    }

    fn spelled(self) -> String {
        match self {
            Self::GIT => "registry.example/shop/app:git".into(),
            Self::TOOL => "registry.example/shop/app:tool".into(),
            Self::HAND => "registry.example/shop/app:hand".into(),
            Self::TAG => "registry.example/shop/app:v5".into(),
            Self::STRANGE => format!("registry.example/other/app@{}", digest(6)),
            Self(build) => format!("registry.example/shop/app@{}", digest(build)),
        }
    }

    pub fn of(text: &str) -> Self {
        TEXTS.iter().position(|image| image == text).map_or(Self(99), |at| Self(at as u8))
    }
}

/// Of all images, by their numbers.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| (0..=9).map(|n| Image(n).spelled()).collect());

fn digest(build: u8) -> String {
    format!("sha256:{}", build.to_string().repeat(64))
}

/// All there is.
#[derive(Clone, Debug)]
pub struct World {
    pub now: Time,
    /// Resource versions and UIDs that were given out.
    pub version: u64,
    /// How many pods a workload has that is created.
    pub pods: i32,
    pub pipeline: Option<Arc<DeliveryPipeline>>,
    pub releases: Vec<Arc<Release>>,
    pub runs: Vec<Arc<TestRun>>,
    pub decisions: Vec<Arc<Decision>>,
    pub places: [Arc<Place>; 2],
    pub operator: Operator,
    pub budget: Budget,
    pub ghost: Arc<Ghost>,
}

/// What is on its way between the operator and the server.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// A write of an old leader that has not arrived.
    pub late: Option<Arc<Write>>,
    /// The checkpoint was lost while a write was on its way: nothing tells any more what that may be about.
    pub is_lost: bool,
    /// How many leaders there were before the present one.
    pub term: u8,
    /// What the present one has touched, by UID: the version since then.
    pub touched: BTreeMap<String, u64>,
    /// Objects to which a write of the present one may arrive that it has given up.
    pub doubts: BTreeSet<String>,
    /// One cache that has fallen behind others' writes.
    pub lag: Option<Frozen>,
    /// Since when the admission policies are in force; none while they are not.
    pub guarded: Option<Time>,
    /// Bans are refused at present.
    pub no_bans: bool,
    /// The write that is being carried out was planned by an old leader.
    pub is_late: bool,
    /// Since when nothing keeps the cluster from doing its work: a fair run that does not let time pass first.
    pub calm_since: Option<Time>,
}

/// One write.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "few are alive at a time")]
pub enum Write {
    Checkpoint { version: String, status: Box<PipelineStatus> },
    Effect(Action),
}

/// A cache as it was.
#[derive(Clone, Debug)]
pub enum Frozen {
    Pipeline(Arc<DeliveryPipeline>),
    Releases(Vec<Arc<Release>>),
    Runs(Vec<Arc<TestRun>>),
    Decisions(Vec<Arc<Decision>>),
    Workloads([Arc<Place>; 2]),
}

impl World {
    pub fn new(spec: DeliveryPipelineSpec, builds: &[u8], budget: Budget) -> Self {
        let mut world = Self {
            now: START,
            version: 1,
            pods: if spec.stages.iter().any(|s| s.strategy.clones()) { 2 } else { 1 },
            pipeline: None,
            releases: Vec::new(),
            runs: Vec::new(),
            decisions: Vec::new(),
            places: [Arc::default(), Arc::default()],
            operator: Operator { guarded: Some(Time::default()), ..Operator::default() },
            budget,
            ghost: Arc::default(),
        };
        let mut pipeline = DeliveryPipeline::new("shop", spec.clone());
        pipeline.metadata = world.meta("shop", "pipeline");
        world.pipeline = Some(Arc::new(pipeline));
        for (index, name) in STAGES.iter().enumerate() {
            world.places[index] = Arc::new(world.place(name, &spec));
        }
        for (at, build) in builds.iter().enumerate() {
            world.add_release(at as u8 + 1, *build);
        }
        world
    }

    fn place(&mut self, stage: &str, spec: &DeliveryPipelineSpec) -> Place {
        let namespace = format!("shop-{stage}");
        let max_concurrent_rollouts = (self.budget.limited && stage == STAGES[1]).then_some(1);
        let is_required = self.budget.required && stage == STAGES[1];
        let required_suites = if is_required { vec!["scan".to_owned()] } else { Vec::new() };
        let checks_required = self.budget.unchecked && stage == STAGES[1];
        let asked = spec.stage(stage).filter(|_| self.budget.floor).and_then(|stage| stage.promotion.as_ref());
        let approvals = asked.and_then(|promotion| promotion.approvals.as_ref());
        let approvals = approvals.map(|a| ApprovalPolicy { required: a.required, ..ApprovalPolicy::default() });
        let min_soak = asked.and_then(|promotion| promotion.soak);
        let rules = Policy { max_concurrent_rollouts, required_suites, checks_required, ..Policy::default() };
        let policy = Some(Policy { approvals, min_soak, ..rules });
        let spec_of =
            EnvironmentSpec { target_namespace: namespace.clone(), policy, windows: Vec::new(), freeze: None };
        let mut environment = Environment::new(stage, spec_of);
        environment.metadata = self.meta(stage, &format!("environment-{stage}"));
        let workloads = spec.workloads.iter().map(|w| {
            let mut workload = self.workload(stage, &w.name, 0);
            workload.observed_generation = 1;
            settle(&mut workload);
            (w.key(), Arc::new(workload))
        });
        let workloads: BTreeMap<_, _> = workloads.collect();
        let routing = spec.traffic.as_ref().map(|_| crate::routes::begin(&namespace)).unwrap_or_default();
        let autoscalers = spec.stages.iter().find(|s| s.environment == stage);
        let autoscalers = autoscalers.map(|stage| crate::locks::begin(stage, &namespace)).unwrap_or_default();
        let cron = CronJob { name: "tests".into(), runnable: true, containers: vec!["app".into()] };
        Place {
            environment: Some(Arc::new(environment)),
            access: Access::Granted { namespace },
            workloads,
            clones: BTreeMap::new(),
            routing,
            autoscalers,
            cron_jobs: BTreeMap::from([("tests".to_owned(), Arc::new(cron))]),
            jobs: BTreeMap::new(),
            ..Place::default()
        }
    }

    /// A workload as git creates it.
    pub fn workload(&mut self, stage: &str, name: &str, times: u32) -> Workload {
        let writer = ImageWriter { manager: "kubectl".into(), at: None, is_tool: false };
        Workload {
            kind: WorkloadKind::Deployment,
            namespace: format!("shop-{stage}"),
            name: name.to_owned(),
            uid: format!("{stage}-{name}-{times}"),
            resource_version: self.next_version(),
            generation: 1,
            observed_generation: 0,
            deleting: false,
            rolls: Rolls::Freely,
            obstacle: None,
            track: None,
            pod_track: Some("stable".into()),
            images: BTreeMap::from([("app".to_owned(), Image::GIT.text())]),
            fingerprint: "template-0".into(),
            attempt: None,
            reasserted: None,
            claim: Claim::None,
            image_writers: BTreeMap::from([("app".to_owned(), writer)]),
            wanted: self.pods,
            replicas: 0,
            updated: 0,
            ready: 0,
            available: 0,
            refused: None,
            pods: Vec::new(),
            old_pods: Vec::new(),
            jobs: Vec::new(),
            reach: Reach::default(),
        }
    }

    /// Release `number` with that build; later numbers are later builds.
    pub fn add_release(&mut self, number: u8, build: u8) {
        let name = release_name(number);
        let spec = ReleaseSpec {
            pipeline: "shop".into(),
            build: Build {
                version: format!("{number}.0.0"),
                created_at: created_at(number),
                images: vec![ImageRef { name: "app".into(), r#ref: Image(build).text() }],
                source: Some(Source { author: Some("joe".into()), ..Source::default() }),
                schema: self.budget.schema.then(|| schema_of(number)),
            },
            last_stage: (self.budget.stops && number == 1).then(|| STAGES[0].to_owned()),
            paused: false,
            requested_by: Some("joe".into()),
        };
        let mut release = Release::new(&name, spec);
        let times = self.ghost.deleted_releases;
        release.metadata = self.meta(&name, &format!("{name}-{times}"));
        self.releases.push(Arc::new(release));
        self.releases.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    }

    pub fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Metadata of an object that is created now.
    pub fn meta(&mut self, name: &str, uid: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some("shop".into()),
            uid: Some(uid.to_owned()),
            resource_version: Some(self.next_version()),
            generation: Some(1),
            creation_timestamp: Some(self.now.into()),
            ..ObjectMeta::default()
        }
    }

    /// The pipeline as the operator sees it.
    pub fn seen_pipeline(&self) -> Option<&Arc<DeliveryPipeline>> {
        let pipeline = self.pipeline.as_ref()?;
        Some(if let Some(Frozen::Pipeline(old)) = &self.operator.lag { old } else { pipeline })
    }

    /// What the operator sees: all of it, but for a cache that has fallen behind.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let pipeline = self.seen_pipeline()?.clone();
        let (mut releases, mut runs, mut decisions, mut places) =
            (&self.releases, &self.runs, &self.decisions, &self.places);
        match &self.operator.lag {
            Some(Frozen::Releases(old)) => releases = old,
            Some(Frozen::Runs(old)) => runs = old,
            Some(Frozen::Decisions(old)) => decisions = old,
            Some(Frozen::Workloads(old)) => places = old,
            Some(Frozen::Pipeline(_)) | None => {}
        }
        let place = |at: usize| {
            let mut place = Place::clone(&places[at]);
            if place.environment.is_none() {
                place.routing = windlass::observe::Routing::default();
                place.autoscalers.clear();
            }
            (STAGES[at].to_owned(), place)
        };
        Some(Snapshot {
            pipeline,
            releases: releases.clone(),
            test_runs: runs.clone(),
            decisions: decisions.clone(),
            unreadable: Unreadable::default(),
            no_release: None,
            origins: BTreeMap::new(),
            term: crate::terms::text(self),
            touched: self.operator.touched.clone(),
            doubts: self.operator.doubts.clone(),
            is_guarded: false,
            admission: match self.operator.guarded {
                Some(since) => Admission::InForce { since },
                None => Admission::Open("a policy is missing".into()),
            },
            identities: Arc::new([("joe".into(), "joe".into())].into()),
            providers: Arc::new([String::from("prometheus")].into()),
            places: BTreeMap::from([place(0), place(1)]),
            settings: Settings { max_pause: Span::seconds(3600), ..Settings::default() },
        })
    }

    pub fn status(&self) -> Option<&PipelineStatus> {
        self.pipeline.as_ref()?.status.as_ref()
    }

    pub fn ghost(&mut self) -> &mut Ghost {
        Arc::make_mut(&mut self.ghost)
    }

    /// Changes a workload, giving it a new version.
    pub fn edit(&mut self, place: usize, key: &str, change: impl FnOnce(&mut Workload)) {
        let version = self.next_version();
        let place = Arc::make_mut(&mut self.places[place]);
        let found = match key.strip_prefix(crate::clones::PREFIX) {
            Some(of) => place.clones.get_mut(of),
            None => place.workloads.get_mut(key),
        };
        if let Some(workload) = found {
            let workload = Arc::make_mut(workload);
            change(workload);
            workload.resource_version = version;
        }
    }

    /// The image that a build of the stored checkpoint stands for.
    pub fn image_of(&self, build: &BuildHash) -> Image {
        image_in(self.status(), build)
    }

    /// One fingerprint over the templates of a stage.
    pub fn template(&self, stage: usize) -> String {
        self.places[stage].workloads.values().map(|w| w.fingerprint.as_str()).collect()
    }

    /// Whether releases begin there.
    pub fn is_first(&self, at: usize) -> bool {
        let stage = self.pipeline.as_ref().and_then(|pipeline| pipeline.spec.stage(STAGES[at]));
        at == 0 || stage.is_some_and(|stage| stage.after.as_ref().is_some_and(Vec::is_empty))
    }

    /// Whether the owner of that Environment, or of its namespace, has frozen it.
    pub fn is_frozen(&self, at: usize) -> bool {
        let place = &self.places[at];
        place.environment.as_ref().is_some_and(|e| e.spec.freeze.is_some()) || !place.freezes.is_empty()
    }

    /// What forbids that more is exposed there of what is under way: S28 from when the Environment says that it is frozen, S10
    /// from when it is, as far as the operator has seen that. A person may have let it pass.
    pub fn stops(&self, at: usize) -> Option<&'static str> {
        let open = self.status().and_then(|s| s.stage(STAGES[at])?.rollout.as_ref());
        let environment = self.places[at].environment.as_ref()?;
        if open.is_some_and(|r| r.overridden.contains(&Skippable::Freeze)) {
            return None;
        }
        let said = environment.status.as_ref().is_some_and(|status| is_true(&status.conditions, "Frozen"));
        // whoever asks the server just before writing sees the Environment, and not what stands on its namespace
        let by_its_owner = environment.spec.freeze.is_some() && !self.operator.is_late;
        let by_another = !self.places[at].freezes.is_empty() && !self.is_stale();
        said.then_some("S28").or((by_its_owner || by_another).then_some("S10"))
    }

    /// The same, and that nothing more is exposed of a release while it, or the whole pipeline, is paused. What was sent before that
    /// may arrive.
    pub fn holds_back(&self, at: usize, release: &str) -> Option<&'static str> {
        let is_paused = self.release(release).is_some_and(|r| r.spec.paused) || self.is_suspended();
        self.stops(at).or((is_paused && !self.operator.is_late).then_some("S10"))
    }

    /// The rules of that Environment's owner.
    pub fn policy(&self, at: usize) -> Option<&Policy> {
        self.places[at].environment.as_ref()?.spec.policy.as_ref()
    }

    /// Whether the owner of that Environment asks for what the pipeline never has: a suite upstream, or a check.
    pub fn bars(&self, at: usize) -> bool {
        let policy = self.policy(at);
        let stage = self.pipeline.as_ref().and_then(|p| p.spec.stage(STAGES[at]));
        let is_unchecked = stage.is_some_and(|stage| stage.checks.is_empty());
        at == 1 && policy.is_some_and(|p| !p.required_suites.is_empty() || p.checks_required && is_unchecked)
    }

    /// Whether that release is not to come there.
    pub fn is_beyond(&self, at: usize, release: &Release) -> bool {
        at == 1 && release.spec.last_stage.as_deref() == Some(STAGES[0])
    }

    /// Whether the operator may go by what is not so any more: a lagging cache, or a leader that is none.
    pub fn is_stale(&self) -> bool {
        self.operator.is_late || self.operator.lag.is_some()
    }

    pub fn is_suspended(&self) -> bool {
        self.pipeline.as_ref().is_some_and(|p| p.spec.suspend)
    }

    /// Names of a stage's suites.
    pub fn suites(&self, stage: usize) -> Vec<String> {
        let stages = self.pipeline.as_ref().map(|p| p.spec.stages.as_slice()).unwrap_or_default();
        stages.get(stage).map(|s| s.tests.iter().map(|t| t.suite.clone()).collect()).unwrap_or_default()
    }

    /// The stages that the pipeline names at present.
    pub fn stage_names(&self) -> Vec<&str> {
        let stages = self.pipeline.as_ref().map(|p| p.spec.stages.as_slice()).unwrap_or_default();
        stages.iter().map(|s| s.environment.as_str()).collect()
    }

    pub fn release(&self, name: &str) -> Option<&Arc<Release>> {
        self.releases.iter().find(|r| r.metadata.name.as_deref() == Some(name))
    }
}

/// The image that a build of a checkpoint stands for.
pub fn image_in(status: Option<&PipelineStatus>, build: &BuildHash) -> Image {
    let of_release = (1..=4).map(Image).find(|image| hash_of(*image) == *build);
    let found = || {
        let row = status?.builds.iter().find(|row| row.hash == *build)?;
        Some(Image::of(&row.found.first()?.image))
    };
    of_release.or_else(found).unwrap_or(Image(98))
}

/// The hash of a build's one image.
pub fn hash_of(image: Image) -> BuildHash {
    static TABLE: std::sync::OnceLock<Vec<BuildHash>> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| (0..=4).map(|b| BuildHash::of([("app", digest(b).as_str())])).collect());
    table.get(usize::from(image.0)).cloned().unwrap_or_default()
}

/// The image that a release brings.
pub fn build_of(release: &Release) -> Image {
    Image::of(release.spec.build.images.first().map_or("", |i| i.r#ref.as_str()))
}

pub fn release_name(number: u8) -> String {
    format!("shop-{number}.0.0")
}

/// When that release's build was made: a day before the start, in the order of numbers.
pub fn created_at(number: u8) -> Time {
    Time::from_millis(START.millis() - 86_400_000 + i64::from(number) * 1000)
}

/// A workload, or the clone of one.
pub fn found<'w>(world: &'w World, place: usize, key: &str) -> Option<&'w Workload> {
    let place = &world.places[place];
    match key.strip_prefix(crate::clones::PREFIX) {
        Some(of) => place.clones.get(of),
        None => place.workloads.get(key),
    }
    .map(AsRef::as_ref)
}

/// What runs in a workload.
pub fn image(workload: &Workload) -> Image {
    workload.images.get("app").map_or(Image(97), |text| Image::of(text))
}

/// All pods are of the template and ready: the truth, whatever the counts say.
pub fn serves(workload: &Workload) -> bool {
    !workload.deleting
        && workload.observed_generation == workload.generation
        && workload.available >= workload.wanted
        && (!workload.pods.is_empty() || workload.wanted == 0)
        && workload.pods.iter().all(|p| p.ready)
}

/// The workload's controller has come to its end, and well.
pub fn settle(workload: &mut Workload) {
    let pods = workload.wanted;
    (workload.replicas, workload.updated, workload.ready, workload.available) = (pods, pods, pods, pods);
    workload.refused = None;
    let created = workload.pods.first().map_or(START, |p| p.created);
    workload.pods =
        vec![Pod { name: "pod".into(), created, ready: true, going: false, restarts: 0, trouble: None, address: None }];
}

/// What that release leaves; the first leaves all as it was.
pub fn schema_of(number: u8) -> DataSchema {
    let version = u32::from(number);
    DataSchema { version, min_readable: if number > 1 { version } else { 0 } }
}
