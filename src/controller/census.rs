//! What is counted when Prometheus asks: open rollouts, stalled objects, the age of each watch; and what a checkpoint ended.

use crate::api::conditions::is_true;
use crate::api::{DeliveryPipeline, Environment, HistoryEntry, PipelineStatus};
use crate::metrics::{Metrics, OpenPhase};
use crate::observe::{Stores, WatchHealth};

/// Brings the gauges up to date.
pub fn take(stores: &Stores, health: &WatchHealth, metrics: &Metrics) {
    let pipelines = stores.pipelines.state();
    let statuses = || pipelines.iter().filter_map(|p| p.status.as_ref());
    let open: Vec<OpenPhase> = statuses()
        .flat_map(|s| &s.stages)
        .filter_map(|s| s.rollout.as_ref())
        .map(|r| OpenPhase::from(&r.state))
        .collect();
    for phase in OpenPhase::ALL {
        metrics.open(phase, open.iter().filter(|p| **p == phase).count());
    }
    let stalled = statuses().filter(|s| is_true(&s.conditions, "Stalled")).count();
    let releases = stores.releases.state();
    let releases =
        releases.iter().filter(|r| r.status.as_ref().is_some_and(|s| is_true(&s.conditions, "Stalled"))).count();
    let environments = stores.environments.state();
    let environments =
        environments.iter().filter(|e| e.status.as_ref().is_some_and(|s| is_true(&s.conditions, "Stalled"))).count();
    metrics.stalled(stalled + releases + environments);
    let environments = stores.environments.state();
    let is_braked = |e: &&std::sync::Arc<Environment>| e.status.as_ref().is_some_and(|s| s.brake.is_some());
    metrics.brakes(environments.iter().filter(is_braked).count());
    for (kind, age) in health.ages() {
        metrics.contact_age(kind, age);
    }
}

/// Counts the lines of history that a checkpoint added.
pub fn ended(before: &DeliveryPipeline, after: &PipelineStatus, metrics: &Metrics) {
    let known = |environment: &str, entry: &HistoryEntry| {
        let stages = before.status.iter().flat_map(|s| &s.stages);
        stages.filter(|s| s.environment == environment).any(|s| s.history.contains(entry))
    };
    for stage in &after.stages {
        for entry in stage.history.iter().filter(|e| !known(&stage.environment, e)) {
            metrics.ended(entry.outcome);
        }
    }
}
