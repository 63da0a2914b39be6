//! Conditions as kstatus and `kubectl wait` read them: `Ready`, `Reconciling`, `Stalled`, `Delivered`.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// One condition. `reason` is a word for machines, `message` a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Reconciling`, `Stalled`, `Delivered` or `Frozen`.
    #[schemars(length(min = 1, max = 63))]
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    #[schemars(length(max = 7))]
    pub status: String,
    /// One word for machines: why `status` is what it is.
    #[schemars(length(max = 63))]
    pub reason: String,
    /// A sentence for people.
    #[schemars(length(max = 1024))]
    #[serde(default)]
    pub message: String,
    /// Generation of the object that the condition was computed from.
    #[serde(default)]
    #[schemars(range(min = -1, max = super::MAX_GENERATION))]
    pub observed_generation: i64,
    /// When `status` changed last.
    pub last_transition_time: Time,
}

/// The one of that type.
pub fn find<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.r#type == r#type)
}

/// Whether the one of that type is there and `True`.
pub fn is_true(conditions: &[Condition], r#type: &str) -> bool {
    find(conditions, r#type).is_some_and(|c| c.status == "True")
}
