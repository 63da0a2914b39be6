//! A way between an operator and the API server on which one write for each shop is held back, as if the operator had been stopped
//! with it on the way: the shop's later ones are lost. Leases and events pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::locked::lock;
use crate::loopback::Server;
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use kube::Client;
use kube::client::Body;

/// A running one; ends when it is dropped.
pub struct Held {
    server: Server,
    client: Client,
    shops: Arc<Mutex<Vec<Watched>>>,
}

/// One shop's writes: which one is held, and what has come.
#[derive(Debug)]
struct Watched {
    namespaces: Vec<String>,
    first: First,
    passed: usize,
    write: Option<Write>,
}

/// Which write is the first that does not pass.
#[derive(Clone, Copy, Debug)]
pub enum First {
    /// That after so many.
    After(usize),
    /// A patch with this in its path.
    Patch(&'static str),
}

impl First {
    pub fn is(self, write: &Write, passed: usize) -> bool {
        match self {
            Self::After(passes) => passed == passes,
            Self::Patch(part) => write.method == Method::PATCH && write.path.contains(part),
        }
    }
}

/// A write that was held back.
#[derive(Clone, Debug)]
pub struct Write {
    pub method: Method,
    /// With its query.
    pub path: String,
    content: Option<String>,
    body: Bytes,
}

impl Held {
    /// Starts one that asks the server as that client.
    pub async fn start(client: Client) -> Result<Self> {
        let shops = Arc::<Mutex<Vec<Watched>>>::default();
        let (asked, watched) = (client.clone(), Arc::clone(&shops));
        let server = Server::start(move |request| {
            let (client, shops) = (asked.clone(), Arc::clone(&watched));
            async move { pass(&client, &shops, request).await }
        });
        Ok(Self { server: server.await?, client, shops })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// From now on writes to these namespaces pass up to that one, which is held, and all after it are lost.
    pub fn hold(&self, namespaces: &[&str], first: First) {
        let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
        lock(&self.shops).push(Watched { namespaces, first, passed: 0, write: None });
    }

    /// What is held of each shop, in the order of `hold`.
    pub fn writes(&self) -> Vec<Option<Write>> {
        lock(&self.shops).iter().map(|shop| shop.write.clone()).collect()
    }

    /// Sends a write that was held; gives the server's answer.
    pub async fn send(&self, write: &Write) -> Result<StatusCode> {
        let answer = forward(&self.client, write.clone()).await?;
        Ok(answer.status())
    }
}

async fn pass(client: &Client, shops: &Mutex<Vec<Watched>>, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return bad_gateway() };
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let content = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let write = Write { method: parts.method, path, content, body: body.to_bytes() };
    if is_held(shops, &write) {
        return std::future::pending().await;
    }
    forward(client, write).await.unwrap_or_else(|_| bad_gateway())
}

/// Whether it does not pass, now or ever.
fn is_held(shops: &Mutex<Vec<Watched>>, write: &Write) -> bool {
    let of_shop =
        |shop: &&mut Watched| shop.namespaces.iter().any(|ns| write.path.contains(&format!("/namespaces/{ns}/")));
    let is_other = write.method == Method::GET || write.path.contains("/leases/") || write.path.contains("/events");
    let mut shops = lock(shops);
    let Some(shop) = shops.iter_mut().find(of_shop).filter(|_| !is_other) else { return false };
    if shop.write.is_none() && !shop.first.is(write, shop.passed) {
        shop.passed += 1;
        return false;
    }
    shop.write.get_or_insert_with(|| write.clone());
    true
}

async fn forward(client: &Client, write: Write) -> Result<Response<Body>> {
    let mut request = Request::builder().method(write.method).uri(write.path);
    if let Some(content) = write.content {
        request = request.header(header::CONTENT_TYPE, content);
    }
    let request = request.body(Body::from(write.body)).context("not a request")?;
    client.send(request).await.context("the server does not answer")
}

fn bad_gateway() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}

/// How often each answer was given, for people.
pub fn tally(answers: &[(Write, StatusCode)]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (write, code) in answers {
        *counts.entry(format!("{} {}", write.method, code.as_u16())).or_default() += 1;
    }
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}
