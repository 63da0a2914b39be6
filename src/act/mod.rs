//! Carries plans out: the only writer. Every mutating request passes the gate in `cluster`; what is sent is built by
//! pure functions beside each effect. A crash between two requests leaves nothing that the next pass would not find.

mod autoscaler;
mod clone;
mod clone_template;
mod cluster;
mod confirm;
mod effects;
mod error;
mod events;
mod images;
mod job_template;
mod jobs;
mod leadership;
mod object;
mod objects;
mod origin;
mod patch;
mod routing;
mod status;
mod touch;

pub use cluster::{Cluster, client};
pub use error::{Error, with_causes};
pub use leadership::{Grant, Leadership};
pub use object::{Object, Resource};

/// A write that the server took: the caches must reach it before the next decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// As it stands in manifests.
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub resource_version: String,
}

/// What became of the effects of one plan.
#[derive(Debug, Default)]
pub struct Done {
    /// Objects that stand as written, also those found already made. Not what is deleted: its absence cannot be waited for.
    pub written: Vec<Written>,
    pub failed: Vec<Error>,
    /// UIDs of objects to which a write that raises exposure got no answer: it may take effect yet.
    pub unsure: Vec<String>,
}
