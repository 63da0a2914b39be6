//! `Environment`: a place where workloads run, and the rules of its owner.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::approvals::ApprovalPolicy;
use super::freeze::{Freeze, FreezeStatus};
use super::window::{Window, WindowStatus};
use super::{Condition, Span, Time};

/// A place where workloads run, and the rules of its owner.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Environment",
    namespaced,
    status = "EnvironmentStatus",
    shortname = "env",
    category = "windlass",
    doc = "A place where workloads run, and the rules of its owner.",
    validation = ("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40", "metadata.name: must be a DNS label of at most 40 characters"),
    validation = ("self.metadata.name != 'build'", "metadata.name: build is reserved for suites about the build itself"),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.targetNamespace"),
    printcolumn(name = "Window", type_ = "string", json_path = ".status.window.message"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentSpec {
    /// Where workloads run. Another namespace must name this Environment in its annotation `windlass.dev/accept-from`.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = ("self == oldSelf", "spec.targetNamespace: is immutable; make another Environment"))]
    pub target_namespace: String,
    /// The owner's rules; a pipeline cannot loosen them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// When releases may start here. Without one that allows, always; what one denies, no other allows.
    /// A rollout that has started goes on, and reverts run at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub windows: Vec<Window>,
    /// Nothing starts here and no exposure rises while it stands. Reverts run at any time.
    /// The annotation `windlass.dev/freeze` on the target namespace, and on that of the operator for all Environments, does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
}

/// The owner's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// May not be the first stage of a pipeline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_upstream: bool,
    /// Releases whose images have a tag and no digest may enter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_tags: bool,
    /// How long a build must have run in the stage before, proven there and without a break. At most 720h.
    /// A pipeline may ask for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || duration(self) <= duration('720h')", "spec.policy.minSoak: must be at most 720h"))]
    pub min_soak: Option<Span>,
    /// Suites that must have passed for a build, in a stage before or about the build itself, whatever the pipeline asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 40)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub required_suites: Vec<String>,
    /// How many rollouts may be under way here at a time, of all pipelines.
    /// Those that wait come in the order in which nothing else was missing. What is paused gives its place back; reverts need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_concurrent_rollouts: Option<u32>,
    /// Each stage here must have at least one check of health in `spec.stages[].checks` of its pipeline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checks_required: bool,
    /// How many delivered builds may go back by themselves because their health was lost. What is more stays as it is until a person decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert_brake: Option<RevertBrake>,
    /// Who must agree before a build enters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<ApprovalPolicy>,
}

/// How many delivered builds may go back by themselves in one Environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct RevertBrake {
    /// So many, of all pipelines. Default a tenth of the pipelines, and at least 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub reverts: Option<u32>,
    /// In so long. Default 10m; 1m to 24h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1m') && duration(self) <= duration('24h'))", "spec.policy.revertBrake.within: must be between 1m and 24h"))]
    pub within: Option<Span>,
}

/// What an Environment looks like at present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentStatus {
    /// Generation of the Environment that this status was computed from; -1 before that.
    #[serde(default)]
    #[schemars(range(min = -1, max = super::MAX_GENERATION))]
    pub observed_generation: i64,
    /// `Ready`, `Reconciling` and `Stalled`; with a freeze also `Frozen`: true once no write that raises exposure is under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Whether releases may start here at present. Only where `spec.windows` says something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowStatus>,
    /// The freeze that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<FreezeStatus>,
    /// What is delivered here, by pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["pipeline".into()]))]
    pub delivered: Vec<DeliveredRow>,
    /// Pipelines that may roll out. Only where `policy.maxConcurrentRollouts` says how many may at a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["pipeline".into()]))]
    pub grants: Vec<Grant>,
    /// Delivered builds that were let go back of late because their health was lost, as far back as the brake counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub reverts: Vec<RevertGrant>,
    /// Set while more want to go back than `policy.revertBrake` lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<Brake>,
}

/// A place among those that may roll out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Grant {
    /// Name of the pipeline.
    #[schemars(length(max = 40))]
    pub pipeline: String,
    /// Since when it had asked, as its checkpoint says: the place is for that start alone.
    pub asked: Time,
    /// When it was given.
    pub at: Time,
}

/// Leave to go back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct RevertGrant {
    /// Name of the pipeline.
    #[schemars(length(max = 40))]
    pub pipeline: String,
    /// The attempt whose build goes back.
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// When it was given.
    pub at: Time,
}

/// The revert brake holds: health was lost in too many bakes at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Brake {
    /// Since when.
    pub since: Time,
    /// What it means, and what to do.
    #[schemars(length(max = 512))]
    pub message: String,
    /// Names of the pipelines whose builds stay as they are.
    #[schemars(length(max = 200), inner(length(max = 40)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub held: Vec<String>,
}

/// What one pipeline delivered here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct DeliveredRow {
    /// Name of the pipeline.
    #[schemars(length(max = 40))]
    pub pipeline: String,
    /// Name of the release; empty for what was found at adoption.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 52))]
    pub release: String,
    /// Version of the release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub version: String,
    /// Since when it has been live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// What is under way: phase and release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 120))]
    pub rollout: String,
}
