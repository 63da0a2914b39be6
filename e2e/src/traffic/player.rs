//! One listener that answers for every pod, by the local address of a connection, in HTTP and in gRPC. It does what a cluster does:
//!
//! - A ready pod answers, and so does one that is being deleted, until its object is gone: endpoints are taken away at
//!   the deletion, and the process lives on for its preStop sleep (`pod-gone` in `kwok/play.yaml`). Then it finishes what
//!   it has begun, as a server does on SIGTERM, and takes nothing new. A pod without such a sleep is gone at once, and
//!   what a router still sends to it is lost, as it would be for users.
//! - A pod that runs and is not ready answers 503: its probe asks the same server. Counted as `unready`.
//! - Where no container runs (an address of nobody, a crash) the connection is reset. Counted as `nobody`.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use kube::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answer;
use super::census::{self, Census, PORT, State};

/// How long our watch may lag behind the router's. Only a request that would be refused waits.
const LAG: Duration = Duration::from_millis(1500);

/// Requests and connections that met no ready pod.
#[derive(Debug, Default)]
pub struct Tally {
    pub(super) unready: AtomicU64,
    nobody: AtomicU64,
}

impl Tally {
    /// Requests that a pod answered although it was not ready.
    pub fn unready(&self) -> u64 {
        self.unready.load(Ordering::Relaxed)
    }

    /// Connections to an address where no process was.
    pub fn nobody(&self) -> u64 {
        self.nobody.load(Ordering::Relaxed)
    }
}

/// The running listener; ends when it is dropped.
#[derive(Debug)]
pub struct Player {
    tally: Arc<Tally>,
    tasks: [JoinHandle<()>; 2],
}

impl Player {
    /// Listens on all addresses of this network namespace.
    pub async fn start(client: Client) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await;
        let listener = listener.with_context(|| format!("failed to listen for all pods on port {PORT}"))?;
        let (census, watching) = census::take(client);
        let tally = Arc::new(Tally::default());
        let accepting = tokio::spawn(accept(listener, census, Arc::clone(&tally)));
        Ok(Self { tally, tasks: [watching, accepting] })
    }

    /// What went where no ready pod was, since the start.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, census: watch::Receiver<Census>, tally: Arc<Tally>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, census.clone(), Arc::clone(&tally)))),
            Err(error) => tracing::warn!(%error, "failed to accept for a pod"),
        }
    }
}

/// One connection: to one pod, for as long as that pod is there.
async fn serve(stream: TcpStream, mut census: watch::Receiver<Census>, tally: Arc<Tally>) {
    let Ok(ip) = stream.local_addr().map(|address| address.ip()) else { return };
    let Some(uid) = found(&mut census, ip).await else {
        tally.nobody.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_zero_linger(); // a reset, and not an end
        return;
    };
    let looked = census.clone();
    let answering = service_fn(|request| answer::to(request, ip, uid.clone(), looked.clone(), Arc::clone(&tally)));
    let server = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), answering));
    tokio::select! {
        _ = connection.as_mut() => return,
        has_crashed = gone(&mut census, ip, &uid) => if has_crashed { return },
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// The pod whose container runs at that address.
async fn found(census: &mut watch::Receiver<Census>, ip: IpAddr) -> Option<String> {
    let runs = |census: &Census| census.at(ip).is_some_and(|actor| actor.state != State::Down);
    let seen = tokio::time::timeout(LAG, census.wait_for(runs)).await.ok()?.ok()?;
    seen.at(ip).map(|actor| actor.uid.clone())
}

/// Waits until that pod runs there no more; true if its container ended while the pod stayed.
async fn gone(census: &mut watch::Receiver<Census>, ip: IpAddr, uid: &str) -> bool {
    let lives = |census: &Census| census.at(ip).filter(|actor| actor.uid == uid).map(|actor| actor.state);
    let ended = census.wait_for(|census| !matches!(lives(census), Some(State::Ready | State::Unready))).await;
    ended.is_ok_and(|census| lives(&census) == Some(State::Down))
}
