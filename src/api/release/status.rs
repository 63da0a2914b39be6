//! Where a release stands, for people: a projection of the pipeline's checkpoint.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::approvals::DecisionRecord;
use crate::api::hook::HookPoint;
use crate::api::test_run::{Counts, RunPhase};
use crate::api::{BuildHash, Cause, Condition, Coverage, Origin, Outcome, Time};

/// Where a release stands, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Not started here; the gates say why.
    #[default]
    Waiting,
    /// Nothing of it is exposed yet; the hooks before it run.
    Preparing,
    /// Images are being written.
    Progressing,
    /// Fully exposed; the suites run.
    Verifying,
    /// Live and proven.
    Delivered,
    /// Live, but a suite gave no verdict.
    Unverified,
    /// Going back to the build before.
    Reverting,
    /// Gone back; the reason says why.
    Reverted,
    /// A newer release took its place.
    Superseded,
    /// Declared bad.
    Withdrawn,
    /// It failed, and there was nothing to go back to or going back failed.
    Failed,
}

/// The projection of the pipeline's checkpoint on one release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStatus {
    /// Generation of the Release that this status was computed from; -1 before that.
    #[serde(default)]
    #[schemars(range(min = -1, max = crate::api::MAX_GENERATION))]
    pub observed_generation: i64,
    /// `Ready`, `Reconciling`, `Stalled` and `Delivered`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Hash of the build: what evidence and bans are bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_hash: Option<BuildHash>,
    /// Of the furthest stage entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The furthest stage entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 40))]
    pub stage: Option<String>,
    /// The first thing that is missing, or the cause of the end, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub waiting_for: Option<String>,
    /// Suites passed and asked for, of the furthest stage that has suites, else of those about the build itself: `2/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub tests: Option<String>,
    /// The person who asked for it; for a service account, the build's author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub by: Option<String>,
    /// Where it comes from, if a GitOps tool brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// When it was live and proven at the end of its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// Suites about the build itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["suite".into()]))]
    pub build_tests: Vec<RunSummary>,
    /// How it stands in each stage, in the order of the pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub stages: Vec<ReleaseStage>,
}

/// One release in one stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStage {
    /// Name of the Environment.
    #[schemars(length(max = 40))]
    pub environment: String,
    /// Where it stands here.
    pub phase: Phase,
    /// One word, if the phase has a cause.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub reason: String,
    /// The cause, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub message: String,
    /// UTC stamp of the last rollout of this release here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// Every condition that must hold before it may enter; only while it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub gates: Vec<GateStatus>,
    /// How much of it is exposed; only while its clone is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ShareStatus>,
    /// Suites of its last attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tests: Vec<RunSummary>,
    /// Hooks of its last attempt that have begun, in the order in which they ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub hooks: Vec<HookSummary>,
    /// What people decided about it here, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub decisions: Vec<DecisionRecord>,
    /// Its attempts here before the last one, oldest first: the last five, and less where all together would take too much room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub earlier: Vec<AttemptRecord>,
    /// When the rollout started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the build was fully exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed_at: Option<Time>,
    /// When it was live and proven here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// When the rollout ended, its bake included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// UTC stamp of its start.
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why it went back, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The cause, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub message: String,
    /// Its suites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tests: Vec<RunSummary>,
    /// Its hooks that have begun, in the order in which they ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub hooks: Vec<HookSummary>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the build was fully exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed_at: Option<Time>,
    /// When it was live and proven here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
}

/// How much of a release is exposed beside what ran before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct ShareStatus {
    /// Which step of how many: `2/4`; the last one is full exposure.
    #[schemars(length(max = 10))]
    pub step: String,
    /// Share that is asked for, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub asked: u32,
    /// Share that its pods have, in percent, once the step stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub real: Option<u32>,
    /// When the step's pause ends, once the step stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// One gate as it stands for one release in one stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct GateStatus {
    /// Name of the gate.
    #[schemars(length(max = 40))]
    pub gate: String,
    /// `Open`, `Closed`, or `Overridden` by a person.
    #[schemars(length(max = 10))]
    pub state: String,
    /// Why it is closed, or by whom it is overridden, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub reason: String,
    /// Who set it: `policy` (the Environment's owner), `pipeline`, `release` or `windlass`.
    #[schemars(length(max = 20))]
    pub source: String,
    /// Since when state and reason are these.
    pub since: Time,
    /// What would change it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub change: String,
}

/// One hook of an attempt, in short.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookSummary {
    /// When it runs.
    pub point: HookPoint,
    /// Name of the hook.
    #[schemars(length(max = 40))]
    pub name: String,
    /// How far it is, or its result.
    pub phase: RunPhase,
    /// When its last try began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// What its Job said about the result; of a failed one the last lines of its log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub message: String,
}

/// One suite of an attempt, in short.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Name of the suite.
    #[schemars(length(max = 40))]
    pub suite: String,
    /// How far it is, or its result.
    pub phase: RunPhase,
    /// Name of the TestRun.
    #[schemars(length(max = 253))]
    pub run: String,
    /// Who reported the result of an external suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reporter: Option<String>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When there was a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Tests counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Percent of the code that the tests ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Where the full report is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub url: Option<String>,
    /// What the runner said about the result.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub message: String,
}
