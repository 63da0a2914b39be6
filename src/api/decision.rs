//! `Decision`: one act of one person, stamped with name and time; or the operator's record of a ban. Create-only.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BuildHash, Time};

/// One act of one person.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Decision",
    namespaced,
    status = "DecisionStatus",
    shortname = "dec",
    category = "windlass",
    doc = "One act of one person: promote, approve, override, abort, revert, freeze. Create-only.",
    selectable = ".spec.pipeline",
    selectable = ".spec.type",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Pipeline", type_ = "string", json_path = ".spec.pipeline"),
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Release", type_ = "string", json_path = ".spec.release"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.user"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self == oldSelf", "spec: is immutable; create another Decision"))]
#[x_kube(validation = ("(self.type in ['Freeze', 'Unfreeze']) != has(self.pipeline)", "spec.pipeline: is needed for every type but Freeze and Unfreeze, which concern all pipelines"))]
#[x_kube(validation = ("!(self.type in ['Promote', 'Retry', 'Approve', 'Reject', 'Override', 'Withdraw']) || has(self.release)", "spec.release: is needed for Promote, Retry, Approve, Reject, Override and Withdraw"))]
#[x_kube(validation = ("self.type in ['Promote', 'Retry', 'Approve', 'Reject', 'Override', 'Withdraw', 'Unban', 'Ban'] || !has(self.release)", "spec.release: is for Promote, Retry, Approve, Reject, Override, Unban, Withdraw and Ban only"))]
#[x_kube(validation = ("self.type == 'Withdraw' ? !has(self.environment) : has(self.environment)", "spec.environment: is needed for every type but Withdraw, which concerns all environments"))]
#[x_kube(validation = ("self.type in ['Revert', 'Unban'] || !has(self.to)", "spec.to: is for Revert and Unban only"))]
#[x_kube(validation = ("self.type != 'Unban' || has(self.release) != has(self.to)", "spec.release, spec.to: Unban needs exactly one of the two"))]
#[x_kube(validation = ("self.type == 'Ban' ? (has(self.buildHash) && has(self.attempt)) : (!has(self.buildHash) && !has(self.attempt))", "spec.buildHash, spec.attempt: belong to type Ban, which only the operator writes"))]
#[x_kube(validation = ("self.type in ['Approve', 'Reject'] || !has(self.groups)", "spec.groups: is for Approve and Reject only"))]
#[x_kube(validation = ("(self.type == 'Override') == has(self.gates)", "spec.gates: is needed for Override, and for no other type"))]
#[x_kube(validation = ("self.type == 'Freeze' || !has(self.until)", "spec.until: is for Freeze only"))]
#[x_kube(validation = ("!(self.type in ['Override', 'Freeze']) || has(self.reason) && self.reason != ''", "spec.reason: is needed for Override and Freeze"))]
pub struct DecisionSpec {
    pub r#type: DecisionType,
    /// Name of the DeliveryPipeline in this namespace. Needed for every type but Freeze and Unfreeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub pipeline: Option<String>,
    /// Name of the Release that is meant. Needed for Promote, Retry, Approve, Reject, Override and Withdraw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 52))]
    pub release: Option<String>,
    /// Name of the Environment where it holds. Needed for every type but Withdraw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub environment: Option<String>,
    /// A release's name, or `hash:` and at least 8 digits of a build hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 52))]
    #[x_kube(validation = ("self.matches('^(hash:[0-9a-f]{8,40}|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$')", "spec.to: must be the name of a Release, or hash: and 8 to 40 hex digits of a build"))]
    pub to: Option<String>,
    /// Gates that are skipped, once. Needed for Override.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub gates: Vec<Skippable>,
    /// When a Freeze ends by itself. Default: when it is lifted by Unfreeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self < timestamp('9999-01-01T00:00:00Z')", "spec.until: must be before the year 9999; leave it out for a freeze without an end"))]
    pub until: Option<Time>,
    /// For the record. Needed for Override and Freeze.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub reason: String,
    /// Who decided; stamped at admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub user: Option<String>,
    /// The groups of who decided; stamped at admission. Of Approve and Reject only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub groups: Vec<String>,
    /// The build that is banned. Written by the operator only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_hash: Option<BuildHash>,
    /// The attempt that failed. Written by the operator only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    pub attempt: Option<String>,
}

/// What a person may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecisionType {
    /// Let a release enter, past the gates manual and high-water mark.
    Promote,
    /// Agree to a build in that environment.
    Approve,
    /// Keep a build out of that environment until the same person approves it.
    Reject,
    /// Skip the named gates for that release, once.
    Override,
    /// Nothing starts in that environment, and no exposure rises.
    Freeze,
    /// End all that was frozen there by a Freeze.
    Unfreeze,
    /// End the rollout and go back, without a ban.
    Abort,
    /// Go back to a build and hold the stage there.
    Revert,
    /// End a hold.
    Unhold,
    /// A fresh attempt.
    Retry,
    /// Lift a ban.
    Unban,
    /// The build is bad, everywhere.
    Withdraw,
    /// Take an image that someone else wrote as it is.
    Adopt,
    /// Put our image back over one that someone else wrote.
    Restore,
    /// The operator's record of a failed build.
    Ban,
}

impl DecisionSpec {
    /// Whether it is about that pipeline.
    pub fn is_of(&self, pipeline: &str) -> bool {
        self.pipeline.as_deref() == Some(pipeline)
    }
}

/// Gates that an Override may skip, by the names that a release's status gives them. What proves a build cannot be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Skippable {
    /// How long a build must have run in the stage before.
    Soak,
    /// Who must agree, and who is against it.
    Approvals,
    /// When releases may start.
    Window,
    /// A freeze; also while the rollout goes on.
    Freeze,
    /// How many rollouts may be under way at a time.
    Capacity,
}

impl Skippable {
    /// Name of the gate.
    pub const fn gate(self) -> &'static str {
        match self {
            Self::Soak => "soak",
            Self::Approvals => "approvals",
            Self::Window => "window",
            Self::Freeze => "freeze",
            Self::Capacity => "capacity",
        }
    }
}

/// How far the operator is with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecisionPhase {
    /// Stands; has not taken effect yet.
    #[default]
    Pending,
    /// Has taken effect.
    Applied,
    /// Was not possible; the reason says why.
    Refused,
    /// Older than the operator's memory of the pipeline: it does not act again.
    Expired,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionStatus {
    /// Generation of the Decision that the operator has seen; -1 before that.
    #[serde(default)]
    #[schemars(range(min = -1, max = super::MAX_GENERATION))]
    pub observed_generation: i64,
    /// How far the operator is with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<DecisionPhase>,
    /// What it did, or why it was refused or waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub reason: Option<String>,
    /// UID of the Release that was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub release_uid: Option<String>,
    /// The build that was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_hash: Option<BuildHash>,
}
