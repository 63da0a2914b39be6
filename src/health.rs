//! The small server for the kubelet and Prometheus. Live and ready are different questions: live is whether this process
//! still turns, ready whether it sees the cluster. A standby replica is ready too.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// A heart that has not beaten for so long has stopped.
const STOPPED_AFTER: Duration = Duration::from_secs(30);
const BEAT_EVERY: Duration = Duration::from_secs(5);

/// What the server answers from.
#[derive(Clone)]
pub struct Health {
    pub heartbeat: Heartbeat,
    /// What keeps this replica from being ready, one sentence each: a watch that is not initialised or is dead.
    pub unready: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Whether it leads: told beside readiness, no part of it.
    pub leads: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Brings the gauges up to date; asked before they are shown.
    pub census: Arc<dyn Fn() + Send + Sync>,
    pub metrics: Arc<Metrics>,
}

/// When the runtime last came round to a task of its own.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    epoch: Instant,
    /// Milliseconds since `epoch`.
    last: Arc<AtomicU64>,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { epoch: Instant::now(), last: Arc::default() }
    }
}

impl Heartbeat {
    /// Beats until it is dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(BEAT_EVERY);
        loop {
            ticks.tick().await;
            self.last.store(self.since_epoch(), Ordering::Relaxed);
        }
    }

    fn since_epoch(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.since_epoch().saturating_sub(self.last.load(Ordering::Relaxed)))
    }
}

/// Serves until told to stop; requests that run are answered.
pub fn serve(
    listener: TcpListener,
    health: Health,
    stop: CancellationToken,
) -> impl Future<Output = std::io::Result<()>> {
    axum::serve(listener, router(health)).with_graceful_shutdown(stop.cancelled_owned()).into_future()
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn live(State(health): State<Health>) -> Response {
    let age = health.heartbeat.age();
    if age < STOPPED_AFTER {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("no heartbeat for {age:?}\n")).into_response()
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let unready = (health.unready)();
    if unready.is_empty() {
        let role = if (health.leads)() { "leading" } else { "standing by" };
        format!("ok, {role}\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, unready.join("\n") + "\n").into_response()
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    (health.census)();
    match health.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(unready: Vec<String>) -> Health {
        Health {
            heartbeat: Heartbeat::default(),
            unready: Arc::new(move || unready.clone()),
            leads: Arc::new(|| false),
            census: Arc::new(|| ()),
            metrics: Arc::new(Metrics::new().unwrap()),
        }
    }

    #[tokio::test]
    async fn ready_names_what_is_not() {
        assert_eq!(ready(State(health(vec![]))).await.status(), StatusCode::OK);
        let answer = ready(State(health(vec!["watch of Pod is dead".into()]))).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = axum::body::to_bytes(answer.into_body(), 1000).await.unwrap();
        assert_eq!(body, "watch of Pod is dead\n");
    }

    #[tokio::test]
    async fn a_heart_that_stopped_is_not_live() {
        let mut health = health(vec![]);
        assert_eq!(live(State(health.clone())).await.status(), StatusCode::OK);
        health.heartbeat.epoch = Instant::now().checked_sub(STOPPED_AFTER).unwrap();
        assert_eq!(live(State(health)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
