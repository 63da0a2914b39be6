//! The operator's settings: flags, each with an environment variable `WINDLASS_…` behind it. Read once into types that
//! cannot be wrong.

pub mod identities;
mod span;

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};

use crate::api::Span;
use crate::observe::Settings;

/// Kubernetes tells a pod its namespace here.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Takes builds from staging to production on evidence, and back by itself when they turn out bad.
#[derive(Clone, Debug, Parser)]
#[command(name = "windlass-operator", version)]
pub struct Config {
    /// Where health and metrics are served.
    #[arg(long, env = "WINDLASS_HTTP", default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub http: SocketAddr,
    /// The operator's own namespace [default: the pod's, else windlass-system].
    #[arg(long, env = "WINDLASS_NAMESPACE", default_value_t = own_namespace(), hide_default_value = true)]
    pub namespace: String,
    /// Name of this replica in the lease, unlike any other's [default: host name and a random number].
    #[arg(long, env = "WINDLASS_IDENTITY", default_value_t = identity(), hide_default_value = true)]
    pub identity: String,
    /// Namespace of the leader lease [default: the operator's own].
    #[arg(long, env = "WINDLASS_LEASE_NAMESPACE")]
    lease_namespace: Option<String>,
    /// Name of the leader lease.
    #[arg(long, env = "WINDLASS_LEASE_NAME", default_value = "windlass")]
    pub lease_name: String,
    /// How long other replicas wait after the leader's last sign of life.
    #[arg(long, env = "WINDLASS_LEASE_DURATION", default_value = "15s", value_parser = span::span, value_name = "SPAN")]
    lease_duration: Span,
    /// How long a leader tries to renew before it gives up.
    #[arg(long, env = "WINDLASS_RENEW_DEADLINE", default_value = "10s", value_parser = span::span, value_name = "SPAN")]
    renew_deadline: Span,
    /// Time between tries to take or renew the lease.
    #[arg(long, env = "WINDLASS_RETRY_PERIOD", default_value = "2s", value_parser = span::span, value_name = "SPAN")]
    retry_period: Span,
    /// Pipelines decided at the same time.
    #[arg(long, env = "WINDLASS_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// How long a missing reference is waited for before it is reported as stalled.
    #[arg(long, env = "WINDLASS_REFERENCE_GRACE", default_value = "60s", value_parser = span::span, value_name = "SPAN")]
    reference_grace: Span,
    /// How long an image may fail to be pulled before a rollout fails.
    #[arg(long, env = "WINDLASS_PULL_GRACE", default_value = "60s", value_parser = span::span, value_name = "SPAN")]
    pull_grace: Span,
    /// How long a workload may be refused pods before a rollout fails.
    #[arg(long, env = "WINDLASS_REPLICA_FAILURE_GRACE", default_value = "30s", value_parser = span::span, value_name = "SPAN")]
    replica_failure_grace: Span,
    /// How long a pod may find no node before a rollout fails.
    #[arg(long, env = "WINDLASS_UNSCHEDULABLE_GRACE", default_value = "3m", value_parser = span::span, value_name = "SPAN")]
    unschedulable_grace: Span,
    /// How long containers may be failing in the bake before health counts as lost.
    #[arg(long, env = "WINDLASS_BAKE_GRACE", default_value = "60s", value_parser = span::span, value_name = "SPAN")]
    bake_grace: Span,
    /// A pause or freeze longer than this ends the rollout.
    #[arg(long, env = "WINDLASS_MAX_PAUSE", default_value = "168h", value_parser = span::span, value_name = "SPAN")]
    max_pause: Span,
    /// A watch that hears nothing for so long is dead: the replica is not ready, and the watch starts anew. A living one
    /// is renewed more than twice in that time, at least every minute.
    #[arg(long, env = "WINDLASS_WATCH_SILENCE", default_value = "150s", value_parser = span::span, value_name = "SPAN")]
    watch_silence: Span,
    /// Field managers that are GitOps tools and no persons.
    #[arg(
        long,
        env = "WINDLASS_TOOL_MANAGERS",
        value_delimiter = ',',
        default_value = "kustomize-controller,helm-controller,argocd-controller,helm",
        value_name = "NAMES"
    )]
    pub tool_managers: Vec<String>,
    /// File that names the providers of metrics for checks and suites, with their addresses and credentials (README).
    #[arg(long, env = "WINDLASS_METRIC_PROVIDERS", value_name = "FILE")]
    pub metric_providers: Option<PathBuf>,
    /// File that names the users behind the authors of builds: whoever made a build may not approve it (README).
    #[arg(long, env = "WINDLASS_IDENTITIES", value_name = "FILE")]
    pub identities: Option<PathBuf>,
    /// Measurements of checks and suites under way at the same time: the pods have half of it, the providers share the rest.
    #[arg(long, env = "WINDLASS_MEASUREMENTS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub measurements: u16,
    #[arg(long, env = "WINDLASS_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// What is logged: a level, or levels by module (`info,windlass::act=debug`).
    #[arg(long, env = "WINDLASS_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Json,
    Text,
}

/// How long things last in the election: `lease` > `renew_deadline` > `retry`.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Others wait so long after the last sign of life.
    pub lease: Duration,
    /// A leader that could not renew for so long gives up.
    pub renew_deadline: Duration,
    /// Between tries, and up to a fifth more.
    pub retry: Duration,
}

impl Config {
    /// From the command line and the environment.
    ///
    /// # Errors
    /// One that names the flag and what it expects; also how `--help` and `--version` end.
    pub fn read() -> Result<Self, clap::Error> {
        Self::try_parse()?.checked()
    }

    /// What only several settings together can get wrong.
    fn checked(self) -> Result<Self, clap::Error> {
        let wrong = if self.watch_silence.millis() < 3000 {
            "--watch-silence must be at least 3s"
        } else if self.retry_period.millis() < 1 {
            "--retry-period must be longer than nothing"
        } else if self.renew_deadline.millis() < self.retry_period.millis().saturating_mul(2) {
            "--renew-deadline must be at least twice --retry-period, so that one failed try can be made good"
        } else if self.lease_duration <= self.renew_deadline {
            "--lease-duration must be longer than --renew-deadline, so that a leader gives up before another one starts"
        } else {
            return Ok(self);
        };
        Err(Self::command().error(ErrorKind::ValueValidation, wrong))
    }

    /// What decisions depend on.
    pub fn settings(&self) -> Settings {
        Settings {
            reference_grace: self.reference_grace,
            pull_grace: self.pull_grace,
            replica_failure_grace: self.replica_failure_grace,
            unschedulable_grace: self.unschedulable_grace,
            bake_grace: self.bake_grace,
            max_pause: self.max_pause,
        }
    }

    /// How long a watch may be silent.
    pub fn watch_silence(&self) -> std::time::Duration {
        self.watch_silence.to_std()
    }

    /// How long leaderships last.
    pub fn timing(&self) -> Timing {
        Timing {
            lease: self.lease_duration.to_std(),
            renew_deadline: self.renew_deadline.to_std(),
            retry: self.retry_period.to_std(),
        }
    }

    /// Where the leader lease is.
    pub fn lease_namespace(&self) -> &str {
        self.lease_namespace.as_deref().unwrap_or(&self.namespace)
    }
}

fn own_namespace() -> String {
    let told = std::fs::read_to_string(OWN_NAMESPACE).unwrap_or_default();
    if told.trim().is_empty() { "windlass-system".into() } else { told.trim().into() }
}

/// The random number keeps a restarted process apart from the one before it, whose last writes may still be on their way.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"));
    let host = host.unwrap_or_default();
    format!("{}_{}", host.trim(), random())
}

/// Unlike that of any process before, whatever its identity is said to be.
pub fn term() -> String {
    random()
}

/// 16 hex digits.
fn random() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &[&str]) -> Result<Config, String> {
        let all = ["windlass-operator"].iter().chain(flags);
        Config::try_parse_from(all).and_then(Config::checked).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_decisions() {
        let config = read(&[]).unwrap();
        assert_eq!(format!("{:?}", config.settings()), format!("{:?}", Settings::default()));
        assert_eq!(config.tool_managers.len(), 4);
        assert_eq!(config.timing().renew_deadline.as_secs(), 10);
        assert_eq!(config.lease_namespace(), config.namespace);
        assert_ne!(identity(), identity());
    }

    #[test]
    fn a_bad_value_names_its_flag() {
        for (flags, named) in [
            (["--retry-period", "2"], "--retry-period"),
            (["--http", "8080"], "--http"),
            (["--concurrency", "0"], "--concurrency"),
            (["--log-format", "xml"], "--log-format"),
            (["--lease-duration", "5s"], "--lease-duration"),
            (["--renew-deadline", "3s"], "--renew-deadline"),
            (["--retry-period", "0s"], "--retry-period"),
            (["--watch-silence", "0s"], "--watch-silence"),
        ] {
            let error = read(&flags).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        assert!(read(&["--retry-period", "2"]).unwrap_err().contains("like 500ms"));
    }

    #[test]
    fn stories_may_be_fast() {
        let config = read(&["--lease-duration", "3s", "--renew-deadline", "2s", "--retry-period", "500ms"]).unwrap();
        assert_eq!(config.timing().retry.as_millis(), 500);
    }
}
