//! A rollout as it is stored: its plan as frozen at the start, and its state.
//!
//! ```text
//!  (gates open) ─► Progressing ─► Verifying ─► Delivered ─► settled               rolling
//!  (gates open) ─► Stepping ────► Verifying ─► Delivered ─► Homing ─► settled     with a clone
//!                       └──────┬──────┴────────────┴───────────┘ failed, aborted, withdrawn, health lost
//!                              ▼
//!                          Reverting ─► reverted
//! ```

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::FoundImage;
use super::check::Check;
use super::labels::STABLE;
use super::pipeline::WorkloadRef;
use super::stage::Suite;
use super::strategy::Strategy;
use super::test_run::{Counts, RunPhase};
use super::traffic::Traffic;
use super::{BuildHash, Span, Time};

/// One attempt to make a build live in a stage, or to go back from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// UTC stamp of its start; evidence and bans are bound to it.
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// Name of the release.
    #[schemars(length(max = 52))]
    pub release: String,
    /// UID of the release.
    #[schemars(length(max = 63))]
    pub release_uid: String,
    /// Its version.
    #[schemars(length(max = 64))]
    pub version: String,
    /// Hash of its build.
    pub build: BuildHash,
    /// When it started.
    pub started_at: Time,
    /// UID of the Decision that started it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub decision: Option<String>,
    /// How the build is exposed, as frozen at the start.
    #[serde(default, skip_serializing_if = "Strategy::is_rolling")]
    pub strategy: Strategy,
    /// The route by which the clone is exposed, as frozen at the start; none where its share is the number of its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The only workloads that it may touch, and their clones.
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub workloads: Vec<RolloutWorkload>,
    /// The suites that must pass, and how far they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub suites: Vec<SuiteState>,
    /// The checks of health, as frozen at the start. What they measure is kept in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub checks: Vec<Check>,
    /// Limit for progressing, as frozen at the start.
    pub progress_deadline: Span,
    /// How long health is judged after delivery, as frozen at the start.
    pub bake: Span,
    /// When the new build was fully exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed_at: Option<Time>,
    /// Where it goes back to; none for the first build of a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Live>,
    /// Where it stands. Exactly one state.
    pub state: RolloutState,
}

/// A workload of the frozen plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct RolloutWorkload {
    #[serde(flatten)]
    pub workload: WorkloadRef,
    /// Its UID, as seen last under an image of ours.
    #[schemars(length(max = 63))]
    pub uid: String,
    /// Of its pod template, as seen last in this rollout.
    #[schemars(length(max = 40))]
    pub fingerprint: String,
    /// Template hash of its pods when the rollout started: what checks compare with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub stable: String,
    /// Images found at the start in containers that were not managed before: the way back restores them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub found: Vec<FoundImage>,
}

/// Where a rollout stands. Each variant carries what that state needs and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RolloutState {
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

    /// Whether it is about the attempt alone, and says nothing against the build.
    pub const fn spares(self) -> bool {
        match self {
            Self::Failed | Self::Reverted | Self::Withdrawn => false,
            Self::Aborted
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

impl Rollout {
    /// Whether the new build still runs in clones alone, and the workloads run what they ran before.
    pub fn is_apart(&self) -> bool {
        self.strategy.clones()
            && match self.state {
                RolloutState::Stepping(_) | RolloutState::Verifying(_) | RolloutState::Delivered(_) => true,
                RolloutState::Progressing(_) | RolloutState::Homing(_) | RolloutState::Reverting(_) => false,
            }
    }

    /// The value of `windlass.dev/track` of the pods in which the new build is tried.
    pub fn track(&self) -> &'static str {
        self.strategy.track().unwrap_or(STABLE)
    }

    /// Whether its suites are to run now.
    pub fn is_testing(&self) -> bool {
        match &self.state {
            RolloutState::Verifying(_) => true,
            RolloutState::Stepping(state) => self.strategy.tests_first() && state.step == 0 && state.since.is_some(),
            RolloutState::Progressing(_)
            | RolloutState::Delivered(_)
            | RolloutState::Homing(_)
            | RolloutState::Reverting(_) => false,
        }
    }

    /// The workloads of which it makes clones.
    pub fn cloned(&self) -> impl Iterator<Item = &RolloutWorkload> {
        let clones = self.strategy.clones();
        self.workloads.iter().filter(move |plan| clones && plan.workload.is_cloned())
    }
}

/// A build that is or was live in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// Name of its release; empty for revision 0 and for images that a person set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 52))]
    pub release: String,
    /// UID of its release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub release_uid: String,
    /// Version of its release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub version: String,
    /// Hash of the build.
    pub build: BuildHash,
    /// The order of its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// The attempt that made it live.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// Since when it has been live.
    pub since: Time,
    /// Recorded healthy: it reached Delivered, or was available at adoption. Only such a build is a revert target.
    pub healthy: bool,
    /// Of all its workloads' templates together.
    #[serde(default)]
    #[schemars(length(max = 40))]
    pub template: String,
}

/// One suite of a rollout: the frozen definition and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteState {
    /// The suite as frozen at the start.
    pub plan: Suite,
    /// UID of the TestRun once seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub run_uid: Option<String>,
    /// Since when the present try runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Number of the present try, from 1.
    #[serde(default, rename = "try")]
    #[schemars(range(min = 0, max = 20))]
    pub attempt: u32,
    /// UID of the present try's Job once seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub job_uid: Option<String>,
    /// Whether that Job was ever seen running: it is never started twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
    /// The latched verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// A final result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The result.
    pub phase: RunPhase,
    /// When it was given.
    pub at: Time,
    /// Tests counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// What the runner said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub message: String,
    /// Names of failing tests, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub failing: Vec<String>,
    /// Where the full report is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub url: Option<String>,
}
