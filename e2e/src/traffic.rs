//! Real requests through a real router: Traefik reads Gateway API routes and EndpointSlices and sends to the pods' own
//! addresses, a player answers as each pod, and clients send all the while. Only in a namespace of `namespace::within`.

mod answer;
mod census;
mod client;
mod counts;
mod metrics;
pub mod namespace;
mod player;
mod routes;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::process::Process;
use crate::tools::{self, Program, Tools};
use crate::{crds, ports};

pub use census::{ANSWERS, PORT};
pub use client::{Client, Speech};
pub use counts::{Answer, Counts, is_share};
pub use metrics::Metrics;
pub use player::Tally;
pub use routes::{GATEWAY, GATEWAY_NAMESPACE, deployment, has_accepted, route, service};

/// How long the router has to come up, and a route to get into force: patience, no claim.
const PATIENCE: Duration = Duration::from_secs(90);

/// The router and the pods' player of one cluster.
#[derive(Debug)]
pub struct Traffic {
    router: Process,
    player: player::Player,
    port: u16,
    metrics: OnceCell<Metrics>,
}

impl Traffic {
    /// Brings a cluster's traffic up, and waits until a first request came through to a first pod.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        let definitions = tools::gateway_api().await?;
        crds::apply_from(cluster.objects(), &definitions).await.context("failed to install the Gateway API")?;
        let player = player::Player::start(cluster.client()).await?;
        let port = ports::free()?;
        let router = spawn(cluster, port).await?;
        let traffic = Self { router, player, port, metrics: OnceCell::new() };
        traffic.open_gateway(cluster).await?;
        traffic.first_request(cluster).await?;
        Ok(traffic)
    }

    /// The router's port on loopback, which is the port of the Gateway's listener too.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A user who sends `per_second` requests a second for a host name until dropped.
    pub fn client(&self, host: &str, per_second: u32) -> Client {
        self.user(host, per_second, Speech::Http)
    }

    /// The same of one who speaks something else.
    pub fn user(&self, host: &str, per_second: u32, speech: Speech) -> Client {
        Client::start(self.router_address(), host, per_second, speech)
    }

    /// One request through the router.
    pub async fn ask(&self, host: &str) -> Answer {
        self.hear(host, Speech::Http).await
    }

    /// The same in something else.
    pub async fn hear(&self, host: &str, speech: Speech) -> Answer {
        client::once(self.router_address(), host, speech).await
    }

    /// One request to a pod's own address, as a check on that pod sends it.
    pub async fn ask_pod(&self, ip: IpAddr) -> Answer {
        client::once((ip, PORT).into(), "pod.example", Speech::Http).await
    }

    fn router_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What went to addresses where no ready pod was, in all stories so far.
    pub fn tally(&self) -> &Tally {
        self.player.tally()
    }

    /// The metrics that autoscalers go by, started with the first story that asks for them.
    pub async fn metrics(&self, cluster: &Cluster) -> Result<&Metrics> {
        self.metrics.get_or_try_init(|| Metrics::start(cluster)).await
    }

    /// The router's log.
    pub fn log(&self) -> &Path {
        self.router.log()
    }

    /// If the router has ended: its last words.
    pub fn casualties(&self) -> Option<String> {
        self.router.obituary()
    }

    fn fail_if_dead(&self) -> Result<()> {
        self.casualties().map_or(Ok(()), |dead| bail!("the router broke: {dead}"))
    }
}

/// Starts Traefik as the cluster's administrator. The throttles are what real ones are but short, so that a story sees a
/// change as soon as a quiet cluster shows it.
async fn spawn(cluster: &Cluster, port: u16) -> Result<Process> {
    let program = Tools::of(&[Program::Traefik]).await?;
    let mut command = tokio::process::Command::new(program.path(Program::Traefik)?);
    command.args([
        format!("--entrypoints.web.address=127.0.0.1:{port}"),
        "--providers.kubernetesgateway".to_owned(),
        "--providers.kubernetesgateway.throttleduration=100ms".to_owned(),
        "--providers.providersthrottleduration=100ms".to_owned(),
        "--global.checknewversion=false".to_owned(),
        "--global.sendanonymoususage=false".to_owned(),
        "--log.level=INFO".to_owned(),
    ]);
    command.env("KUBECONFIG", cluster.kubeconfig_path()).env("HOME", cluster.dir()).current_dir(cluster.dir());
    Process::spawn("traefik", command, &cluster.dir().join("traefik.log"))
}
