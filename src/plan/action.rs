//! What a plan may ask for: a small, closed list. `act` carries it out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::decision::DecisionStatus;
use crate::api::environment::EnvironmentStatus;
use crate::api::pipeline::WorkloadKind;
use crate::api::release::ReleaseStatus;
use crate::api::traffic::{Existing, RouteShape, RoutingKind};
use crate::api::{DecisionSpec, PipelineStatus, ReleaseSpec, TestRunSpec, TestRunStatus, Time};

pub use crate::observe::{Touchable, Untouched};

/// What to do now, and when to look again if nothing happens before.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub step: Step,
    pub wake_at: Option<Time>,
}

/// Either the checkpoint takes a step, or it stands and its effects are carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Write this status, guarded by the version that it was planned from; then plan again from what the server returned.
    Checkpoint { status: Box<PipelineStatus>, notes: Vec<Note> },
    /// A new leader: touch these, and plan again. None of it decides anything.
    TakeOver(Vec<Action>),
    /// Carry these out in order. One that fails does not keep the others from being tried. Empty: nothing to do.
    Effects(Vec<Action>),
}

/// A transition worth telling: becomes a Kubernetes event on the pipeline and on the release, if one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub release: Option<String>,
    pub warning: bool,
    /// One word, upper camel case.
    pub reason: String,
    pub message: String,
}

/// Kinds of Windlass that are guarded or written by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Pipeline,
    Release,
    Environment,
    TestRun,
    Decision,
}

/// An object in the pipeline's namespace as it was seen; a write to it carries both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub kind: Kind,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
}

/// An object that must not have moved when exposure rises: read from the server itself just before.
pub type Confirm = Target;

/// One effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// JSON Patch on a workload: images of containers that exist, and our annotations.
    SetImages(SetImages),
    /// Record a ban: a Decision under a computed name. That it exists already is success.
    CreateBan {
        name: String,
        spec: DecisionSpec,
    },
    /// Make the Release that the head asks for. That it exists already is success.
    CreateRelease {
        name: String,
        spec: Box<ReleaseSpec>,
    },
    /// Make a TestRun, owned by its Release. That it exists already is success.
    CreateTestRun {
        name: String,
        release: Target,
        spec: TestRunSpec,
    },
    /// Make a suspended Job from a CronJob, with the build's images, our labels and finalizer. That it exists already is success.
    CreateJob(CreateJob),
    /// Unsuspend a Job.
    StartJob {
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Take our finalizer off a Job and delete it with its pods.
    RemoveJob {
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Make a clone of a Deployment, with no pods yet. That it exists already is success.
    CreateClone(CreateClone),
    /// Set the number of pods of a clone.
    ScaleClone(ScaleClone),
    /// Delete a clone and its pods.
    RemoveClone {
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Keep an autoscaler from shrinking its workload, and remember on it what stood there.
    LockScaleDown {
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
        /// Value of `windlass.dev/claimed-by`: `namespace/name/uid` of the pipeline.
        claim: String,
    },
    /// Put back what stood in an autoscaler before our lock, but for what someone else has set since.
    UnlockScaleDown {
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Make a Service of ours, or put it right. That it exists already is success.
    PutService(PutService),
    /// Make our route, or write what it is to do. That it exists already is success.
    PutRoute(PutRoute),
    /// Delete a Service or route of ours.
    RemoveRouting {
        kind: RoutingKind,
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Delete a broken pod of a StatefulSet, so that its controller makes it anew from the template that was put back.
    DeletePod {
        namespace: String,
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Write a status, the whole of it.
    ReleaseStatus {
        target: Target,
        status: Box<ReleaseStatus>,
    },
    EnvironmentStatus {
        target: Target,
        status: Box<EnvironmentStatus>,
    },
    TestRunStatus {
        target: Target,
        status: Box<TestRunStatus>,
    },
    DecisionStatus {
        target: Target,
        status: DecisionStatus,
    },
    /// Put `windlass.dev/rollout` on an object, or take it off.
    Finalizer {
        target: Target,
        present: bool,
    },
    /// Put the leader's term on an object in a target namespace, and nothing else: what was planned from its version before fails.
    Touch {
        of: Untouched,
        /// Value of `windlass.dev/term`.
        term: Arc<str>,
    },
    /// The same of an Environment or a Release.
    TouchOwn {
        target: Target,
        term: Arc<str>,
    },
    /// Delete one of our own objects: a lifted ban, what retention lets go.
    Delete {
        target: Target,
    },
}

impl Action {
    /// UID of the object by which it exposes more of a build than is exposed now, if it does.
    pub fn raises(&self) -> Option<&str> {
        let (uid, confirm) = match self {
            Self::SetImages(SetImages { uid, confirm, .. }) | Self::ScaleClone(ScaleClone { uid, confirm, .. }) => {
                (uid, confirm)
            }
            Self::PutRoute(PutRoute { stands, confirm, .. }) => (&stands.as_ref()?.uid, confirm),
            _ => return None,
        };
        (!confirm.is_empty()).then_some(uid)
    }
}

/// An image write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetImages {
    pub kind: WorkloadKind,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    /// Container or init container name, and its image. Only those that exist and differ.
    pub images: Vec<(String, String)>,
    /// The containers of the pipeline, `windlass.dev/containers`.
    pub containers: Vec<String>,
    /// Value of `windlass.dev/reasserted`, where a GitOps tool is written over.
    pub reasserted: Option<i64>,
    /// Value of `windlass.dev/claimed-by`: `namespace/name/uid` of the pipeline.
    pub claim: String,
    /// Value of `windlass.dev/attempt`.
    pub attempt: String,
    /// Not empty where the write raises exposure: none of these may have moved.
    pub confirm: Vec<Confirm>,
}

/// A clone to be made of a Deployment: its pod template under other images, its pods told apart by their track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateClone {
    pub namespace: String,
    /// Name and UID of the Deployment.
    pub of: String,
    pub of_uid: String,
    pub name: String,
    /// Value of `windlass.dev/track`.
    pub track: String,
    /// Images by container or init container name.
    pub images: Vec<(String, String)>,
    /// Value of `windlass.dev/claimed-by`: `namespace/name/uid` of the pipeline.
    pub claim: String,
    /// Value of `windlass.dev/attempt`.
    pub attempt: String,
}

/// The number of pods of a clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleClone {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub replicas: i32,
    /// Not empty where the write raises exposure: none of these may have moved.
    pub confirm: Vec<Confirm>,
}

/// UID and version of an object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    pub uid: String,
    pub resource_version: String,
}

/// A Service of ours beside the one that it is derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutService {
    pub namespace: String,
    pub name: String,
    /// None where it is to be made.
    pub stands: Option<Stands>,
    /// Value of `windlass.dev/track`, on it and in its selector.
    pub track: String,
    pub selector: BTreeMap<String, String>,
    /// As they stand in a Service's spec.
    pub ports: Vec<serde_json::Value>,
    /// Value of `windlass.dev/claimed-by`: `namespace/name/uid` of the pipeline.
    pub claim: String,
}

/// A route: the whole of what ours does, or the weights of an existing one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutRoute {
    pub namespace: String,
    pub name: String,
    /// None where it is to be made.
    pub stands: Option<Stands>,
    pub shape: RouteShape,
    /// Only of an existing route: nothing but the weights of these is written.
    pub existing: Option<Existing>,
    /// Value of `windlass.dev/claimed-by`: `namespace/name/uid` of the pipeline.
    pub claim: String,
    /// Not empty where the write raises exposure: none of these may have moved.
    pub confirm: Vec<Confirm>,
}

/// A Job to be made from a CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateJob {
    pub namespace: String,
    pub cron_job: String,
    pub name: String,
    /// Images by container name.
    pub images: Vec<(String, String)>,
    /// Labels of the Job and its pods.
    pub labels: Vec<(String, String)>,
    /// Annotations of both: what the Job is about.
    pub annotations: Vec<(String, String)>,
}
