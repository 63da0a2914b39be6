//! `DeliveryPipeline`: what is delivered, along which environments, how, on what evidence.

use std::collections::BTreeSet;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checkpoint::PipelineStatus;
use super::release::Source;
use super::stage::{BuildSuite, Stage};
use super::traffic::Traffic;
use super::{DataSchema, Time};

/// Each stage by itself: a rule that looks for the places of names would cost more than the server lets one cost.
const AFTER: &str = concat!(
    "(!has(self.stages[0].after) || self.stages[0].after.size() == 0)",
    " && (self.stages.size() <= 1 || !has(self.stages[1].after) || self.stages[1].after.all(a, a in [self.stages[0].environment]))",
    " && (self.stages.size() <= 2 || !has(self.stages[2].after) || self.stages[2].after.all(a, a in [self.stages[0].environment, self.stages[1].environment]))",
    " && (self.stages.size() <= 3 || !has(self.stages[3].after) || self.stages[3].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment]))",
    " && (self.stages.size() <= 4 || !has(self.stages[4].after) || self.stages[4].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment, self.stages[3].environment]))",
    " && (self.stages.size() <= 5 || !has(self.stages[5].after) || self.stages[5].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment, self.stages[3].environment, self.stages[4].environment]))",
    " && (self.stages.size() <= 6 || !has(self.stages[6].after) || self.stages[6].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment, self.stages[3].environment, self.stages[4].environment, self.stages[5].environment]))",
    " && (self.stages.size() <= 7 || !has(self.stages[7].after) || self.stages[7].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment, self.stages[3].environment, self.stages[4].environment, self.stages[5].environment, self.stages[6].environment]))",
    " && (self.stages.size() <= 8 || !has(self.stages[8].after) || self.stages[8].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment, self.stages[3].environment, self.stages[4].environment, self.stages[5].environment, self.stages[6].environment, self.stages[7].environment]))",
    " && (self.stages.size() <= 9 || !has(self.stages[9].after) || self.stages[9].after.all(a, a in [self.stages[0].environment, self.stages[1].environment, self.stages[2].environment, self.stages[3].environment, self.stages[4].environment, self.stages[5].environment, self.stages[6].environment, self.stages[7].environment, self.stages[8].environment]))",
);

/// What is delivered, along which environments, how, on what evidence.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "windlass.dev",
    version = "v1alpha1",
    kind = "DeliveryPipeline",
    namespaced,
    status = "PipelineStatus",
    shortname = "dp",
    category = "windlass",
    doc = "What is delivered, along which environments, how, and on what evidence.",
    validation = ("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40", "metadata.name: must be a DNS label of at most 40 characters"),
    printcolumn(name = "Head", type_ = "string", json_path = ".status.head.version"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Delivered", type_ = "string", json_path = ".status.conditions[?(@.type=='Delivered')].status"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.workloads.all(w, w.containers.all(c, self.images.exists(i, i.name == c.imageName)))", "spec.workloads[].containers[].imageName: must be the name of an entry of spec.images"))]
#[x_kube(validation = ("self.workloads.all(w, self.workloads.exists_one(v, v.kind == w.kind && v.name == w.name))", "spec.workloads: each kind and name may stand there once"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.strategy) || !has(s.strategy.canary)) || self.workloads.exists(w, w.kind == 'Deployment' && (!has(w.exposure) || w.exposure == 'Traffic'))", "spec.stages[].strategy.canary: needs an entry of spec.workloads with kind Deployment and exposure Traffic"))]
#[x_kube(validation = ("self.stages.all(s, self.stages.exists_one(t, t.environment == s.environment))", "spec.stages[].environment: each environment may stand there once"))]
#[x_kube(validation = ("!has(self.pins) || self.pins.all(p, self.stages.exists(s, s.environment == p.environment))", "spec.pins[].environment: must be the environment of an entry of spec.stages"))]
#[x_kube(validation = (AFTER, "spec.stages[].after: must name stages that stand before it in spec.stages"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.tests) || s.tests.all(t, !has(t.job) || !has(t.job.containers) || t.job.containers.all(c, self.images.exists(i, i.name == c.imageName))))", "spec.stages[].tests[].job.containers[].imageName: must be the name of an entry of spec.images"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.hooks) || !has(s.hooks.before) || s.hooks.before.all(h, !has(h.job.containers) || h.job.containers.all(c, self.images.exists(i, i.name == c.imageName))))", "spec.stages[].hooks.before[].job.containers[].imageName: must be the name of an entry of spec.images"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.hooks) || !has(s.hooks.beforeTests) || s.hooks.beforeTests.all(h, !has(h.job.containers) || h.job.containers.all(c, self.images.exists(i, i.name == c.imageName))))", "spec.stages[].hooks.beforeTests[].job.containers[].imageName: must be the name of an entry of spec.images"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.hooks) || !has(s.hooks.after) || s.hooks.after.all(h, !has(h.job.containers) || h.job.containers.all(c, self.images.exists(i, i.name == c.imageName))))", "spec.stages[].hooks.after[].job.containers[].imageName: must be the name of an entry of spec.images"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.hooks) || !has(s.hooks.onRevert) || s.hooks.onRevert.all(h, !has(h.job.containers) || h.job.containers.all(c, self.images.exists(i, i.name == c.imageName))))", "spec.stages[].hooks.onRevert[].job.containers[].imageName: must be the name of an entry of spec.images"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.checks) || s.checks.all(c, !has(c.metric) || !has(c.metric.workload) || self.workloads.exists(w, w.name == c.metric.workload)))", "spec.stages[].checks[].metric.workload: must be the name of an entry of spec.workloads"))]
#[x_kube(validation = ("self.stages.all(s, !has(s.tests) || s.tests.all(t, !has(t.metric) || !has(t.metric.workload) || self.workloads.exists(w, w.name == t.metric.workload)))", "spec.stages[].tests[].metric.workload: must be the name of an entry of spec.workloads"))]
#[x_kube(validation = ("!has(self.release) || (self.release.images.all(r, self.images.exists(i, i.name == r.name)) && self.images.all(i, self.release.images.exists(r, r.name == i.name)))", "spec.release.images: must name exactly the entries of spec.images"))]
#[x_kube(validation = ("!has(self.release) || self.release.images.all(r, !self.images.exists(i, i.name == r.name) || self.images.exists(i, i.name == r.name && (r.ref.startsWith(i.repository + '@') || r.ref.startsWith(i.repository + ':'))))", "spec.release.images[].ref: must come from the repository of the entry of spec.images with that name"))]
#[x_kube(validation = ("!has(self.traffic) || self.stages.exists(s, has(s.strategy) && (has(s.strategy.canary) || has(s.strategy.blueGreen)))", "spec.traffic: is for stages with strategy canary or blueGreen, and there is none"))]
#[x_kube(validation = ("!has(self.stages[0].promotion) || !has(self.stages[0].promotion.soak)", "spec.stages[0].promotion.soak: the first stage has none before it"))]
#[x_kube(validation = ("has(self.traffic) || self.stages.all(s, !has(s.strategy) || !has(s.strategy.blueGreen))", "spec.stages[].strategy.blueGreen: needs spec.traffic"))]
#[x_kube(validation = ("!has(self.traffic) || self.workloads.filter(w, w.kind == 'Deployment' && (!has(w.exposure) || w.exposure == 'Traffic')).size() == 1", "spec.traffic: needs exactly one entry of spec.workloads with kind Deployment and exposure Traffic"))]
pub struct DeliveryPipelineSpec {
    /// The only repositories that Windlass puts images in from, each under a name.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub images: Vec<ImageSource>,
    /// Which container runs which named image. The same names in each target namespace. Rolled in this order, reverted in reverse.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub workloads: Vec<WorkloadRef>,
    /// How requests reach the workload. With it, canaries share them by the weights of a route; without, by the number of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Suites about the build itself. A release enters no first stage before they have passed for it, and none after one has failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["suite".into()]))]
    pub tests: Vec<BuildSuite>,
    /// The way to production, in order. A release enters a stage after it was proven in the one before, or in those that it names.
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub stages: Vec<Stage>,
    /// The head, for git: the build that git wants. Windlass makes the Release for it; setting it back is a wish for the earlier build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Head>,
    /// Stages that are kept at one release until the entry is taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["environment".into()]))]
    pub pins: Vec<Pin>,
    /// Entries of history kept per stage. Default 20.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 1, max = 50))]
    pub history_limit: u32,
    /// Decide nothing new. Open rollouts are paused; reverts still run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
}

impl DeliveryPipelineSpec {
    /// The stage of that environment, if there is one.
    pub fn stage(&self, environment: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.environment == environment)
    }

    /// The stages that a release must be proven in before it enters that one.
    pub fn after(&self, environment: &str) -> Vec<&Stage> {
        let Some(at) = self.stages.iter().position(|stage| stage.environment == environment) else { return Vec::new() };
        let (before, from) = self.stages.split_at(at);
        match from.first().and_then(|stage| stage.after.as_ref()) {
            Some(named) => before.iter().filter(|stage| named.contains(&stage.environment)).collect(),
            None => before.last().into_iter().collect(),
        }
    }

    /// Whether releases begin there.
    pub fn is_first(&self, environment: &str) -> bool {
        self.after(environment).is_empty()
    }

    /// All stages on the way to that one, in their order.
    pub fn upstream(&self, environment: &str) -> Vec<&Stage> {
        let (mut way, mut next) = (BTreeSet::new(), vec![environment]);
        while let Some(name) = next.pop() {
            let before = self.after(name).into_iter().map(|stage| stage.environment.as_str());
            next.extend(before.filter(|name| way.insert(*name)));
        }
        self.stages.iter().filter(|stage| way.contains(stage.environment.as_str())).collect()
    }

    /// The stages that no other is after: where a release has come through.
    pub fn ends(&self) -> Vec<&Stage> {
        let is_end = |stage: &&Stage| {
            let is_before =
                |other: &Stage| self.after(&other.environment).iter().any(|s| s.environment == stage.environment);
            !self.stages.iter().any(is_before)
        };
        self.stages.iter().filter(is_end).collect()
    }
}

/// Entries of history that a stage keeps where the pipeline says nothing.
pub const fn history_limit() -> u32 {
    20
}

/// A named image and the one repository that it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct ImageSource {
    /// The name that workloads, suites and releases use for the image.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Registry and path, without tag or digest: `registry.example/shop/checkout`.
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = r"^[a-z0-9]([a-zA-Z0-9.-]*)(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*))+$")
    )]
    #[x_kube(validation = ("!self.contains('@') && !self.matches(':[^/]*$')", "spec.images[].repository: is written without tag and digest; a release brings them"))]
    pub repository: String,
}

/// A workload whose images the pipeline writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.containers.all(c, self.containers.exists_one(d, d.name == c.name))", "spec.workloads[].containers[].name: each container may stand there once"))]
#[x_kube(validation = ("!has(self.exposure) || self.exposure != 'Traffic' || self.kind == 'Deployment'", "spec.workloads[].exposure: Traffic is for Deployments; others are Workers"))]
pub struct WorkloadRef {
    /// Kind of the workload.
    pub kind: WorkloadKind,
    /// Whether it answers requests. `Traffic` (default for a Deployment) gets a clone in a canary; `Worker` (all others) is rolled
    /// when the canary is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// Name of the workload, the same in each target namespace.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// Its containers and init containers whose images are written. Others are left alone.
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub containers: Vec<ContainerRef>,
}

impl WorkloadRef {
    /// Kind and name, as messages and the status name it: `Deployment/checkout`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.kind.as_str(), self.name)
    }

    /// Name of its clone for a track.
    pub fn clone_name(&self, track: &str) -> String {
        format!("{}-{track}", self.name)
    }

    /// Whether the new build runs in a clone of it, where the strategy has clones.
    pub fn is_cloned(&self) -> bool {
        self.kind == WorkloadKind::Deployment && self.exposure != Some(Exposure::Worker)
    }
}

/// Whether a workload answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Exposure {
    /// It answers requests: a canary exposes a clone of it step by step.
    Traffic,
    /// It takes its work from elsewhere: rolled when the canary is proven.
    Worker,
}

/// Kinds of workload whose images can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet with `RollingUpdate` and no partition.
    StatefulSet,
    /// `apps/v1` DaemonSet with `RollingUpdate`.
    DaemonSet,
    /// `batch/v1` CronJob: complete when its images are set; its next Job within the bake is its health.
    CronJob,
}

impl WorkloadKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::CronJob];

    /// As it stands in manifests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
        }
    }
}

/// A container or init container, and the named image that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRef {
    /// Name of the container or init container.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Name of an entry of `spec.images`.
    #[schemars(length(min = 1, max = 40))]
    pub image_name: String,
}

/// That a stage is kept at one release, whatever else comes. Where another runs, it goes back to it at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// Environment of the stage.
    #[schemars(length(min = 1, max = 40))]
    pub environment: String,
    /// Name of a release that was delivered there before.
    #[schemars(length(min = 1, max = 52), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub release: String,
    /// Why, for everyone who waits.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

/// The build that git wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Version of the build, as people know it.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._+-]+$"))]
    pub version: String,
    /// One image for each entry of `spec.images`.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub images: Vec<super::release::ImageRef>,
    /// When the build was made. Without it, when Windlass first saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Where the build comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The schema of its data, where builds depend on it. Who gives it once gives it for every later build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<DataSchema>,
    /// Who asked for it; stamped at admission when version, source or images change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub requested_by: Option<String>,
}
