//! Hooks: Jobs before a build is exposed, around its suites, and when it goes back.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollout::{Tries, Verdict};
use super::stage::JobSource;
use super::{RunPhase, Span};

/// Jobs around a rollout, with the new build's images. The hooks of each list run one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("!has(self.before) || self.before.all(h, self.before.exists_one(g, g.name == h.name))", "spec.stages[].hooks.before[].name: each hook may stand there once"))]
#[x_kube(validation = ("!has(self.beforeTests) || self.beforeTests.all(h, self.beforeTests.exists_one(g, g.name == h.name))", "spec.stages[].hooks.beforeTests[].name: each hook may stand there once"))]
#[x_kube(validation = ("!has(self.after) || self.after.all(h, self.after.exists_one(g, g.name == h.name))", "spec.stages[].hooks.after[].name: each hook may stand there once"))]
#[x_kube(validation = ("!has(self.onRevert) || self.onRevert.all(h, self.onRevert.exists_one(g, g.name == h.name))", "spec.stages[].hooks.onRevert[].name: each hook may stand there once"))]
#[x_kube(validation = ("!has(self.onRevert) || self.onRevert.all(h, !has(h.revert))", "spec.stages[].hooks.onRevert[].revert: cannot be set; it is the way back itself"))]
#[x_kube(validation = ("!has(self.onRevert) || (has(self.before) && self.before.size() > 0)", "spec.stages[].hooks.onRevert: needs a hook in before; without one it would never run"))]
pub struct Hooks {
    /// Before anything of the build is exposed: a back-up, a migration. Not where the stage runs that build already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub before: Vec<Hook>,
    /// Before the first suite starts: a clean-up of the place in which they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub before_tests: Vec<Hook>,
    /// Once every suite and check has passed, before the build counts as delivered: a smoke test, an integration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub after: Vec<Hook>,
    /// When the build goes back and any hook of `before` had started: once the images are put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub on_revert: Vec<Hook>,
}

impl Hooks {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Hook> {
        self.before.iter().chain(&self.before_tests).chain(&self.after).chain(&self.on_revert)
    }
}

/// One Job around a rollout. It may run more than once, so let it be repeatable.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hook {
    /// Name of the hook; also in the name of its Jobs.
    #[schemars(length(min = 1, max = 40), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Run as a Job made from a suspended CronJob in the target namespace.
    pub job: JobSource,
    /// Longer is Errored. Default 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || (duration(self) >= duration('1s') && duration(self) <= duration('168h'))", "spec.stages[].hooks: timeout must be between 1s and 168h"))]
    pub timeout: Option<Span>,
    /// How often an Errored one is tried again; a Failed one never is. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<u32>,
    /// What it means for the way back. Default Auto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert: Option<HookRevert>,
}

impl Hook {
    /// Limit for one try.
    pub fn timeout(&self) -> Span {
        self.timeout.unwrap_or(Span::seconds(30 * 60))
    }

    /// Further tries after an Errored one.
    pub fn retries(&self) -> u32 {
        self.retries.unwrap_or(0)
    }
}

/// What a hook that has started means for the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HookRevert {
    /// The build before it can still run.
    Auto,
    /// It may not: a build that is exposed goes back only when people say so. Else the stage is held, and that is told.
    Hold,
}

/// When a hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HookPoint {
    /// Before anything of the build is exposed.
    Before,
    /// Before the first suite starts.
    BeforeTests,
    /// Once every suite and check has passed.
    After,
    /// When the build goes back.
    OnRevert,
}

impl HookPoint {
    /// As the list is called in the pipeline.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::BeforeTests => "beforeTests",
            Self::After => "after",
            Self::OnRevert => "onRevert",
        }
    }
}

/// One hook of a rollout: the frozen definition and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookState {
    /// When it runs.
    pub point: HookPoint,
    /// The hook as frozen at the start.
    pub plan: Hook,
    #[serde(flatten)]
    pub tries: Tries,
    /// The latched result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl HookState {
    /// How it ended.
    pub fn phase(&self) -> Option<RunPhase> {
        self.verdict.as_ref().map(|verdict| verdict.phase)
    }

    /// Whether it has begun and not ended.
    pub const fn is_running(&self) -> bool {
        self.tries.since.is_some() && self.verdict.is_none()
    }
}
