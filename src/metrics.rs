//! What the operator counts, for Prometheus. Only this file knows the metrics library.

mod labels;

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub use labels::{Measured, OpenPhase, Outcome, Verb, WriteResult};

/// A pass reads memory and writes at most a few objects; the last bucket is two writes that time out.
const PASS_SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// All metrics of one process, in a registry of its own.
pub struct Metrics {
    registry: Registry,
    passes: IntCounterVec,
    pass_seconds: HistogramVec,
    writes: IntCounterVec,
    conflicts: IntCounter,
    undecodable: IntGaugeVec,
    panics: IntCounter,
    stale_waits: IntCounter,
    stale_given_up: IntCounter,
    watch_errors: IntCounterVec,
    leader: IntGauge,
    contact_age: GaugeVec,
    open: IntGaugeVec,
    ended: IntCounterVec,
    stalled: IntGauge,
    measured: IntCounterVec,
    brakes: IntGauge,
}

impl Metrics {
    /// Everything at zero.
    ///
    /// # Errors
    /// If two metrics have the same name, which a test excludes.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counters = |name, help, labels: &[&str]| kept(&registry, IntCounterVec::new(Opts::new(name, help), labels));
        let gauges = |name, help, labels: &[&str]| kept(&registry, IntGaugeVec::new(Opts::new(name, help), labels));
        let counter = |name, help| kept(&registry, IntCounter::new(name, help));
        let gauge = |name, help| kept(&registry, IntGauge::new(name, help));
        let pass_seconds =
            HistogramOpts::new("windlass_pass_duration_seconds", "Time that a pass over a pipeline took.");
        let pass_seconds = HistogramVec::new(pass_seconds.buckets(PASS_SECONDS.to_vec()), &["outcome"]);
        let contact_age = Opts::new(
            "windlass_watch_last_contact_age_seconds",
            "Time since a watch last heard of the server, by kind.",
        );
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let metrics = Self {
            passes: counters("windlass_passes_total", "Passes over a pipeline, by how they ended.", &["outcome"])?,
            pass_seconds: kept(&registry, pass_seconds)?,
            writes: counters(
                "windlass_writes_total",
                "Mutating requests, by verb, kind and result.",
                &["verb", "kind", "result"],
            )?,
            conflicts: counter("windlass_conflicts_total", "Writes that found their object moved.")?,
            undecodable: gauges(
                "windlass_undecodable_objects",
                "Objects that a watch cannot read at present and leaves out, by kind.",
                &["kind"],
            )?,
            panics: counter("windlass_panics_total", "Panics in this process.")?,
            stale_waits: counter(
                "windlass_stale_waits_total",
                "Passes put off because the cache had not reached our own last write.",
            )?,
            stale_given_up: counter(
                "windlass_stale_given_up_total",
                "Passes that went on although the cache never showed our own last write.",
            )?,
            watch_errors: counters(
                "windlass_watch_errors_total",
                "Watches that failed and were tried again, by kind.",
                &["kind"],
            )?,
            leader: gauge("windlass_leader", "1 while this replica leads.")?,
            contact_age: kept(&registry, GaugeVec::new(contact_age, &["kind"]))?,
            open: gauges("windlass_rollouts_open", "Open rollouts, by phase.", &["phase"])?,
            ended: counters("windlass_rollouts_ended_total", "History entries written, by outcome.", &["outcome"])?,
            stalled: gauge("windlass_stalled_objects", "Objects of Windlass that need a person: Stalled is True.")?,
            measured: counters(
                "windlass_measurements_total",
                "Measurements of checks and suites, by result.",
                &["result"],
            )?,
            brakes: gauge("windlass_revert_brakes", "Environments whose revert brake holds builds.")?,
            registry,
        };
        metrics.begin();
        Ok(metrics)
    }

    /// What an alert compares with is there from the start.
    fn begin(&self) {
        for phase in OpenPhase::ALL {
            self.open(phase, 0);
        }
        for result in Measured::ALL {
            self.measured.with_label_values(&[result.as_str()]).inc_by(0);
        }
    }

    /// A pass ended.
    pub fn pass(&self, outcome: Outcome, took: Duration) {
        self.passes.with_label_values(&[outcome.as_str()]).inc();
        self.pass_seconds.with_label_values(&[outcome.as_str()]).observe(took.as_secs_f64());
    }

    /// A mutating request ended. `kind` as it stands in manifests.
    pub fn write(&self, verb: Verb, kind: &'static str, result: WriteResult) {
        self.writes.with_label_values(&[verb.as_str(), kind, result.as_str()]).inc();
        if result == WriteResult::Conflict {
            self.conflicts.inc();
        }
    }

    /// So many objects of the kind cannot be read at present.
    pub fn undecodable(&self, kind: &'static str, count: usize) {
        self.undecodable.with_label_values(&[kind]).set(whole(count));
    }

    /// Somewhere in this process. The panic hook counts; who catches a panic need not.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// A pass was put off because the cache lagged behind our own write.
    pub fn stale_wait(&self) {
        self.stale_waits.inc();
    }

    /// A pass went on without waiting any longer for the cache.
    pub fn stale_given_up(&self) {
        self.stale_given_up.inc();
    }

    /// The kind is watched: its series begin at zero, so that an alert sees the first change.
    pub fn watched(&self, kind: &'static str) {
        self.undecodable(kind, 0);
        self.watch_errors.with_label_values(&[kind]).inc_by(0);
    }

    /// The watch of the kind failed and is tried again.
    pub fn watch_error(&self, kind: &'static str) {
        self.watch_errors.with_label_values(&[kind]).inc();
    }

    /// Whether this replica leads.
    pub fn leading(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// The watch of the kind heard of the server so long ago.
    pub fn contact_age(&self, kind: &'static str, age: Duration) {
        self.contact_age.with_label_values(&[kind]).set(age.as_secs_f64());
    }

    /// So many rollouts are open in this phase, over all pipelines.
    pub fn open(&self, phase: OpenPhase, count: usize) {
        self.open.with_label_values(&[phase.as_str()]).set(whole(count));
    }

    /// A history entry was written.
    pub fn ended(&self, outcome: crate::api::Outcome) {
        self.ended.with_label_values(&[labels::ending(outcome)]).inc();
    }

    /// So many objects are stalled.
    pub fn stalled(&self, count: usize) {
        self.stalled.set(whole(count));
    }

    /// The revert brake holds builds in so many Environments.
    pub fn brakes(&self, count: usize) {
        self.brakes.set(whole(count));
    }

    /// A measurement ended.
    pub fn measured(&self, result: Measured) {
        self.measured.with_label_values(&[result.as_str()]).inc();
    }

    /// In Prometheus' text format.
    ///
    /// # Errors
    /// If a metric has no valid name, which a test excludes.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// What was made, known to the registry.
fn kept<M: Collector + Clone + 'static>(
    registry: &Registry,
    made: Result<M, prometheus::Error>,
) -> Result<M, prometheus::Error> {
    let made = made?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_under_its_name() {
        let metrics = Metrics::new().unwrap();
        metrics.pass(Outcome::Acted, Duration::from_millis(7));
        metrics.write(Verb::Patch, "Deployment", WriteResult::Conflict);
        metrics.undecodable("Release", 2);
        metrics.panicked();
        metrics.stale_wait();
        metrics.leading(true);
        metrics.contact_age("Pod", Duration::from_secs(2));
        metrics.open(OpenPhase::Verifying, 3);
        metrics.ended(crate::api::Outcome::ImageOnly);
        metrics.stalled(1);
        metrics.measured(Measured::Silent);
        let text = metrics.text().unwrap();
        for line in [
            r#"windlass_passes_total{outcome="acted"} 1"#,
            r#"windlass_pass_duration_seconds_bucket{outcome="acted",le="0.02"} 1"#,
            r#"windlass_writes_total{kind="Deployment",result="conflict",verb="patch"} 1"#,
            "windlass_conflicts_total 1",
            r#"windlass_undecodable_objects{kind="Release"} 2"#,
            "windlass_panics_total 1",
            "windlass_stale_waits_total 1",
            "windlass_leader 1",
            r#"windlass_watch_last_contact_age_seconds{kind="Pod"} 2"#,
            r#"windlass_rollouts_open{phase="verifying"} 3"#,
            r#"windlass_rollouts_open{phase="reverting"} 0"#,
            r#"windlass_rollouts_ended_total{outcome="image_only"} 1"#,
            "windlass_stalled_objects 1",
            "windlass_revert_brakes 0",
            r#"windlass_measurements_total{result="silent"} 1"#,
            "process_resident_memory_bytes ",
        ] {
            assert!(text.lines().any(|shown| shown.starts_with(line)), "{line} is missing from\n{text}");
        }
    }
}
