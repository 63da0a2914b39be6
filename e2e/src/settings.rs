//! The operator's settings as stories want them: every grace short, so that no story waits a minute for one.

use std::path::PathBuf;
use std::time::Duration;

/// What an operator is started with. Durations go to flags of the same name.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom it speaks as; none: the cluster's administrator.
    pub kubeconfig: Option<PathBuf>,
    pub namespace: String,
    pub lease_namespace: String,
    pub lease_name: String,
    pub lease_duration: Duration,
    pub renew_deadline: Duration,
    pub retry_period: Duration,
    pub reference_grace: Duration,
    pub pull_grace: Duration,
    pub replica_failure_grace: Duration,
    pub unschedulable_grace: Duration,
    pub bake_grace: Duration,
    /// Further arguments, as they are.
    pub extra: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            namespace: "windlass-system".to_owned(),
            lease_namespace: "windlass-system".to_owned(),
            lease_name: "windlass-operator".to_owned(),
            // a busy machine must not cost the shared operator its leadership; who kills one says less
            lease_duration: Duration::from_secs(30),
            renew_deadline: Duration::from_secs(20),
            retry_period: Duration::from_millis(500),
            reference_grace: Duration::from_secs(3),
            pull_grace: Duration::from_secs(2),
            replica_failure_grace: Duration::from_secs(2),
            unschedulable_grace: Duration::from_secs(3),
            bake_grace: Duration::from_secs(2),
            extra: Vec::new(),
        }
    }
}

impl Settings {
    /// The operator's command line, with its HTTP server on that port of loopback.
    pub fn args(&self, http: u16) -> Vec<String> {
        // Taken apart without `..`: a setting that is not passed on would be a silent bug.
        let Self {
            kubeconfig: _, // by environment
            namespace,
            lease_namespace,
            lease_name,
            lease_duration,
            renew_deadline,
            retry_period,
            reference_grace,
            pull_grace,
            replica_failure_grace,
            unschedulable_grace,
            bake_grace,
            extra,
        } = self;
        let millis = |duration: &Duration| format!("{}ms", duration.as_millis());
        let flags = [
            ("--http", format!("127.0.0.1:{http}")),
            ("--namespace", namespace.clone()),
            ("--lease-namespace", lease_namespace.clone()),
            ("--lease-name", lease_name.clone()),
            ("--lease-duration", millis(lease_duration)),
            ("--renew-deadline", millis(renew_deadline)),
            ("--retry-period", millis(retry_period)),
            ("--reference-grace", millis(reference_grace)),
            ("--pull-grace", millis(pull_grace)),
            ("--replica-failure-grace", millis(replica_failure_grace)),
            ("--unschedulable-grace", millis(unschedulable_grace)),
            ("--bake-grace", millis(bake_grace)),
        ];
        let flags = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]);
        flags.chain(extra.iter().cloned()).collect()
    }
}
