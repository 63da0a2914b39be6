//! Freezes of an Environment: no exposure rises there until they end.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::Time;

/// What the Environment's owner asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Freeze {
    /// Why, for those who wait.
    #[schemars(length(min = 1, max = 200))]
    pub reason: String,
    /// When it ends by itself. Default: when it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = ("self < timestamp('9999-01-01T00:00:00Z')", "spec.freeze.until: must be before the year 9999; leave it out for a freeze without an end"))]
    pub until: Option<Time>,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct FreezeStatus {
    /// Since when the operator has known.
    pub since: Time,
    /// Who says so: `spec.freeze`, or the Namespace whose annotation it is.
    #[schemars(length(max = 100))]
    pub source: String,
    /// Why.
    #[schemars(length(max = 200))]
    pub reason: String,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}
