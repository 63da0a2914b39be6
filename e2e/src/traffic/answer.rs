//! What a pod answers, by its state and its cue. Every answer says whose it is in its headers, because a body may be
//! cut off, endless, or not there.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::json;
use tokio::sync::watch;

use super::census::{Actor, Census, State};
use super::player::Tally;
use crate::cue::Cue;

/// The headers that tell who answered.
pub const POD: &str = "x-pod";
pub const IMAGE: &str = "x-image";
pub const TRACK: &str = "x-track";

const SLOW: Duration = Duration::from_secs(2);
/// Where a check must not be led: the address of cloud metadata.
const INSIDE: &str = "http://169.254.169.254/latest/meta-data/";

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The header of a gRPC answer that says how a call went; 0 is well.
pub const GRPC_STATUS: &str = "grpc-status";
/// What gRPC calls INTERNAL, and what it calls UNAVAILABLE.
const GRPC_FAILED: [&str; 2] = ["13", "14"];
/// The content type of calls and of their answers.
pub const GRPC: &str = "application/grpc";

/// The answer of the pod `uid` at `ip`.
pub(super) async fn to(
    request: Request<Incoming>,
    ip: IpAddr,
    uid: String,
    census: watch::Receiver<Census>,
    tally: Arc<Tally>,
) -> Result<Response<Body>, http::Error> {
    let is_call = request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == GRPC);
    let answer = of(ip, uid, census, tally).await?;
    if is_call { called(answer) } else { Ok(answer) }
}

/// The same as gRPC says it: how it went is told beside a status of HTTP that is always well.
fn called(answer: Response<Body>) -> Result<Response<Body>, http::Error> {
    let [failed, unavailable] = GRPC_FAILED;
    let how = match answer.status() {
        StatusCode::OK => "0",
        StatusCode::SERVICE_UNAVAILABLE => unavailable,
        _ => failed,
    };
    let (was, _) = answer.into_parts();
    let mut call = Response::builder().header(GRPC_STATUS, how);
    if let Some(headers) = call.headers_mut() {
        headers.extend(was.headers);
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(GRPC));
    }
    call.body(whole(""))
}

async fn of(
    ip: IpAddr,
    uid: String,
    census: watch::Receiver<Census>,
    tally: Arc<Tally>,
) -> Result<Response<Body>, http::Error> {
    let actor = census.borrow().at(ip).filter(|actor| actor.uid == uid).cloned();
    let Some(actor) = actor else {
        // gone between the request and this look; its connection is about to end
        return Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(whole("ending"));
    };
    if actor.state != State::Ready {
        tally.unready.fetch_add(1, Ordering::Relaxed);
        return signed(StatusCode::SERVICE_UNAVAILABLE, &actor).body(words(&actor));
    }
    let turn = actor.answered.fetch_add(1, Ordering::Relaxed);
    match actor.cue {
        Some(Cue::Errors) if turn % 2 == 1 => signed(StatusCode::INTERNAL_SERVER_ERROR, &actor).body(words(&actor)),
        Some(Cue::SlowAnswers) => {
            tokio::time::sleep(SLOW).await;
            signed(StatusCode::OK, &actor).body(words(&actor))
        }
        Some(Cue::Redirects) => signed(StatusCode::FOUND, &actor).header(header::LOCATION, INSIDE).body(words(&actor)),
        Some(Cue::Huge) => signed(StatusCode::OK, &actor).body(endless()),
        _ => signed(StatusCode::OK, &actor).body(words(&actor)),
    }
}

fn signed(status: StatusCode, actor: &Actor) -> http::response::Builder {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    answer.header(POD, &actor.name).header(IMAGE, &actor.image).header(TRACK, &actor.track)
}

fn words(actor: &Actor) -> Body {
    whole(&json!({ "pod": actor.name, "image": actor.image, "track": actor.track }).to_string())
}

fn whole(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync()
}

fn endless() -> Body {
    let chunk = Bytes::from_static(&[b'x'; 16 * 1024]);
    StreamBody::new(stream::repeat_with(move || Ok(Frame::data(chunk.clone())))).boxed_unsync()
}
