//! The five kinds, `windlass.dev/v1alpha1`: what users write and read back. Types only; decisions are in `plan`.

pub mod approvals;
pub mod build;
pub mod check;
pub mod checkpoint;
pub mod conditions;
pub mod coverage;
pub mod decision;
pub mod environment;
pub mod freeze;
pub mod history;
pub mod hook;
pub mod labels;
pub mod origin;
pub mod pipeline;
pub mod preflight;
pub mod release;
pub mod rollout;
pub mod schema;
pub mod stage;
pub mod strategy;
pub mod test_run;
pub mod time;
pub mod traffic;
pub mod window;

pub use build::{BuildHash, BuildRow, DataSchema, FoundImage, ImageDigest};
pub use checkpoint::{PipelineStatus, StageStatus};
pub use conditions::Condition;
pub use coverage::Coverage;
pub use decision::{Decision, DecisionPhase, DecisionSpec, DecisionStatus, DecisionType};
pub use environment::{Environment, EnvironmentSpec, EnvironmentStatus, Policy};
pub use history::{HistoryEntry, Outcome};
pub use origin::Origin;
pub use pipeline::{DeliveryPipeline, DeliveryPipelineSpec};
pub use preflight::{Matches, Preflight, PreflightKind};
pub use release::{Phase, Release, ReleaseSpec, ReleaseStatus};
pub use rollout::{Cause, Ending, Live, Rollout, RolloutState};
pub use test_run::{RunPhase, Runner, TestRun, TestRunSpec, TestRunStatus};
pub use time::{Span, Time};
pub use traffic::Traffic;

/// The API group of all five kinds.
pub const GROUP: &str = "windlass.dev";

/// The largest generation that survives JSON as a number of double precision.
pub const MAX_GENERATION: i64 = (1 << 53) - 1;
