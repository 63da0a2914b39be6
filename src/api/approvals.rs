//! Approvals: how many people must agree before a release enters, and who.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Time;
use super::decision::{DecisionType, Skippable};

/// What a pipeline asks for, beside what the Environment's owner asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Approvals {
    /// How many people must approve a build before it enters: Decisions `Approve` by different users.
    /// The Environment's owner may ask for more.
    #[schemars(range(min = 1, max = 10))]
    pub required: u32,
    /// Only approvals by members of one of these groups count. Default: of anybody who has the verb `approve` on the Environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub groups: Vec<String>,
}

/// What the Environment's owner asks for. A pipeline may ask for more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalPolicy {
    /// How many people must approve a build before it enters: Decisions `Approve` by different users.
    #[schemars(range(min = 0, max = 10))]
    pub required: u32,
    /// Only approvals by members of one of these groups count. Default: of anybody who has the verb `approve` on the Environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub groups: Vec<String>,
    /// Whoever asked for the release, wrote its commit or opened one of its pull requests may approve it too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_author: bool,
}

/// What a person decided about a release in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct DecisionRecord {
    /// What was decided.
    pub r#type: DecisionType,
    /// Who decided.
    #[schemars(length(max = 256))]
    pub user: String,
    /// When.
    pub at: Time,
    /// Gates that an Override names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub gates: Vec<Skippable>,
    /// Why, as the person said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub reason: String,
    /// Name of the Decision.
    #[schemars(length(max = 253))]
    pub decision: String,
}
