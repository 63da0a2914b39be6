//! The values that labels may take. All lists are closed, so no label grows without bound.

use crate::api::{Outcome as Ending, RolloutState};

/// How a pass ended. The names are labels of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to do.
    Settled,
    /// Effects were carried out, all of them.
    Acted,
    /// The caches do not show the last pass's writes yet.
    Stale,
    /// Someone else wrote in between: look again soon.
    Conflict,
    /// A write failed.
    Failed,
    /// The plan took step after step and came to no end.
    Restless,
    /// The pass panicked.
    Panicked,
    /// There is no such object any more.
    Gone,
    /// Another instance leads.
    NotLeader,
}

impl Outcome {
    /// As a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Acted => "acted",
            Self::Stale => "stale",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::Restless => "restless",
            Self::Panicked => "panicked",
            Self::Gone => "gone",
            Self::NotLeader => "not_leader",
        }
    }
}

/// What a measurement of a check or suite says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    Good,
    /// Good, as there is nothing to measure.
    Idle,
    /// A bad result of the new revision.
    Bad,
    /// No answer.
    Silent,
}

impl Measured {
    pub const ALL: [Self; 4] = [Self::Good, Self::Idle, Self::Bad, Self::Silent];

    /// As a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Idle => "idle",
            Self::Bad => "bad",
            Self::Silent => "silent",
        }
    }
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Create,
    Patch,
    /// Replace; of leases only.
    Update,
    Delete,
}

impl Verb {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    Ok,
    /// The object had moved.
    Conflict,
    /// An object of that name was there already.
    Exists,
    Refused,
    TimedOut,
    /// No connection, or an answer that could not be read.
    Unanswered,
    /// Not sent, as this replica does not lead.
    NotLeading,
}

impl WriteResult {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Conflict => "conflict",
            Self::Exists => "exists",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Unanswered => "unanswered",
            Self::NotLeading => "not_leading",
        }
    }
}

/// Phase of an open rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpenPhase {
    Preparing,
    Progressing,
    Verifying,
    Delivered,
    Reverting,
}

impl OpenPhase {
    pub const ALL: [Self; 5] = [Self::Preparing, Self::Progressing, Self::Verifying, Self::Delivered, Self::Reverting];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Progressing => "progressing",
            Self::Verifying => "verifying",
            Self::Delivered => "delivered",
            Self::Reverting => "reverting",
        }
    }
}

impl From<&RolloutState> for OpenPhase {
    fn from(state: &RolloutState) -> Self {
        match state {
            RolloutState::Preparing(_) => Self::Preparing,
            RolloutState::Progressing(_) | RolloutState::Stepping(_) => Self::Progressing,
            RolloutState::Verifying(_) => Self::Verifying,
            RolloutState::Delivered(_) | RolloutState::Homing(_) => Self::Delivered,
            RolloutState::Reverting(_) => Self::Reverting,
        }
    }
}

/// How a history entry is counted.
pub(super) const fn ending(outcome: Ending) -> &'static str {
    match outcome {
        Ending::Adopted => "adopted",
        Ending::Delivered => "delivered",
        Ending::Superseded => "superseded",
        Ending::Unverified => "unverified",
        Ending::Reverted => "reverted",
        Ending::ImageOnly => "image_only",
        Ending::Failed => "failed",
        Ending::Aborted => "aborted",
        Ending::ConfigChanged => "config_changed",
        Ending::Restored => "restored",
    }
}
