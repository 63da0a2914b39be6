//! How a stage exposes a new build: one variant per strategy.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;
use super::labels::{CANARY, GREEN};

/// Exactly one strategy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// Set the images and let the workload's own controller roll; judge the new pods only.
    Rolling {},
    /// Run the new build in a clone beside the workload, step by step; the workload itself is rolled when the bake is over.
    Canary(Canary),
    /// Run the new build in a clone of full size that gets no requests until its suites have passed, then all at once.
    /// The workload itself is rolled when the bake is over. Needs `spec.traffic`; the Service `NAME-green` beside its Service
    /// shows the build to its suites before the switch.
    BlueGreen(BlueGreen),
}

/// What stands before the switch of blue-green: the clone in full, and no requests.
const PREVIEW: CanaryStep = CanaryStep { weight: 0, pause: None };

impl Default for Strategy {
    fn default() -> Self {
        Self::Rolling {}
    }
}

impl Strategy {
    /// Whether the new build runs in a clone until it is proven.
    pub const fn clones(&self) -> bool {
        self.track().is_some()
    }

    /// The value of `windlass.dev/track` of its clones.
    pub const fn track(&self) -> Option<&'static str> {
        match self {
            Self::Rolling {} => None,
            Self::Canary(_) => Some(CANARY),
            Self::BlueGreen(_) => Some(GREEN),
        }
    }

    /// Whether its suites run before the build gets any request.
    pub const fn tests_first(&self) -> bool {
        matches!(self, Self::BlueGreen(_))
    }

    /// The steps before full exposure; none where the build is rolled.
    pub fn steps(&self) -> &[CanaryStep] {
        match self {
            Self::Rolling {} => &[],
            Self::Canary(canary) => &canary.steps,
            Self::BlueGreen(_) => &[PREVIEW],
        }
    }

    /// What becomes of an autoscaler that does not count the clone's pods.
    pub const fn autoscaler(&self) -> Autoscaler {
        match self {
            Self::Rolling {} => Autoscaler::Ignore,
            Self::Canary(canary) => canary.autoscaler,
            Self::BlueGreen(green) => green.autoscaler,
        }
    }

    /// Whether it is the one that stands where a stage says nothing.
    pub const fn is_rolling(&self) -> bool {
        !self.clones()
    }
}

/// Exposure in steps. After the last one the clone is brought to the workload's full size.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Canary {
    /// The shares, rising, and how long each is watched. Full exposure follows by itself.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[x_kube(validation = ("self.map(s, s.weight).isSorted() && self.all(s, self.exists_one(t, t.weight == s.weight))", "spec.stages[].strategy.canary.steps[].weight: must rise from step to step"))]
    pub steps: Vec<CanaryStep>,
    /// What becomes of an autoscaler of the workload that does not count the clone's pods.
    #[serde(default)]
    pub autoscaler: Autoscaler,
}

/// A switch from the workload to a clone in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct BlueGreen {
    /// What becomes of an autoscaler of the workload that does not count the clone's pods.
    #[serde(default)]
    pub autoscaler: Autoscaler,
}

/// What becomes of an autoscaler that scales the workload and does not count the clone's pods: the clone takes load off the
/// workload, so it would shrink what is the way back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Autoscaler {
    /// It does not shrink the workload while there is a clone; what its `behavior` said is put back afterwards.
    #[default]
    Lock,
    /// It is left alone.
    Ignore,
}

/// One step of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct CanaryStep {
    /// Share of the new build in percent.
    /// With `spec.traffic` it is the weight in its route; else it is by the number of pods, never more than asked, one at least.
    #[schemars(range(min = 1, max = 100))]
    pub weight: u32,
    /// How long the step is watched once its pods are ready; a Decision `Promote` ends it. Default 0s; at most 168h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("!self.matches('^[0-9]+[hms]([0-9]+[ms])?([0-9]+s)?$') || duration(self) <= duration('168h')", "spec.stages[].strategy.canary.steps[].pause: must be at most 168h"))]
    pub pause: Option<Span>,
}

impl CanaryStep {
    /// How long the step is watched, not at all where it says nothing.
    pub fn pause(&self) -> Span {
        self.pause.unwrap_or(Span::seconds(0))
    }
}
