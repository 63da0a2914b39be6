//! A stage of a pipeline as users write it: one environment's place, the suites that must pass there, the checks of health and
//! the hooks.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::approvals::Approvals;
use super::check::{Check, HttpProbe, MetricProbe, Pace};
use super::hook::Hooks;
use super::pipeline::ContainerRef;
use super::strategy::Strategy;
use super::{Coverage, Span};

/// One environment's place in the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.after) || self.after.all(a, self.after.exists_one(b, a == b))", "spec.stages[].after: each environment may stand there once"))]
#[x_kube(validation = ("!has(self.after) || self.after.size() > 0 || !has(self.promotion) || !has(self.promotion.soak)", "spec.stages[].promotion.soak: a stage that is after none has none before it"))]
#[x_kube(validation = ("!has(self.tests) || self.tests.all(t, self.tests.exists_one(u, u.suite == t.suite))", "spec.stages[].tests[].suite: each suite may stand there once"))]
#[x_kube(validation = ("!has(self.checks) || self.checks.all(c, self.checks.exists_one(d, d.name == c.name))", "spec.stages[].checks[].name: each check may stand there once"))]
#[x_kube(validation = ("!has(self.hooks) || !has(self.hooks.beforeTests) || (has(self.tests) && self.tests.size() > 0)", "spec.stages[].hooks.beforeTests: needs a suite in tests; without one it would never run"))]
pub struct Stage {
    /// Name of an Environment in this namespace.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = ("self != 'build'", "spec.stages[].environment: build is reserved for suites about the build itself"))]
    pub environment: String,
    /// Stages that a release must be proven in before it enters this one.
    /// They are named by their Environments and stand before it. Left out: the stage before. Empty: releases begin here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 9), inner(length(min = 1, max = 40)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub after: Option<Vec<String>>,
    /// How a new build is exposed. Exactly one strategy; default `rolling`.
    #[serde(default)]
    pub strategy: Strategy,
    /// How a release comes to enter the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// Suites that must pass here, for this build, in this attempt, before the next stage follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tests: Vec<Suite>,
    /// Health of the new revision while it rolls out, before it counts as delivered, and until its bake ends. Pods are always judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub checks: Vec<Check>,
    /// Jobs before the build is exposed, around its suites, and when it goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// How long a rollout may take to full exposure, the hooks before it included, pauses and drains not counted. Default 30m; 10s to 336h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('10s') && duration(self) <= duration('336h'))", "spec.stages[].progressDeadline: must be between 10s and 336h"))]
    pub progress_deadline: Option<Span>,
    /// How long health is judged after delivery, and may still revert. Default 10m; at most 168h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || duration(self) <= duration('168h')", "spec.stages[].bake: must be at most 168h"))]
    pub bake: Option<Span>,
    /// A pause or freeze before the delivery that lasts longer than this ends the rollout. Default and upper limit: the operator's `--max-pause`; at least 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('10s') && duration(self) <= duration('336h'))", "spec.stages[].maxPause: must be between 10s and 336h"))]
    pub max_pause: Option<Span>,
}

impl Stage {
    /// Limit for progressing, 30 minutes where the stage says nothing.
    pub fn progress_deadline(&self) -> Span {
        self.progress_deadline.unwrap_or(Span::seconds(30 * 60))
    }

    /// How long health is judged after delivery, 10 minutes where the stage says nothing.
    pub fn bake(&self) -> Span {
        self.bake.unwrap_or(Span::seconds(10 * 60))
    }

    /// What its suites and hooks are made from.
    pub fn jobs(&self) -> impl Iterator<Item = &JobSource> {
        let hooks = self.hooks.iter().flat_map(Hooks::all).map(|hook| &hook.job);
        self.tests.iter().filter_map(|suite| suite.job.as_ref()).chain(hooks)
    }

    /// Whether a person must promote each release.
    pub fn is_manual(&self) -> bool {
        self.promotion.as_ref().is_some_and(|p| p.mode == PromotionMode::Manual)
    }
}

/// How a release comes to enter the stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Promotion {
    /// Whether the newest release with open gates enters by itself.
    #[serde(default)]
    pub mode: PromotionMode,
    /// How long a build must have run in the stage before, proven there and without a break. At most 720h.
    /// The Environment's owner may ask for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || duration(self) <= duration('720h')", "spec.stages[].promotion.soak: must be at most 720h"))]
    pub soak: Option<Span>,
    /// Who must agree before a build enters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Approvals>,
}

/// Whether the newest release with open gates enters by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PromotionMode {
    /// The newest release with open gates enters by itself.
    #[default]
    Automatic,
    /// A person lets each release enter, with a Decision `Promote`.
    Manual,
}

/// A suite that must pass: exactly one of `job`, `external`, `http` and `metric`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.job), has(self.external), has(self.http), has(self.metric)].filter(x, x).size() == 1", "spec.stages[].tests[]: exactly one of job, external, http and metric must be set"))]
#[x_kube(validation = ("!has(self.external) || !has(self.retries)", "spec.stages[].tests[].retries: cannot be set for an external suite; CI may replace its own Errored until the time-out"))]
#[x_kube(validation = ("!(has(self.http) || has(self.metric)) || !has(self.retries)", "spec.stages[].tests[].retries: cannot be set for http and metric; they measure until the time-out"))]
#[x_kube(validation = ("!(has(self.http) || has(self.metric)) || !has(self.minimumCoverage)", "spec.stages[].tests[].minimumCoverage: cannot be set for http and metric; they run no tests"))]
#[x_kube(validation = ("has(self.http) || has(self.metric) || !(has(self.interval) || has(self.failures) || has(self.samples) || has(self.maxFailedPercent))", "spec.stages[].tests[]: interval, failures, samples and maxFailedPercent are for http and metric"))]
pub struct Suite {
    /// Name of the suite; also in the name of its TestRuns.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub suite: String,
    /// Run as a Job made from a suspended CronJob in the target namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobSource>,
    /// Reported by CI in the TestRun's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    /// Asks the new pods themselves, until there are as many good results as `samples` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpProbe>,
    /// Asks a provider of metrics, until there are as many good results as `samples` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricProbe>,
    #[serde(flatten)]
    pub pace: Pace,
    /// Longer is Errored. Default 1h for an external suite, else 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('168h'))", "spec.stages[].tests[].timeout: must be between 1s and 168h"))]
    pub timeout: Option<Span>,
    /// Percent of the code that its tests must have run, 0 to 100. A pass that reports less is Failed, one that reports none Errored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_coverage: Option<Coverage>,
    /// How often an Errored job is tried again; a Failed one never is. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<u32>,
}

impl Suite {
    /// Limit for one try.
    pub fn timeout(&self) -> Span {
        self.timeout.unwrap_or(Span::seconds(if self.external.is_some() { 60 * 60 } else { 30 * 60 }))
    }

    /// Whether the operator measures it.
    pub fn is_measured(&self) -> bool {
        self.http.is_some() || self.metric.is_some()
    }

    /// Further tries after an Errored one.
    pub fn retries(&self) -> u32 {
        if self.job.is_some() { self.retries.unwrap_or(1) } else { 0 }
    }
}

/// A suite about the build itself, such as unit tests or a scan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildSuite {
    /// Name of the suite; also in the name of its TestRuns.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub suite: String,
    /// Reported by CI in the TestRun's status.
    pub external: External,
    /// Percent of the code that its tests must have run, 0 to 100. A pass that reports less is Failed, one that reports none Errored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_coverage: Option<Coverage>,
}

/// A named, suspended CronJob labelled `windlass.dev/runnable: "true"`, and where the build's images go in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.containers) || self.containers.all(c, self.containers.exists_one(d, d.name == c.name))", "job.containers[].name: each container may stand there once"))]
pub struct JobSource {
    /// Name of the CronJob. It must be suspended and carry the label `windlass.dev/runnable: "true"`.
    #[schemars(length(min = 1, max = 52), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub cron_job: String,
    /// Its containers that run the build's images. Others keep what the CronJob says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub containers: Vec<ContainerRef>,
}

/// The result comes from outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct External {}
