//! What the stories are told on: the shared control plane and operator if any story needs them, clusters on demand.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::cluster::{Cluster, Options};
use crate::metrics::Metrics;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::stories::{Entry, Kind};
use crate::traffic::Traffic;

/// A cluster, with the operator that is shared on it.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    // The operator is dropped first.
    pub operator: Option<Arc<Operator>>,
    pub traffic: Option<Arc<Traffic>>,
    pub cluster: Arc<Cluster>,
}

/// What is there from the start. What could not be started is kept as its reason: it fails the stories that need it,
/// and no others.
pub(super) struct Stage {
    operator: Result<Arc<Operator>, String>,
    traffic: Result<Arc<Traffic>, String>,
    cluster: Result<Arc<Cluster>, String>,
}

impl Stage {
    /// Starts what these stories have in common.
    pub(super) async fn set(entries: &[Entry]) -> Self {
        let any = |kinds: &[Kind]| entries.iter().any(|entry| kinds.contains(&entry.kind));
        let unasked = || "not asked for".to_owned();
        let mut stage = Self { operator: Err(unasked()), traffic: Err(unasked()), cluster: Err(unasked()) };
        if any(&[Kind::Bare, Kind::Shared, Kind::Traffic, Kind::TrafficOwn]) {
            stage.cluster =
                Cluster::start(Options::default()).await.map(Arc::new).map_err(|error| format!("{error:#}"));
        }
        if let (Ok(cluster), true) = (&stage.cluster, any(&[Kind::Traffic, Kind::TrafficOwn])) {
            stage.traffic = Traffic::start(cluster).await.map(Arc::new).map_err(|error| format!("{error:#}"));
        }
        if let (Ok(cluster), true) = (&stage.cluster, any(&[Kind::Shared, Kind::Traffic])) {
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
        let operator = || self.operator.clone().map_err(|reason| anyhow!("no shared operator: {reason}"));
        let traffic = || self.traffic.clone().map_err(|reason| anyhow!("no traffic: {reason}"));
        match kind {
            Kind::Bare => Ok(Seat { operator: None, traffic: None, cluster: shared()? }),
            Kind::Shared => Ok(Seat { operator: Some(operator()?), traffic: None, cluster: shared()? }),
            Kind::Traffic => {
                let cluster = shared()?;
                Ok(Seat { traffic: Some(traffic()?), operator: Some(operator()?), cluster })
            }
            Kind::TrafficOwn => {
                let cluster = shared()?;
                Ok(Seat { operator: None, traffic: Some(traffic()?), cluster })
            }
            Kind::Own | Kind::Empty => {
                let options = Options { crds: kind == Kind::Own, ..Options::default() };
                let cluster = Cluster::start(options).await.context("failed to start its cluster")?;
                Ok(Seat { operator: None, traffic: None, cluster: Arc::new(cluster) })
            }
        }
    }
}
