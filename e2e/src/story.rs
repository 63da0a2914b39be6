//! What a story is told with: a cluster, namespaces of its own, ways to apply, look, wait and break things, and the
//! evidence that a failed one leaves.

mod deny;
mod evidence;
mod look;
mod pods;
mod traffic;
mod wait;
mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Result, anyhow};
use kube::Client;

use crate::cluster::{Cluster, Output};
use crate::locked::lock;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::traffic::Traffic;

pub use deny::Denial;
pub use look::{condition, number, text};
pub use pods::Break;

/// One telling of one story.
#[derive(Debug)]
pub struct Story {
    name: &'static str,
    cluster: Arc<Cluster>,
    operator: Option<Arc<Operator>>,
    traffic: Option<Arc<Traffic>>,
    namespaces: Mutex<Vec<String>>,
    logs: Mutex<Vec<PathBuf>>,
}

impl Story {
    /// `operator` is the shared one, where there is one; so is `traffic`.
    pub fn new(
        name: &'static str,
        cluster: Arc<Cluster>,
        operator: Option<Arc<Operator>>,
        traffic: Option<Arc<Traffic>>,
    ) -> Self {
        let logs = operator.iter().map(|operator| operator.log().to_owned());
        let logs = logs.chain(traffic.iter().map(|traffic| traffic.log().to_owned())).collect();
        Self { name, cluster, operator, traffic, namespaces: Mutex::default(), logs: Mutex::new(logs) }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The administrator's client.
    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// The operator that the shared stories have in common.
    pub fn operator(&self) -> Result<&Operator> {
        self.operator.as_deref().ok_or_else(|| anyhow!("this story has no shared operator: it starts its own"))
    }

    /// Starts an operator of this story's own and waits until it is ready.
    pub async fn start_operator(&self, settings: &Settings) -> Result<Operator> {
        let operator = Operator::spawn(&self.cluster, settings).await?;
        lock(&self.logs).push(operator.log().to_owned());
        operator.ready(std::time::Duration::from_secs(60)).await?;
        Ok(operator)
    }

    /// Kills an operator, and has its lease run out at once.
    pub async fn kill(&self, operator: &Operator, settings: &Settings) -> Result<()> {
        operator.kill().await?;
        self.delete("lease", &settings.lease_namespace, &settings.lease_name).await
    }

    /// kubectl as the administrator.
    pub async fn kubectl<const N: usize>(&self, args: [&str; N]) -> Result<Output> {
        self.cluster.kubectl(&args).await
    }

    /// kubectl as the administrator, with something to read.
    pub async fn kubectl_with_input<const N: usize>(&self, args: [&str; N], input: &str) -> Result<Output> {
        self.cluster.kubectl_with_input(&args, input).await
    }

    /// Helm as the administrator.
    pub async fn helm<const N: usize>(&self, args: [&str; N]) -> Result<Output> {
        self.cluster.helm(&args).await
    }
}
