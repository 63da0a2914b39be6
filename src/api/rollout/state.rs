//! Where a rollout stands, and why it ends.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Time;

/// Where a rollout stands. Each variant carries what that state needs and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RolloutState {
    /// Nothing is exposed yet; the hooks before it run.
    Preparing(Preparing),
    /// Images are being written, one workload after the other, and the new pods are judged.
    Progressing(Progressing),
    /// The clone is exposed step by step, and its pods are judged.
    Stepping(Stepping),
    /// Fully exposed; the suites run.
    Verifying(Verifying),
    /// Live and proven; health is judged until the bake ends.
    Delivered(Baking),
    /// The bake is over: the workloads are rolled to what the clone runs, then the clone goes.
    Homing(Homing),
    /// Going back to the target.
    Reverting(Reverting),
}

/// State while the hooks before a build run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preparing {
    /// End of the progress deadline; moved on by pauses.
    pub deadline: Time,
    /// Since when the next hook is kept from starting, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Time>,
}

/// State while images are being written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progressing {
    /// Index of the workload that is being rolled; those before it run the new images.
    #[schemars(range(min = 0, max = 20))]
    pub step: u32,
    /// End of the progress deadline; moved on by pauses.
    pub deadline: Time,
    /// Since when it is paused, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Time>,
}

/// State while a clone is exposed step by step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stepping {
    /// Index of the step; one past the last is the whole. The one step of blue-green comes before the switch.
    #[schemars(range(min = 0, max = 20))]
    pub step: u32,
    /// Since when the step stands: its pods were ready. The step's pause counts from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// End of the progress deadline; moved on by pauses.
    pub deadline: Time,
    /// Since when a person keeps it at this step, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Time>,
    /// Since when fewer pods of the clone than wanted are available because containers failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<Time>,
    /// A person ended the step's pause.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

impl Stepping {
    /// A step that begins.
    pub const fn at(step: u32, deadline: Time) -> Self {
        Self { step, since: None, deadline, paused: None, unhealthy: None, skipped: false }
    }
}

/// State while the workloads themselves are rolled to the proven build.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Homing {
    /// When the build was live and proven.
    pub delivered: Time,
    /// Index of the workload that is being rolled; those before it run the build. One past the last: the clones go.
    #[schemars(range(min = 0, max = 20))]
    pub step: u32,
    /// By when the present workload should run the build; later is told, and tried on.
    pub deadline: Time,
    /// Since when a person keeps the present workload from being rolled, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Time>,
}

/// State while the suites run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verifying {
    /// When the build was fully exposed.
    pub since: Time,
    /// When the pod template changed meanwhile: what the suites say is about another revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Time>,
    /// Since when fewer pods than wanted are available because containers failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<Time>,
}

/// State while the delivered build is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Baking {
    /// When it was live and proven.
    pub since: Time,
    /// When the bake ends.
    pub until: Time,
    /// Since when fewer pods than wanted are available because containers failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<Time>,
    /// Health was lost, and the Environment is asked for leave to go back: its revert brake may hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<RevertRequest>,
}

/// That a delivered build is to go back because its health was lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct RevertRequest {
    /// When it was stated.
    pub since: Time,
    /// Why, in words.
    #[schemars(length(max = 256))]
    pub reason: String,
}

/// State while going back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reverting {
    /// When going back began.
    pub since: Time,
    /// By when the target must serve; later is `RevertFailed`.
    pub deadline: Time,
    /// Why it goes back.
    pub ending: Ending,
    /// The build ran in clones alone: the workloads were not written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// Hold the stage afterwards: a person asked to go back. The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub hold_by: Option<String>,
}

/// Why a rollout ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Ending {
    /// Why the rollout ends.
    pub cause: Cause,
    /// In words.
    #[schemars(length(max = 256))]
    pub message: String,
}

/// Why a rollout goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Cause {
    /// Pods, a check or a suite failed, or the deadline passed: banned.
    Failed,
    /// A Decision `Abort`, or a pause longer than allowed.
    Aborted,
    /// A Decision `Revert`.
    Reverted,
    /// A Decision `Withdraw`.
    Withdrawn,
    /// `spec.pins` names another release.
    Pinned,
    /// `spec.release` was set back.
    HeadMovedBack,
    /// A suite of an earlier stage failed after it had passed.
    EvidenceWithdrawn,
    /// The Release was deleted in mid-rollout.
    ReleaseDeleted,
    /// The pipeline was deleted in mid-rollout.
    PipelineDeleted,
    /// The Environment was deleted in mid-rollout.
    EnvironmentDeleted,
    /// The stage was taken out of the pipeline in mid-rollout.
    StageRemoved,
    /// It could not be judged: a workload or container of the plan is gone, or checks gave no answer.
    Inconclusive,
    /// The pod template of a workload changed while its clone was exposed: the clone is of another revision.
    Interrupted,
}

impl Cause {
    /// Whether the build is banned here.
    pub const fn bans(self) -> bool {
        matches!(self, Self::Failed)
    }

    /// Whether a person asked for it, and knows what it means to go back.
    pub const fn is_asked(self) -> bool {
        match self {
            Self::Aborted | Self::Reverted | Self::Withdrawn | Self::Pinned | Self::HeadMovedBack => true,
            Self::Failed
            | Self::EvidenceWithdrawn
            | Self::ReleaseDeleted
            | Self::PipelineDeleted
            | Self::EnvironmentDeleted
            | Self::StageRemoved
            | Self::Interrupted
            | Self::Inconclusive => false,
        }
    }

    /// Whether it is about the attempt alone, and says nothing against the build.
    pub const fn spares(self) -> bool {
        match self {
            Self::Failed | Self::Reverted | Self::Withdrawn => false,
            Self::Aborted
            | Self::Pinned
            | Self::HeadMovedBack
            | Self::EvidenceWithdrawn
            | Self::ReleaseDeleted
            | Self::PipelineDeleted
            | Self::EnvironmentDeleted
            | Self::StageRemoved
            | Self::Interrupted
            | Self::Inconclusive => true,
        }
    }
}
