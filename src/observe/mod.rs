//! What is seen: one pruned watch per kind, and the `Snapshot` that one pipeline's decision is made from.

pub mod gather;
pub mod health;
pub mod relate;
pub mod slim;
pub mod snapshot;
pub mod stores;
#[cfg(test)]
pub mod tests;
pub mod watch;
pub mod watches;

pub use gather::{GatherConfig, gather, gather_environment, left_lock, loose, orphan_clone, orphan_job};
pub use health::WatchHealth;
pub use relate::Key;
pub use snapshot::{
    Access, Admission, Autoscaler, Claim, CronJob, EnvironmentView, Freezing, ImageWriter, Job, JobPod, LeftLock,
    Loose, Measured, OldPod, Orphan, Place, Pod, Reach, Reading, Rolls, Route, RoutedService, Routing, Sample, Service,
    Settings, Snapshot, TargetPort, Touchable, Trouble, TroubleKind, Unreadable, Untouched, Workload,
};
pub use stores::{Stores, Writers, resource_version_of};
