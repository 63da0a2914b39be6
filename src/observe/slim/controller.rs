//! What is kept of a workload of any kind: its template as hashes, whether it rolls by itself, and its counts.

use std::collections::BTreeMap;

use super::template::Template;
use super::writers::Writer;
use crate::api::Time;
use crate::observe::snapshot::Rolls;

/// A workload beside its metadata. Counts are those of its status, under the names that Deployments have for them.
#[derive(Clone, Debug, Default)]
pub struct Controller {
    pub template: Template,
    pub writers: BTreeMap<String, Writer>,
    pub rolls: Rolls,
    /// Of a Deployment: why a clone of it could not run beside it.
    pub obstacle: Option<String>,
    pub wanted: i32,
    pub observed_generation: i64,
    pub replicas: i32,
    pub updated: i32,
    pub ready: i32,
    pub available: i32,
    /// Pods are refused: since when and why.
    pub refused: Option<(Time, String)>,
}
