//! History: one terminal entry per rollout, failures included, and what changed in between. At most 256 bytes each.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Time};

/// One line of a stage's history. The full record is in the Release's status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Name of the release; empty for what was found at adoption.
    #[schemars(length(max = 52))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub release: String,
    /// First twelve digits of the build hash.
    #[schemars(length(max = 12))]
    pub build: String,
    /// UTC stamp of the rollout's start.
    #[schemars(length(max = 20))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub attempt: String,
    /// How it ended, or what happened.
    pub outcome: Outcome,
    /// Why it went back, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The cause, in words; shortened so that the entry stays small.
    #[schemars(length(max = 100))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it ended or happened.
    pub at: Time,
}

/// How a rollout ended, or what else happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// Recorded as found, before the first write.
    Adopted,
    /// Live, proven, and healthy to the end of the bake.
    Delivered,
    /// Live and proven; a newer release started during its bake.
    Superseded,
    /// Live, but a suite gave no verdict: no evidence.
    Unverified,
    /// Gone back to the build before, as it was: images and template.
    Reverted,
    /// The images went back; the template is not the one recorded with them.
    ImageOnly,
    /// It failed and there is nothing to go back to, or going back failed.
    Failed,
    /// Ended without going back: someone else changed an image, or nothing had been written.
    Aborted,
    /// The pod template changed by itself.
    ConfigChanged,
    /// A workload was re-created and got its build back.
    Restored,
}

impl Outcome {
    /// Whether the entry ends a rollout.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Adopted | Self::ConfigChanged | Self::Restored => false,
            Self::Delivered
            | Self::Superseded
            | Self::Unverified
            | Self::Reverted
            | Self::ImageOnly
            | Self::Failed
            | Self::Aborted => true,
        }
    }
}
