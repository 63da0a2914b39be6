//! A workload, whose it is, and its pods.

use std::collections::BTreeMap;

use super::{Job, Reach};
use crate::api::Time;
use crate::api::pipeline::WorkloadKind;

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
    /// Value of the annotation `windlass.dev/reasserted`.
    pub reasserted: Option<i64>,
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

impl Workload {
    /// Whether it is a clone, and of this pipeline.
    pub fn is_clone(&self) -> bool {
        self.track.is_some() && self.claim == Claim::Ours
    }
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
