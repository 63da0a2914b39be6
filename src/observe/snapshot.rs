//! Everything that one pipeline's decision may look at, gathered once and immutable. Plain data: no client, no clock.

mod autoscaler;
mod job;
mod measured;
mod routing;
mod term;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{Decision, DeliveryPipeline, Environment, Origin, Preflight, Release, Span, TestRun, Time};

pub use autoscaler::{Autoscaler, LeftLock};
pub use job::{CronJob, Job, JobPod};
pub use measured::{Measured, Reach, Reading, Sample, Service, TargetPort};
pub use routing::{Loose, Route, RoutedService, Routing};
pub use term::{Touchable, Untouched};
pub use workload::{Claim, ImageWriter, OldPod, Pod, Rolls, Trouble, TroubleKind, Workload};

/// The world as one pipeline sees it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub pipeline: Arc<DeliveryPipeline>,
    /// All Releases of the pipeline's namespace that name it.
    pub releases: Vec<Arc<Release>>,
    /// All TestRuns of the namespace that name it.
    pub test_runs: Vec<Arc<TestRun>>,
    /// All Decisions of the namespace that name it.
    pub decisions: Vec<Arc<Decision>>,
    pub unreadable: Unreadable,
    /// Why the Release that the head asks for cannot be made, if the last try was refused.
    pub no_release: Option<String>,
    /// Where a new head or Release comes from that a GitOps tool brought, by the UID of the object.
    pub origins: BTreeMap<String, Origin>,
    /// By environment: each stage of the spec, and each of the status that is not in the spec any more.
    pub places: BTreeMap<String, Place>,
    pub settings: Settings,
    /// Term of the leader that decides.
    pub term: Arc<str>,
    /// What it has touched while the checkpoint is of an earlier term, by UID: the version since then; 0 where that cannot be done.
    pub touched: BTreeMap<String, u64>,
    /// UIDs of objects to which a write of ours that got no answer may arrive yet.
    pub doubts: BTreeSet<String>,
    /// Whether what people are said to have done can be relied on.
    pub admission: Admission,
    /// Whether the field guard of the chart is in force, as well as can be told.
    pub is_guarded: bool,
    /// Names of the providers of metrics that the operator knows.
    pub providers: Arc<BTreeSet<String>>,
    /// Users by the names under which authors of builds are known.
    pub identities: Arc<BTreeMap<String, String>>,
}

/// Whether the admission policies of the chart are in force. Without them anybody may write any name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// All of them, since then.
    InForce { since: Time },
    /// Which is not.
    Open(String),
    /// Why that cannot be told at present.
    Unseen(String),
}

/// Names of objects in the pipeline's namespace that are there and cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Unreadable {
    pub releases: Vec<String>,
    pub decisions: Vec<String>,
}

/// Operator settings that decisions depend on.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a missing reference is waited for before it is reported as stalled.
    pub reference_grace: Span,
    /// How long an image may fail to be pulled, or a container to be configured, before the rollout fails.
    pub pull_grace: Span,
    /// How long a workload may be refused pods (quota, admission) before the rollout fails.
    pub replica_failure_grace: Span,
    /// How long a pod may find no node before the rollout fails.
    pub unschedulable_grace: Span,
    /// How long containers may be failing in the bake before health counts as lost.
    pub bake_grace: Span,
    /// A pause longer than this ends the rollout.
    pub max_pause: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reference_grace: Span::seconds(60),
            pull_grace: Span::seconds(60),
            replica_failure_grace: Span::seconds(30),
            unschedulable_grace: Span::seconds(180),
            bake_grace: Span::seconds(60),
            max_pause: Span::seconds(168 * 3600),
        }
    }
}

/// One environment as the pipeline sees it.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub environment: Option<Arc<Environment>>,
    pub access: Access,
    /// Who freezes it from outside of it.
    pub freezes: Vec<Freezing>,
    /// By key (`Deployment/checkout`): the workloads of the spec and of an open rollout that exist.
    pub workloads: BTreeMap<String, Arc<Workload>>,
    /// By the key of the workload: what stands under the name of its clone, ours or not.
    pub clones: BTreeMap<String, Arc<Workload>>,
    /// By name: the CronJobs that suites name, where they exist.
    pub cron_jobs: BTreeMap<String, Arc<CronJob>>,
    /// By name: the Jobs that Windlass made for this pipeline there.
    pub jobs: BTreeMap<String, Arc<Job>>,
    /// What stands between the router and the workload.
    pub routing: Routing,
    /// What matches the pods of workloads that get clones, or of the clones.
    pub preflight: Vec<Preflight>,
    /// Autoscalers of workloads that get clones, and those that the pipeline has locked.
    pub autoscalers: Vec<Autoscaler>,
    /// What the server said against our last write there, if it refused it.
    pub refusal: Option<String>,
    /// By name: the Services that checks name, where they exist.
    pub services: BTreeMap<String, Arc<Service>>,
    /// By subject (`check/errors`, `suite/smoke`): what was measured.
    pub measured: BTreeMap<String, Arc<Measured>>,
}

/// One Environment, and the pipelines that have it as a stage.
#[derive(Clone, Debug)]
pub struct EnvironmentView {
    pub environment: Arc<Environment>,
    pub access: Access,
    pub pipelines: Vec<Arc<DeliveryPipeline>>,
    /// Who freezes it from outside of it.
    pub freezes: Vec<Freezing>,
    /// Freeze and Unfreeze, as people decided them.
    pub decisions: Vec<Arc<Decision>>,
}

/// Who freezes an Environment, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freezing {
    /// In words.
    pub source: String,
    pub reason: String,
    pub until: Option<Time>,
}

/// Whether the Environment may be used, and where it points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// There is no such Environment.
    #[default]
    Missing,
    /// It is there and cannot be read.
    Unreadable,
    /// The target namespace does not exist.
    NamespaceMissing { namespace: String },
    /// The target namespace does not name this Environment in `windlass.dev/accept-from`.
    NoConsent { namespace: String },
    /// Another Environment has the namespace.
    NamespaceTaken { namespace: String, by: String },
    /// Open.
    Granted { namespace: String },
}

/// A clone that no pipeline looks after any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub wanted: i32,
    /// It has no pods left.
    pub is_empty: bool,
    /// It answers, and the workload that it is a clone of does not, or a route still sends to it.
    pub is_needed: bool,
    /// When a route beside it was written last, whoever's, if a Service of ours is before it.
    pub rerouted: Option<Time>,
    pub deleting: bool,
}
