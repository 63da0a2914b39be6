//! What a stage's status says before a clone stands beside the workload: which objects of the target namespace go by the
//! labels of their pods, and whether they take the clone for the application.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Entries that a stage keeps. What leaves the clone out comes first, so it stays the longest.
pub const MOST: usize = 30;

/// An object of the target namespace that matches pods of a workload, of its clone, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Preflight {
    /// Kind of the object.
    pub kind: PreflightKind,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Name of the Deployment.
    #[schemars(length(max = 63))]
    pub workload: String,
    /// Whose pods it matches. An autoscaler matches the Deployment that it scales, and the clone if it counts its pods.
    pub matches: Matches,
}

/// Kinds of objects that go by the labels of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PreflightKind {
    /// A Service: it sends requests to them.
    Service,
    /// A `policy/v1` PodDisruptionBudget: it keeps so many of them.
    PodDisruptionBudget,
    /// An `autoscaling/v2` HorizontalPodAutoscaler: it counts them.
    HorizontalPodAutoscaler,
    /// A `networking.k8s.io/v1` NetworkPolicy: it says who may speak with them.
    NetworkPolicy,
}

impl PreflightKind {
    /// As it stands in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::NetworkPolicy => "NetworkPolicy",
        }
    }
}

/// Whose pods an object matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Matches {
    /// The workload's: the clone is left out.
    Stable,
    /// The clone's.
    Clone,
    /// The workload's and the clone's.
    Both,
}
