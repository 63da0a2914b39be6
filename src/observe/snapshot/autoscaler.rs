//! What a decision sees of autoscalers.

use super::Claim;

/// A HorizontalPodAutoscaler of a workload, or one that the pipeline has locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    pub deleting: bool,
    /// Name of the Deployment that it scales.
    pub deployment: Option<String>,
    /// It counts the pods of the Deployment's clone as the Deployment's.
    pub counts_clone: bool,
    /// Another controller writes its spec.
    pub is_controlled: bool,
    /// It does not scale down, whoever said so.
    pub is_disabled: bool,
    /// Whose lock it bears: it stays until that one takes it off, also where someone else lets it scale down meanwhile.
    pub lock: Option<Claim>,
}

/// The lock of an autoscaler that no pipeline looks after any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftLock {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    /// A clone of that pipeline is still there.
    pub is_needed: bool,
    pub deleting: bool,
}
