//! CronJobs that suites are made from, and Jobs with their pods' results.

use crate::api::Time;

/// A CronJob that Jobs may be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    pub name: String,
    /// Suspended and labelled `windlass.dev/runnable: "true"`.
    pub runnable: bool,
    /// Names of its containers and init containers.
    pub containers: Vec<String>,
}

/// A Job that Windlass made, or one of a CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    pub created: Time,
    pub deleting: bool,
    pub suspended: bool,
    /// It carries our finalizer.
    pub kept: bool,
    /// Condition Complete.
    pub complete: bool,
    /// Condition Failed (or FailureTarget), with its reason.
    pub failed: Option<String>,
    /// When it completed or failed.
    pub ended: Option<Time>,
    pub pods: Vec<JobPod>,
}

/// A pod of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobPod {
    /// First non-zero exit code of its containers; 0 if all ended well; none while one runs.
    pub exit_code: Option<i32>,
    /// Restarts of the container that restarted most.
    pub restarts: i32,
    /// Evicted, preempted or drained (condition DisruptionTarget).
    pub disrupted: bool,
    /// A container was killed for want of memory.
    pub out_of_memory: bool,
    /// An image cannot be pulled or a container cannot be made: since when and why.
    pub stuck: Option<(Time, String)>,
    /// Termination message of the container that decided, at most 4,096 bytes.
    pub message: String,
}
