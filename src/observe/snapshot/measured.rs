//! What checks and measured suites have measured, and what of the cluster they need to know: kept in memory, and no longer
//! than the attempt that it is about.

use std::collections::BTreeMap;

use crate::api::Time;

/// What was measured for one check or suite, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Measured {
    /// The attempt that it is about.
    pub attempt: String,
    /// The pods that it is about: changes with the templates of the workloads.
    pub revision: String,
    pub samples: Vec<Sample>,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// When it began.
    pub at: Time,
    pub reading: Reading,
}

/// What one measurement says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    Good,
    /// There is nothing to measure, as a query of its own has shown: in words.
    Idle(String),
    /// A bad result of the new revision: in words.
    Bad(String),
    /// No answer, so nothing is known about the new revision: in words.
    Silent(String),
}

/// A Service as checks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// `spec.type: ExternalName`.
    pub external: bool,
    pub selector: BTreeMap<String, String>,
    /// By port of the Service.
    pub ports: BTreeMap<u16, TargetPort>,
}

/// Where a Service's port leads to in a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    Number(u16),
    /// Name of a container's port.
    Name(String),
}

/// How the pods of a workload's present template are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Labels of the template.
    pub labels: BTreeMap<String, String>,
    /// Ports of its containers that have a name.
    pub ports: BTreeMap<String, u16>,
    /// What its controller calls the revision that the template describes (`pod-template-hash`,
    /// `controller-revision-hash`); empty until it does.
    pub hash: String,
}
