//! Where a wish comes from that a GitOps tool brought.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What applied an object out of git, as its labels, annotations and managed fields say; who may write those may say anything.
/// The tool stands for the people behind its commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The field manager that wrote it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub manager: String,
    /// The ServiceAccount by which it came, as the admission policies stamp it; without them it is what the manifest says, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub service_account: String,
    /// `Kustomization`, `HelmRelease` or `Application`.
    #[schemars(length(max = 40))]
    pub kind: String,
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The revision that it was applying then; empty where the operator may not read it, or would tell more than the ServiceAccount may read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub revision: String,
}
