//! How a stage exposes a new build: one variant per strategy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Exactly one strategy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Strategy {
    /// Set the images and let the workload's own controller roll; judge the new pods only.
    Rolling {},
}

impl Default for Strategy {
    fn default() -> Self {
        Self::Rolling {}
    }
}
