//! `TestRun`: evidence about one build, from one attempt. Made by the operator only.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BuildHash, Coverage, Time};

/// The environment of a run about the build itself.
pub const BUILD: &str = "build";

/// Evidence about one build, from one attempt.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "TestRun",
    namespaced,
    status = "TestRunStatus",
    category = "windlass",
    doc = "Evidence about one build, from one attempt. Made by the operator; for an external suite, CI reports the result in its status.",
    selectable = ".spec.release",
    selectable = ".spec.environment",
    selectable = ".spec.suite",
    printcolumn(name = "Release", type_ = "string", json_path = ".spec.release"),
    printcolumn(name = "Environment", type_ = "string", json_path = ".spec.environment"),
    printcolumn(name = "Suite", type_ = "string", json_path = ".spec.suite"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Passed", type_ = "integer", json_path = ".status.counts.passed"),
    printcolumn(name = "Total", type_ = "integer", json_path = ".status.counts.total"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self == oldSelf", "spec: is immutable; evidence belongs to one build and one attempt"))]
pub struct TestRunSpec {
    /// Name of the pipeline.
    #[schemars(length(min = 1, max = 40))]
    pub pipeline: String,
    /// Name of the Release whose build is tested.
    #[schemars(length(min = 1, max = 52))]
    pub release: String,
    /// UID of that Release.
    #[schemars(length(min = 1, max = 63))]
    pub release_uid: String,
    /// The build that the result is about.
    pub build_hash: BuildHash,
    /// Of all the workloads' templates together, when the run was made.
    #[schemars(length(max = 40))]
    pub template: String,
    /// Name of the Environment where it runs; `build` where the suite is about the build itself.
    #[schemars(length(min = 1, max = 40))]
    pub environment: String,
    /// The rollout that asked for it, by the UTC stamp of its start; of a suite about the build itself, when its release was made.
    #[schemars(length(min = 1, max = 20))]
    pub attempt: String,
    /// Name of the suite.
    #[schemars(length(min = 1, max = 40))]
    pub suite: String,
    /// What runs the suite.
    pub runner: Runner,
    /// Percent of the code that its tests must have run, as the pipeline asked for when the run was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_coverage: Option<Coverage>,
}

/// What runs the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Runner {
    /// The operator, as a Job made from a suspended CronJob.
    Job,
    /// CI, which reports the result in the status.
    External,
    /// The operator, by requests to the new pods.
    Http,
    /// The operator, by queries to a provider of metrics.
    Metric,
}

/// How far a run is, and its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RunPhase {
    /// Made, not started.
    #[default]
    Pending,
    /// Started; no result yet.
    Running,
    /// A good result.
    Passed,
    /// A bad result: condemns the build. Final.
    Failed,
    /// A broken tool, or no result in time: says nothing about the build.
    Errored,
    /// The rollout ended before there was a result.
    Aborted,
}

/// The result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(oldSelf.phase) || oldSelf.phase != 'Failed' || (has(self.phase) && self.phase == 'Failed')", "status.phase: Failed is final"))]
#[x_kube(validation = ("!has(oldSelf.phase) || oldSelf.phase != 'Passed' || (has(self.phase) && self.phase in ['Passed', 'Failed'])", "status.phase: Passed may only become Failed, which withdraws the pass"))]
#[x_kube(validation = ("!has(self.phase) || self.phase != 'Passed' || !has(self.counts) || !has(self.counts.failed) || self.counts.failed == 0", "status.phase: cannot be Passed while status.counts.failed is not 0"))]
pub struct TestRunStatus {
    /// Generation of the TestRun that the operator has seen; -1 before that.
    #[serde(default)]
    #[schemars(range(min = -1, max = super::MAX_GENERATION))]
    pub observed_generation: i64,
    /// How far the run is, or its result. Passed may become Failed, which withdraws the pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RunPhase>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When there was a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Who wrote the result of an external suite; stamped at admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reporter: Option<String>,
    /// Tests counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Percent of the code that the tests ran, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Names of failing tests, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub failing: Vec<String>,
    /// What the runner says about the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// Where the full report is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^https?://.*$"))]
    pub url: Option<String>,
}

impl Counts {
    /// The highest count of any kind.
    pub const MAX: i64 = 1_000_000_000;
}

/// Tests counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Counts {
    /// All tests.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub total: i64,
    /// Tests that passed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub passed: i64,
    /// Tests that failed.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub failed: i64,
    /// Tests that were not run.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub skipped: i64,
}
