//! The leader lease against a small server of our own, which can fall silent.
// The helpers of an integration test are no tests in clippy's eyes.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use kube::Api;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use windlass::act::{self, Leadership};
use windlass::config::Timing;
use windlass::controller::leader::{Elector, Error};
use windlass::metrics::Metrics;

const TIMING: Timing = Timing {
    lease: Duration::from_secs(2),
    renew_deadline: Duration::from_millis(1200),
    retry: Duration::from_millis(50),
};

#[derive(Clone, Default)]
struct Server(Arc<Mutex<World>>);

#[derive(Default)]
struct World {
    lease: Option<Value>,
    version: u64,
    silent: bool,
}

impl Server {
    async fn start() -> (Self, kube::Config) {
        let server = Self::default();
        let base = "/apis/coordination.k8s.io/v1/namespaces/own/leases";
        let router = Router::new()
            .route(base, post(put))
            .route(&format!("{base}/windlass"), get(read).put(put))
            .with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        (server, kube::Config::new(address.parse().unwrap()))
    }

    fn with<T>(&self, what: impl FnOnce(&mut World) -> T) -> T {
        what(&mut self.0.lock().unwrap())
    }

    async fn unless_silent(&self) {
        if self.with(|world| world.silent) {
            std::future::pending::<()>().await;
        }
    }

    fn holder(&self) -> String {
        self.with(|world| {
            world.lease.as_ref().unwrap().pointer("/spec/holderIdentity").unwrap().as_str().unwrap().into()
        })
    }
}

async fn read(State(server): State<Server>) -> (StatusCode, String) {
    server.unless_silent().await;
    server.with(|world| match &world.lease {
        Some(lease) => (StatusCode::OK, lease.to_string()),
        None => refusal(StatusCode::NOT_FOUND, "NotFound"),
    })
}

async fn put(State(server): State<Server>, body: String) -> (StatusCode, String) {
    server.unless_silent().await;
    let mut lease: Value = serde_json::from_str(&body).unwrap();
    server.with(|world| {
        let version = |lease: &Value| lease.pointer("/metadata/resourceVersion").cloned();
        if world.lease.as_ref().and_then(version) != version(&lease) {
            return refusal(StatusCode::CONFLICT, "Conflict");
        }
        world.version += 1;
        let metadata = lease.get_mut("metadata").unwrap().as_object_mut().unwrap();
        metadata.insert("resourceVersion".into(), world.version.to_string().into());
        world.lease = Some(lease.clone());
        (StatusCode::OK, lease.to_string())
    })
}

fn refusal(code: StatusCode, reason: &str) -> (StatusCode, String) {
    let status =
        json!({"kind": "Status", "status": "Failure", "message": reason, "reason": reason, "code": code.as_u16()});
    (code, status.to_string())
}

struct Candidate {
    leadership: Leadership,
    stop: CancellationToken,
    run: JoinHandle<Result<(), Error>>,
}

fn candidate(config: &kube::Config, identity: &str) -> Candidate {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (grant, leadership) = Leadership::new();
    let stop = CancellationToken::new();
    let elector = Elector {
        api: Api::namespaced(act::client(config.clone()).unwrap(), "own"),
        name: "windlass".into(),
        identity: identity.into(),
        timing: TIMING,
        grant,
        metrics: Arc::new(Metrics::new().unwrap()),
    };
    Candidate { leadership, stop: stop.clone(), run: tokio::spawn(elector.run(stop)) }
}

#[tokio::test]
async fn one_leads_and_hands_over_when_told_to_stop() {
    let (server, config) = Server::start().await;
    let a = candidate(&config, "a");
    a.leadership.gained().await;
    let b = candidate(&config, "b");
    sleep(TIMING.lease * 2).await;
    assert!(a.leadership.is_leader() && !b.leadership.is_leader(), "a lease that changes does not run out");
    a.stop.cancel();
    a.run.await.unwrap().unwrap();
    assert!(!a.leadership.is_leader());
    tokio::time::timeout(TIMING.lease / 2, b.leadership.gained()).await.expect("a released lease is taken at once");
    assert_eq!(server.holder(), "b");
}

#[tokio::test]
async fn a_leader_that_hears_nothing_is_none_before_another_may_be() {
    let (server, config) = Server::start().await;
    let a = candidate(&config, "a");
    a.leadership.gained().await;
    sleep(TIMING.renew_deadline).await;
    server.with(|world| world.silent = true);
    let lost = tokio::time::timeout(TIMING.lease, a.run).await.expect("within the lease").unwrap();
    assert!(matches!(lost, Err(Error::Expired(_))), "{lost:?}");
    assert!(!a.leadership.is_leader());
    server.with(|world| world.silent = false);
    let b = candidate(&config, "b");
    sleep(TIMING.lease / 2).await;
    assert!(!b.leadership.is_leader(), "by its own clock the lease has not run out yet");
    b.leadership.gained().await;
}

#[tokio::test]
async fn of_many_candidates_one_leads() {
    let (server, config) = Server::start().await;
    let all: Vec<Candidate> = ["a", "b", "c", "d"].into_iter().map(|identity| candidate(&config, identity)).collect();
    let one_leads = async {
        sleep(TIMING.lease).await;
        let leading = || all.iter().filter(|candidate| candidate.leadership.is_leader()).count();
        // on a busy machine the one that leads may be without its lease for a moment
        while leading() == 0 {
            sleep(TIMING.retry / 10).await;
        }
    };
    tokio::time::timeout(TIMING.lease * 10, one_leads).await.expect("one leads");
    let (leading, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|candidate| candidate.leadership.is_leader());
    let Ok([leader]) = <[Candidate; 1]>::try_from(leading) else { panic!("not one leads") };
    server.with(|world| {
        *world.lease.as_mut().unwrap().pointer_mut("/spec/holderIdentity").unwrap() = "thief".into();
        world.version += 1;
    });
    let lost = tokio::time::timeout(TIMING.lease * 10, leader.run).await.expect("who finds it taken gives up").unwrap();
    assert!(matches!(lost, Err(Error::Taken(_))) && !leader.leadership.is_leader(), "{lost:?}");
    assert!(others.iter().all(|candidate| !candidate.run.is_finished()), "they stand for the next one");
}
