//! `Release`: one build on one pipeline, as people and CI ask for it.

mod status;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{DataSchema, Time};

pub use status::{AttemptRecord, GateStatus, HookSummary, Phase, ReleaseStage, ReleaseStatus, RunSummary, ShareStatus};

/// One build on one pipeline.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "Release",
    namespaced,
    status = "ReleaseStatus",
    shortname = "rel",
    category = "windlass",
    doc = "One build on one pipeline.",
    selectable = ".spec.pipeline",
    validation = ("self.metadata.name.size() <= 52", "metadata.name: must have at most 52 characters"),
    printcolumn(name = "Pipeline", type_ = "string", json_path = ".spec.pipeline"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.build.version"),
    printcolumn(name = "Stage", type_ = "string", json_path = ".status.stage"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Tests", type_ = "string", json_path = ".status.tests"),
    printcolumn(name = "By", type_ = "string", json_path = ".status.by"),
    printcolumn(name = "Delivered", type_ = "date", json_path = ".status.deliveredAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Waiting For", type_ = "string", json_path = ".status.waitingFor")
)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseSpec {
    /// Name of the DeliveryPipeline in this namespace.
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = ("self == oldSelf", "spec.pipeline: is immutable; make another Release"))]
    pub pipeline: String,
    /// What is released. It cannot be changed afterwards.
    #[x_kube(validation = ("self == oldSelf", "spec.build: is immutable; make another Release"))]
    pub build: Build,
    /// Name of the Environment of the last stage that it may reach. Default the last one of the pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub last_stage: Option<String>,
    /// Stay at the present step; do not start anywhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Who asked for it; stamped at admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub requested_by: Option<String>,
}

/// The immutable content of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    /// Version of the build, as people know it.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._+-]+$"))]
    pub version: String,
    /// When the build was made: the order of releases.
    pub created_at: Time,
    /// One image for each entry of the pipeline's `images`.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub images: Vec<ImageRef>,
    /// Where the build comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The schema of its data, where builds depend on it. Who gives it once gives it for every later build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<DataSchema>,
}

/// An image by digest (`name@sha256:…`, `name:tag@sha256:…`), or by tag where the environment's policy allows tags.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct ImageRef {
    /// Name of an entry of the pipeline's `images`.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The image by digest (`name@sha256:…` or `name:tag@sha256:…`); a tag alone enters only where the Environment allows tags.
    #[schemars(
        length(min = 1, max = 512),
        regex(
            pattern = r"^[a-z0-9][a-zA-Z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$"
        )
    )]
    #[x_kube(validation = ("self.contains('@sha256:') || self.matches(':[A-Za-z0-9_][A-Za-z0-9._-]*$')", "ref: must have a digest (name@sha256:…), or a tag where the environment allows tags"))]
    pub r#ref: String,
}

/// Where the build comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// URL of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub repository: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub revision: Option<String>,
    /// The branch that it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub branch: Option<String>,
    /// Who wrote the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub author: Option<String>,
    /// Pull requests that came in since the build before, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pull_requests: Vec<PullRequest>,
    /// The CI run that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^https?://.*$"))]
    pub run_url: Option<String>,
}

/// A pull request that is part of the build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct PullRequest {
    /// Its number.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub number: i64,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub title: Option<String>,
    /// Who opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub author: Option<String>,
    /// Where to read it, `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), regex(pattern = r"^https?://.*$"))]
    pub url: Option<String>,
}
