//! A pipeline's status: the checkpoint of each stage. It is not the truth about the world: each decision starts from what
//! is observed.

mod stage;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::decision::DecisionPhase;
use super::{BuildHash, BuildRow, Condition, Origin, Time};

pub use stage::{
    Alert, Hold, HoldKind, Interrupted, Mark, PendingBan, Proof, Readable, Reasserted, SeenImage, SeenWorkload,
    StageStatus,
};

/// The checkpoint of each stage. It is not the truth about the world: each decision starts from what is observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStatus {
    /// Generation of the pipeline that this status was computed from; -1 before that.
    #[serde(default)]
    #[schemars(range(min = -1, max = super::MAX_GENERATION))]
    pub observed_generation: i64,
    /// `Ready`, `Reconciling`, `Stalled` and `Delivered`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Term of the leader that decided last: 16 hex digits, drawn by each process anew. What an earlier one planned has no effect.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub term: String,
    /// When the pipeline was first seen. Decisions that are older never act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Time>,
    /// Images of the builds that may be needed again, by hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["hash".into()]))]
    pub builds: Vec<BuildRow>,
    /// The checkpoint of each stage, and of stages that were taken out while something was live there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub stages: Vec<StageStatus>,
    /// The head that was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadStatus>,
    /// Decisions that have taken effect, or were refused, until their own status says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub decisions: Vec<DecisionNote>,
}

impl PipelineStatus {
    /// The checkpoint of that environment's stage, if there is one.
    pub fn stage(&self, environment: &str) -> Option<&StageStatus> {
        self.stages.iter().find(|stage| stage.environment == environment)
    }
}

/// The head as it was seen last, and where it may still go below the high-water mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeadStatus {
    /// Its version.
    #[schemars(length(max = 64))]
    pub version: String,
    /// Hash of its build.
    pub build: BuildHash,
    /// Name of the Release that was made for it.
    #[schemars(length(max = 52))]
    pub release: String,
    /// Its place in the order: `createdAt`, or when it was first seen.
    pub order: Time,
    /// Where it comes from, if a GitOps tool brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Environments where it is exempt from the high-water mark, because the head was moved to it and no attempt started there since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 40)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub exempt: Vec<String>,
}

/// What became of a Decision, kept until the Decision's own status says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionNote {
    /// UID of the Decision.
    #[schemars(length(max = 63))]
    pub uid: String,
    /// What became of it.
    pub phase: DecisionPhase,
    /// What it did, or why it was refused, in words.
    #[schemars(length(max = 256))]
    pub reason: String,
    /// UID of the Release that was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub release_uid: Option<String>,
    /// The build that was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_hash: Option<BuildHash>,
}
