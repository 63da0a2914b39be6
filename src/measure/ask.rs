//! Asks: requests to pods and to providers, each bounded in time and size. No redirect is followed, so no answer leads to
//! another address.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::api::check::HttpProbe;
use crate::api::{Span, Time};
use crate::observe::Reading;
use crate::plan::{Ask, Endpoint, Metric, Names};

use super::http::{self, Head};
use super::provider::{Error, Providers};
use super::{answer, query};

/// Pods asked in one round; the next round asks others.
const PODS: usize = 10;
/// So much of a provider's answer is read.
const ANSWER: usize = 1024 * 1024;
/// Texts of others are cut here.
const TEXT: usize = 160;

/// Carries measurements out.
pub struct Asker {
    providers: Providers,
    pods: Client,
}

impl Asker {
    pub fn new(providers: Providers) -> Result<Self, Error> {
        // Each measurement makes its own connection: one that is kept would hide that nobody listens any more.
        let pods = Client::builder().tls_certs_only([]).no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0);
        let pods = pods.user_agent("windlass").build().map_err(Error::Client)?;
        Ok(Self { providers, pods })
    }

    /// One measurement.
    pub async fn ask(&self, ask: &Ask, at: Time, round: usize) -> Reading {
        match ask {
            Ask::Http { probe, targets } => self.pods(probe, targets, round).await,
            Ask::Metric(metric) => match self.metric(metric, at).await {
                Ok(reading) => reading,
                Err(why) => Reading::Silent(clean(&format!("provider {}: {why}", metric.probe.provider))),
            },
            Ask::Nothing(why) => Reading::Silent(clean(why)),
        }
    }

    /// Bad if one of the pods answers badly.
    async fn pods(&self, probe: &HttpProbe, targets: &[Endpoint], round: usize) -> Reading {
        if targets.is_empty() {
            return Reading::Silent("no new pod is ready".to_owned());
        }
        let chosen = targets.iter().cycle().skip((round * PODS) % targets.len()).take(PODS.min(targets.len()));
        let answers = join_all(chosen.map(|target| self.pod(probe, target))).await;
        let bad = answers.into_iter().flatten().next();
        bad.map_or(Reading::Good, |why| Reading::Bad(clean(&why)))
    }

    /// Why a pod's answer is bad, if it is. No answer is one.
    async fn pod(&self, probe: &HttpProbe, target: &Endpoint) -> Option<String> {
        let limit = probe.timeout().to_std();
        let why = match tokio::time::timeout(limit, self.request(probe, target)).await {
            Ok(Ok(why)) => why,
            Ok(Err(error)) => Some(format!("no answer: {}", root(&error))),
            Err(_) => Some(format!("no answer within {}", probe.timeout())),
        };
        why.map(|why| format!("{}: {why}", path(probe)))
    }

    async fn request(&self, probe: &HttpProbe, target: &Endpoint) -> Result<Option<String>, reqwest::Error> {
        let address = &target.address;
        let host = if address.contains(':') { format!("[{address}]") } else { address.clone() };
        let began = Instant::now();
        let response = self.pods.get(format!("http://{host}:{}{}", target.port, path(probe))).send().await?;
        let name = probe.header.as_ref().map(|header| header.name.as_str());
        let values = name.into_iter().flat_map(|name| response.headers().get_all(name));
        let values = values.filter_map(|value| value.to_str().ok()).collect();
        let head = Head { status: response.status().as_u16(), took: began.elapsed(), values };
        if let Some(why) = http::head(probe, &head) {
            return Ok(Some(why));
        }
        if probe.contains.is_none() {
            return Ok(None);
        }
        let (read, _) = limited(response, http::BODY).await?;
        Ok(http::body(probe, &read))
    }

    /// What the numbers mean; otherwise why there is none.
    async fn metric(&self, metric: &Metric, at: Time) -> Result<Reading, String> {
        let Metric { probe, names, since, stable } = metric;
        let window = query::window(probe.window(), *since, at);
        if let Some(idle) = &probe.when_idle {
            let value = self
                .number(metric, &idle.query, names, window, None)
                .await
                .map_err(|why| format!("whenIdle: {why}"))?;
            if answer::is_idle(&idle.below, value) {
                return Ok(Reading::Idle(format!("below {}", idle.below)));
            }
        }
        let value = self.number(metric, &probe.query, names, window, None).await?;
        if let Some(bad) = answer::within(probe, value) {
            return Ok(bad);
        }
        let (Some(compared), Some(stable)) = (&probe.stable, stable) else { return Ok(Reading::Good) };
        let before = self.number(metric, &probe.query, &stable.names, probe.window(), stable.at).await;
        let before = before.map_err(|why| format!("the revision before: {why}"))?;
        Ok(answer::beside(compared, value, before).unwrap_or(Reading::Good))
    }

    async fn number(
        &self,
        metric: &Metric,
        query: &str,
        names: &Names,
        window: Span,
        at: Option<Time>,
    ) -> Result<f64, String> {
        let probe = &metric.probe;
        let provider = self.providers.get(&probe.provider).ok_or("it is not in the operator's configuration")?;
        let asking = async {
            let request = provider.request(&query::filled(query, names, window), at).await?;
            let response = request.send().await.map_err(|error| root(&error))?;
            let code = response.status().as_u16();
            let (read, is_whole) = limited(response, ANSWER).await.map_err(|error| root(&error))?;
            if !is_whole {
                return Err(format!("the answer is longer than {ANSWER} bytes"));
            }
            answer::number(code, &read)
        };
        let limit: Duration = probe.timeout().to_std();
        tokio::time::timeout(limit, asking)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {}", probe.timeout())))
    }
}

fn path(probe: &HttpProbe) -> &str {
    probe.path.as_deref().unwrap_or("/")
}

/// The beginning of a body, and whether that is all of it.
async fn limited(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - read.len();
        read.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            return Ok((read, false));
        }
    }
    Ok((read, true))
}

/// The innermost cause, without the address: it is told who was asked.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A text of others as it may stand in a status.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT).collect()
}

#[cfg(test)]
mod tests;
