//! Everything that one pipeline's decision may look at, gathered once and immutable. Plain data: no client, no clock.

mod autoscaler;
mod measured;
mod routing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::pipeline::WorkloadKind;
use crate::api::{Decision, DeliveryPipeline, Environment, Preflight, Release, Span, TestRun, Time};

pub use autoscaler::{Autoscaler, LeftLock};
pub use measured::{Measured, Reach, Reading, Sample, Service, TargetPort};
pub use routing::{Loose, Route, RoutedService, Routing};

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
    /// By environment: each stage of the spec, and each of the status that is not in the spec any more.
    pub places: BTreeMap<String, Place>,
    pub settings: Settings,
    /// Names of the providers of metrics that the operator knows.
    pub providers: Arc<BTreeSet<String>>,
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

impl Workload {
    /// Whether it is a clone, and of this pipeline.
    pub fn is_clone(&self) -> bool {
        self.track.is_some() && self.claim == Claim::Ours
    }
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

/// A workload whose images may be written, reduced to what decisions need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: WorkloadKind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub observed_generation: i64,
    /// It is being deleted.
    pub deleting: bool,
    pub rolls: Rolls,
    /// Of a Deployment: why a clone of it could not run beside it.
    pub obstacle: Option<String>,
    /// Value of its label `windlass.dev/track`: only our clones have one.
    pub track: Option<String>,
    /// The label `windlass.dev/track` of its pods, as its template has it.
    pub pod_track: Option<String>,
    /// Images in the pod template, by container or init container name.
    pub images: BTreeMap<String, String>,
    /// Hash of the raw pod template without managed images, our own keys and `restartedAt`; 40 hex digits.
    pub fingerprint: String,
    /// Value of the annotation `windlass.dev/attempt`.
    pub attempt: Option<String>,
    pub claim: Claim,
    /// By container: who wrote its image last.
    pub image_writers: BTreeMap<String, ImageWriter>,
    /// `spec.replicas`.
    pub wanted: i32,
    /// Counts of the status; only meaningful when `observed_generation` has reached `generation`.
    pub replicas: i32,
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
    /// Pods are refused by quota or admission: since when and why (condition ReplicaFailure).
    pub refused: Option<(Time, String)>,
    /// Pods of the revision that the template describes.
    pub pods: Vec<Pod>,
    /// Of a StatefulSet: its pods of other revisions.
    pub old_pods: Vec<OldPod>,
    /// Of a CronJob: its Jobs that run the template's images.
    pub jobs: Vec<Job>,
    pub reach: Reach,
}

/// Whether a workload's controller brings a new template to all pods by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rolls {
    #[default]
    Freely,
    /// `spec.paused` of a Deployment.
    Paused,
    /// `spec.updateStrategy.type: OnDelete`.
    OnDelete,
    /// `spec.updateStrategy.rollingUpdate.partition` of a StatefulSet, above 0.
    Partition(i32),
}

/// A pod of a StatefulSet that is not of the revision that the template describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldPod {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub ready: bool,
    /// Deleted, evicted, disrupted or lost with its node.
    pub going: bool,
    /// Images of its revision, by container or init container name.
    pub images: BTreeMap<String, String>,
}

/// Whose images a workload runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// Nobody's, or of a pipeline that exists no more.
    #[default]
    None,
    /// This pipeline's.
    Ours,
    /// Another pipeline's: `namespace/name`.
    Other(String),
}

/// Who wrote an image last, as `managedFields` tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageWriter {
    pub manager: String,
    pub at: Option<Time>,
    /// A GitOps tool or Helm; everything else is taken for a person.
    pub is_tool: bool,
}

/// A pod of the new revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub name: String,
    pub created: Time,
    pub ready: bool,
    /// Deleted, evicted, disrupted or lost with its node: does not count as a failure.
    pub going: bool,
    /// Restarts of the container that restarted most.
    pub restarts: i32,
    pub trouble: Option<Trouble>,
    /// Its own address.
    pub address: Option<String>,
}

/// What is wrong with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    /// Since when, as well as the pod tells.
    pub since: Time,
    /// Container and message: `container app: back-off restarting failed container`.
    pub message: String,
}

/// Kinds of trouble, by how long they are borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// CrashLoopBackOff, or two restarts and more: not borne at all.
    CrashLoop,
    /// ErrImagePull, ImagePullBackOff, InvalidImageName, CreateContainerConfigError and the like.
    Pull,
    /// No node takes it.
    Unschedulable,
    /// A container runs and has not been ready yet.
    Starting,
    /// A container runs and is not ready any more, or ended with an error.
    NotReady,
}

/// A CronJob that Jobs may be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    pub name: String,
    /// Suspended and labelled `windlass.dev/runnable: "true"`.
    pub runnable: bool,
    /// Names of its containers and init containers.
    pub containers: Vec<String>,
}

/// A Job that Windlass made, or one of a CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    pub created: Time,
    pub deleting: bool,
    pub suspended: bool,
    /// It carries our finalizer.
    pub kept: bool,
    /// Condition Complete.
    pub complete: bool,
    /// Condition Failed (or FailureTarget), with its reason.
    pub failed: Option<String>,
    /// When it completed or failed.
    pub ended: Option<Time>,
    pub pods: Vec<JobPod>,
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

/// A pod of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobPod {
    /// First non-zero exit code of its containers; 0 if all ended well; none while one runs.
    pub exit_code: Option<i32>,
    /// Restarts of the container that restarted most.
    pub restarts: i32,
    /// Evicted, preempted or drained (condition DisruptionTarget).
    pub disrupted: bool,
    /// A container was killed for want of memory.
    pub out_of_memory: bool,
    /// An image cannot be pulled or a container cannot be made: since when and why.
    pub stuck: Option<(Time, String)>,
    /// Termination message of the container that decided, at most 4,096 bytes.
    pub message: String,
}
