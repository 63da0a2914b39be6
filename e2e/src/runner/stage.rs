//! What the stories are told on: the shared control plane and operator if any story needs them, clusters on demand.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::cluster::{Cluster, Options};
use crate::metrics::Metrics;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::stories::{Entry, Kind};

/// A cluster, with the operator that is shared on it.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    // The operator is dropped first.
    pub operator: Option<Arc<Operator>>,
    pub cluster: Arc<Cluster>,
}

/// What is there from the start. What could not be started is kept as its reason: it fails the stories that need it,
/// and no others.
pub(super) struct Stage {
    operator: Result<Arc<Operator>, String>,
    cluster: Result<Arc<Cluster>, String>,
}

impl Stage {
    /// Starts what these stories have in common.
    pub(super) async fn set(entries: &[Entry]) -> Self {
        let any = |kinds: &[Kind]| entries.iter().any(|entry| kinds.contains(&entry.kind));
        let mut stage = Self { operator: Err("not asked for".to_owned()), cluster: Err("not asked for".to_owned()) };
        if any(&[Kind::Bare, Kind::Shared]) {
            stage.cluster =
                Cluster::start(Options::default()).await.map(Arc::new).map_err(|error| format!("{error:#}"));
        }
        if let (Ok(cluster), true) = (&stage.cluster, any(&[Kind::Shared])) {
            // nobody takes its place here: it must not go because a busy machine answers late for once
            let (lease_duration, renew_deadline) = (Duration::from_secs(60), Duration::from_secs(50));
            let started = async {
                let extra = Metrics::shared().await?.flags(cluster.dir())?;
                let settings = Settings { lease_duration, renew_deadline, extra, ..Settings::default() };
                Operator::start(cluster, &settings).await
            };
            stage.operator = started.await.map(Arc::new).map_err(|error| format!("{error:#}"));
        }
        stage
    }

    /// What a story of that kind is told on.
    pub(super) async fn seat(&self, kind: Kind) -> Result<Seat> {
        let shared = || self.cluster.clone().map_err(|reason| anyhow!("no shared cluster: {reason}"));
        match kind {
            Kind::Bare => Ok(Seat { operator: None, cluster: shared()? }),
            Kind::Shared => {
                let cluster = shared()?;
                let operator = self.operator.clone().map_err(|reason| anyhow!("no shared operator: {reason}"))?;
                Ok(Seat { operator: Some(operator), cluster })
            }
            Kind::Own | Kind::Empty => {
                let options = Options { crds: kind == Kind::Own, ..Options::default() };
                let cluster = Cluster::start(options).await.context("failed to start its cluster")?;
                Ok(Seat { operator: None, cluster: Arc::new(cluster) })
            }
        }
    }
}
