//! A user who sends requests all the while, through the router, and writes down what became of each.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::answer;
use super::counts::{Answer, Counts};

/// How long a user waits for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a body is read.
const ENOUGH: usize = 256 * 1024;

type Http = legacy::Client<HttpConnector, Empty<Bytes>>;

/// A running client; ends when it is dropped.
#[derive(Debug)]
pub struct Client {
    notes: Arc<Mutex<Notes>>,
    sending: JoinHandle<()>,
}

/// What is known of each request that was sent.
#[derive(Debug, Default)]
struct Notes {
    answers: Vec<Answer>,
    under_way: Vec<Instant>,
}

impl Client {
    /// Sends `per_second` requests a second for `host` to the router. Connections are kept
    /// alive, and nothing is sent twice: what is lost is lost.
    pub(super) fn start(router: SocketAddr, host: &str, per_second: u32) -> Self {
        let http: Http = legacy::Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
        let notes = Arc::new(Mutex::new(Notes::default()));
        let (kept, host) = (Arc::clone(&notes), host.to_owned());
        let sending = tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                let (http, host, kept) = (http.clone(), host.clone(), Arc::clone(&kept));
                let sent = Instant::now();
                lock(&kept).under_way.push(sent);
                tokio::spawn(async move {
                    let answer = ask(http, router, &host, sent).await;
                    let mut notes = lock(&kept);
                    if let Some(place) = notes.under_way.iter().position(|at| *at == sent) {
                        notes.under_way.swap_remove(place);
                    }
                    notes.answers.push(answer);
                });
            }
        });
        Self { notes, sending }
    }

    /// A moment to count from.
    pub fn mark(&self) -> Instant {
        Instant::now()
    }

    /// What became of the requests that were sent from `from` on until now; waits for those under way.
    pub async fn since(&self, from: Instant) -> Counts {
        self.between(from, Instant::now()).await
    }

    /// What became of the requests that were sent between two moments; waits for those under way.
    pub async fn between(&self, from: Instant, to: Instant) -> Counts {
        let is_meant = |sent: Instant| sent >= from && sent < to;
        while lock(&self.notes).under_way.iter().any(|sent| is_meant(*sent)) {
            tokio::time::sleep(Duration::from_millis(10)).await; // PATIENCE ends this
        }
        let notes = lock(&self.notes);
        Counts::of(notes.answers.iter().filter(|answer| is_meant(answer.sent)).cloned().collect())
    }

    /// What becomes of the requests of the next `span`.
    pub async fn over(&self, span: Duration) -> Counts {
        let from = self.mark();
        tokio::time::sleep(span).await;
        self.since(from).await
    }

    /// What became of the requests that were sent while something was done.
    pub async fn during<T>(&self, doing: impl Future<Output = T>) -> (T, Counts) {
        let from = self.mark();
        let done = doing.await;
        (done, self.since(from).await)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

async fn ask(http: Http, at: SocketAddr, host: &str, sent: Instant) -> Answer {
    let asked = tokio::time::timeout(PATIENCE, exchange(http, at, host)).await;
    let mut answer = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::lost(format!("{error:#}")),
        Err(_) => Answer::lost(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    (answer.sent, answer.took) = (sent, sent.elapsed());
    answer
}

async fn exchange(http: Http, at: SocketAddr, host: &str) -> anyhow::Result<Answer> {
    let request = Request::get(format!("http://{at}/")).header("host", host).body(Empty::new())?;
    let response = http.request(request).await?;
    let said = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (pod, image, track) = (said(answer::POD), said(answer::IMAGE), said(answer::TRACK));
    let answer = Answer { status: response.status().as_u16(), pod, image, track, ..Answer::lost(String::new()) };
    let (mut body, mut read) = (response.into_body(), 0);
    while let Some(frame) = body.frame().await {
        read += frame?.data_ref().map_or(0, Bytes::len);
        if read > ENOUGH {
            break;
        }
    }
    Ok(answer)
}

/// One request by itself, outside any counting.
pub(super) async fn once(at: SocketAddr, host: &str) -> Answer {
    ask(legacy::Client::builder(TokioExecutor::new()).build_http(), at, host, Instant::now()).await
}

fn lock(notes: &Mutex<Notes>) -> std::sync::MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}
