//! A user who sends requests all the while, through the router, and writes down what became of each.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::answer;
use super::counts::{Answer, Counts};
use crate::locked::lock;

/// How long a user waits for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a body is read.
const ENOUGH: usize = 256 * 1024;

type Http = legacy::Client<HttpConnector<Always>, Full<Bytes>>;

/// What a user speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    Http,
    /// Calls of `shop.Checkout/Pay`.
    Grpc,
}

/// Every name is at this address.
#[derive(Debug, Clone, Copy)]
struct Always(SocketAddr);

impl tower::Service<Name> for Always {
    type Response = std::iter::Once<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(std::iter::once(self.0)))
    }
}

/// Nothing is sent twice: what is lost is lost.
fn http(at: SocketAddr, speech: Speech) -> Http {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.retry_canceled_requests(false).http2_only(speech == Speech::Grpc);
    builder.build(HttpConnector::new_with_resolver(Always(at)))
}

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
    /// Sends `per_second` requests a second for `host` to the router. Connections are kept alive.
    pub(super) fn start(router: SocketAddr, host: &str, per_second: u32, speech: Speech) -> Self {
        let http = http(router, speech);
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
                    let answer = ask(http, (router, &host, speech), sent).await;
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

async fn ask(http: Http, of: (SocketAddr, &str, Speech), sent: Instant) -> Answer {
    let asked = tokio::time::timeout(PATIENCE, exchange(http, of)).await;
    let mut answer = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::lost(format!("{error:#}")),
        Err(_) => Answer::lost(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    (answer.sent, answer.took) = (sent, sent.elapsed());
    answer
}

fn request((at, host, speech): (SocketAddr, &str, Speech)) -> http::Result<Request<Full<Bytes>>> {
    let place = format!("http://{host}:{}", at.port());
    match speech {
        Speech::Http => Request::get(place).header(header::HOST, host).body(Full::default()),
        Speech::Grpc => Request::post(format!("{place}/shop.Checkout/Pay"))
            .header(header::CONTENT_TYPE, answer::GRPC)
            .header(header::TE, "trailers")
            .body(Bytes::from_static(&[0; 5]).into()), // one message, empty
    }
}

async fn exchange(http: Http, of: (SocketAddr, &str, Speech)) -> anyhow::Result<Answer> {
    let response = http.request(request(of)?).await?;
    let said = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (pod, image, track) = (said(answer::POD), said(answer::IMAGE), said(answer::TRACK));
    let mut how = said(answer::GRPC_STATUS);
    let mut status = response.status().as_u16();
    let (mut body, mut read) = (response.into_body(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        if let Some(told) = frame.trailers_ref().and_then(|all| all.get(answer::GRPC_STATUS)) {
            how = told.to_str().unwrap_or_default().to_owned();
        }
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > ENOUGH {
            break;
        }
    }
    let mut error = String::new();
    if of.2 == Speech::Grpc && status == 200 && how != "0" {
        // as a user of HTTP would be told
        (status, error) = (500, format!("{}: {how:?}", answer::GRPC_STATUS));
    }
    Ok(Answer { status, pod, image, track, ..Answer::lost(error) })
}

/// One request by itself, outside any counting.
pub(super) async fn once(at: SocketAddr, host: &str, speech: Speech) -> Answer {
    ask(http(at, speech), (at, host, speech), Instant::now()).await
}
