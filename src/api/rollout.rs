//! A rollout as it is stored: its plan as frozen at the start, and its state.
//!
//! ```text
//!  (gates open) ─► (Preparing) ─► Progressing ─► Verifying ─► Delivered ─► settled               rolling
//!  (gates open) ─► (Preparing) ─► Stepping ────► Verifying ─► Delivered ─► Homing ─► settled     with a clone
//!                       └────────────┴──────┬──────┴────────────┴───────────┘ failed, aborted, withdrawn, health lost
//!                                           ▼
//!                                       Reverting ─► reverted
//! ```

mod state;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::build::FoundImage;
use super::check::Check;
use super::decision::Skippable;
use super::hook::{HookPoint, HookState};
use super::labels::STABLE;
use super::pipeline::WorkloadRef;
use super::stage::{JobSource, Suite};
use super::strategy::Strategy;
use super::test_run::{Counts, RunPhase};
use super::traffic::Traffic;
use super::{BuildHash, Coverage, DataSchema, Span, Time};

pub use state::{
    Baking, Cause, Ending, Homing, Preparing, Progressing, RevertRequest, Reverting, RolloutState, Stepping, Verifying,
};

/// One attempt to make a build live in a stage, or to go back from it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// UTC stamp of its start; evidence and bans are bound to it.
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// Name of the release.
    #[schemars(length(max = 52))]
    pub release: String,
    /// UID of the release.
    #[schemars(length(max = 63))]
    pub release_uid: String,
    /// Its version.
    #[schemars(length(max = 64))]
    pub version: String,
    /// Hash of its build.
    pub build: BuildHash,
    /// The schema of its data, as its release says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<DataSchema>,
    /// When it started.
    pub started_at: Time,
    /// UID of the Decision that started it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub decision: Option<String>,
    /// Gates that were closed when it started, or froze it since, and that a person's Override lets it pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub overridden: Vec<Skippable>,
    /// How the build is exposed, as frozen at the start.
    #[serde(default, skip_serializing_if = "Strategy::is_rolling")]
    pub strategy: Strategy,
    /// The route by which the clone is exposed, as frozen at the start; none where its share is the number of its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// The only workloads that it may touch, and their clones.
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub workloads: Vec<RolloutWorkload>,
    /// The suites that must pass, and how far they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub suites: Vec<SuiteState>,
    /// Its hooks, in the order in which those of one point run, and how far they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub hooks: Vec<HookState>,
    /// The checks of health, as frozen at the start. What they measure is kept in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub checks: Vec<Check>,
    /// Limit for preparing and progressing, as frozen at the start.
    pub progress_deadline: Span,
    /// How long health is judged after delivery, as frozen at the start.
    pub bake: Span,
    /// A pause that lasts longer ends it, as frozen at the start; none where the stage says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pause: Option<Span>,
    /// When the new build was fully exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposed_at: Option<Time>,
    /// Where it goes back to; none for the first build of a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Live>,
    /// Where it stands. Exactly one state.
    pub state: RolloutState,
}

/// A workload of the frozen plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct RolloutWorkload {
    #[serde(flatten)]
    pub workload: WorkloadRef,
    /// Its UID, as seen last under an image of ours.
    #[schemars(length(max = 63))]
    pub uid: String,
    /// Of its pod template, as seen last in this rollout.
    #[schemars(length(max = 40))]
    pub fingerprint: String,
    /// The generation at which that was first seen.
    #[serde(default)]
    #[schemars(range(min = 0, max = super::MAX_GENERATION))]
    pub generation: i64,
    /// Template hash of its pods when the rollout started: what checks compare with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub stable: String,
    /// Images found at the start in containers that were not managed before: the way back restores them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub found: Vec<FoundImage>,
}

impl Rollout {
    /// Whether the new build runs in clones alone, or not at all yet: the workloads run what they ran before.
    pub fn is_apart(&self) -> bool {
        match self.state {
            RolloutState::Preparing(_) => true,
            RolloutState::Stepping(_) | RolloutState::Verifying(_) | RolloutState::Delivered(_) => {
                self.strategy.clones()
            }
            RolloutState::Progressing(_) | RolloutState::Homing(_) | RolloutState::Reverting(_) => false,
        }
    }

    /// The value of `windlass.dev/track` of the pods in which the new build is tried.
    pub fn track(&self) -> &'static str {
        self.strategy.track().unwrap_or(STABLE)
    }

    /// Whether its suites are to run now.
    pub fn is_testing(&self) -> bool {
        let mut clearing = self.hooks.iter().filter(|hook| hook.point == HookPoint::BeforeTests);
        self.is_proving() && clearing.all(|hook| hook.phase() == Some(RunPhase::Passed))
    }

    /// Whether it has come to where its suites run.
    pub fn is_proving(&self) -> bool {
        match &self.state {
            RolloutState::Verifying(_) => true,
            RolloutState::Stepping(state) => self.strategy.tests_first() && state.step == 0 && state.since.is_some(),
            RolloutState::Preparing(_)
            | RolloutState::Progressing(_)
            | RolloutState::Delivered(_)
            | RolloutState::Homing(_)
            | RolloutState::Reverting(_) => false,
        }
    }

    /// What requests under way are given after each change of weights; nothing where there are none.
    pub fn drain(&self) -> Span {
        self.traffic.as_ref().map_or(Span::seconds(0), Traffic::drain)
    }

    /// What its suites and hooks are made from.
    pub fn jobs(&self) -> impl Iterator<Item = &JobSource> {
        let suites = self.suites.iter().filter_map(|suite| suite.plan.job.as_ref());
        suites.chain(self.hooks.iter().map(|hook| &hook.plan.job))
    }

    /// The workloads of which it makes clones.
    pub fn cloned(&self) -> impl Iterator<Item = &RolloutWorkload> {
        let clones = self.strategy.clones();
        self.workloads.iter().filter(move |plan| clones && plan.workload.is_cloned())
    }
}

/// A build that is or was live in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// Name of its release; empty for revision 0 and for images that a person set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 52))]
    pub release: String,
    /// UID of its release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub release_uid: String,
    /// Version of its release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub version: String,
    /// Hash of the build.
    pub build: BuildHash,
    /// Version of the schema of its data, if its release said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub schema: Option<u32>,
    /// The order of its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// The attempt that made it live.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// Since when it has been live.
    pub since: Time,
    /// Recorded healthy: it reached Delivered, or was available at adoption. Only such a build is a revert target.
    pub healthy: bool,
    /// What its hooks have left to be thought of on the way back.
    #[serde(default, skip_serializing_if = "Prepared::is_empty")]
    pub prepared: Prepared,
    /// Of all its workloads' templates together.
    #[serde(default)]
    #[schemars(length(max = 40))]
    pub template: String,
}

/// What the hooks before a build have left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Prepared {
    /// Hooks of `before` had started: those of `onRevert` run when it goes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
    /// A hook with `revert: Hold` that had started: the build does not go back by itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 40))]
    pub hold: String,
}

impl Prepared {
    /// Whether there is nothing to think of.
    pub fn is_empty(&self) -> bool {
        !self.started && self.hold.is_empty()
    }
}

/// One suite of a rollout: the frozen definition and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteState {
    /// The suite as frozen at the start.
    pub plan: Suite,
    /// UID of the TestRun once seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub run_uid: Option<String>,
    #[serde(flatten)]
    pub tries: Tries,
    /// The latched verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// The tries of something that runs, and the present one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tries {
    /// Since when the present try runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Number of the present try, from 1.
    #[serde(default, rename = "try")]
    #[schemars(range(min = 0, max = 20))]
    pub attempt: u32,
    /// UID of the present try's Job once seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub job_uid: Option<String>,
    /// Whether that Job was ever seen running: it is never started twice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub started: bool,
}

impl Tries {
    /// The first one begins then.
    pub const fn from(at: Time) -> Self {
        Self { since: Some(at), attempt: 1, job_uid: None, started: false }
    }
}

/// A final result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The result.
    pub phase: RunPhase,
    /// When it was given.
    pub at: Time,
    /// Tests counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Percent of the code that the tests ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What the runner said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub message: String,
    /// Names of failing tests, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 128)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub failing: Vec<String>,
    /// Where the full report is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub url: Option<String>,
    /// Who reported it, of an external suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reporter: Option<String>,
}
