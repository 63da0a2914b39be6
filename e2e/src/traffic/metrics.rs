//! A stand-in for metrics-server, for the real HorizontalPodAutoscaler controller: `metrics.k8s.io/v1beta1` through the
//! API server's aggregation, with the CPU that a story says its pods use. The range of Services is local in the network
//! namespace, so the API server finds it behind a Service without a selector.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::core::ObjectList;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::GATEWAY_NAMESPACE;
use crate::cluster::Cluster;
use crate::locked::lock;
use crate::pki::Pki;

const PORT: u16 = 4443;
const PATH: &str = "/apis/metrics.k8s.io/v1beta1";
/// What a measurement is the mean of. An autoscaler leaves out a pod that is not ready for as long.
const WINDOW: SignedDuration = SignedDuration::from_secs(1);

/// CPU that is spread evenly over the serving pods of a namespace that have these labels.
#[derive(Debug)]
struct Load {
    namespace: String,
    labels: BTreeMap<String, String>,
    millicores: u64,
}

/// The running stand-in; ends when it is dropped.
#[derive(Debug)]
pub struct Metrics {
    loads: Arc<Mutex<Vec<Load>>>,
    accepting: JoinHandle<()>,
}

impl Metrics {
    /// Listens, and tells the API server where.
    pub(super) async fn start(cluster: &Cluster) -> Result<Self> {
        let tls = Pki::new()?.server()?.acceptor()?;
        let listener =
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await.context("failed to listen for metrics")?;
        let loads = Arc::new(Mutex::new(Vec::new()));
        let (client, told) = (cluster.client(), Arc::clone(&loads));
        let accepting = tokio::spawn(accept(listener, tls, client, told));
        let metrics = Self { loads, accepting };
        for object in objects() {
            cluster.objects().apply(&object.to_string(), None).await.context("failed to announce metrics")?;
        }
        Ok(metrics)
    }

    /// From now on the serving pods of a namespace with these labels use so much CPU, all of them together. Several loads
    /// add up; one for the same labels replaces the one before.
    pub fn load(&self, namespace: &str, labels: &[(&str, &str)], millicores: u64) {
        let labels: BTreeMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut loads = lock(&self.loads);
        loads.retain(|load| load.namespace != namespace || load.labels != labels);
        loads.push(Load { namespace: namespace.to_owned(), labels, millicores });
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The Service, its address (any of the pods' range, all are local) and the group that it serves.
fn objects() -> [Value; 3] {
    let (name, namespace) = ("metrics", GATEWAY_NAMESPACE);
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {"ports": [{"name": "https", "port": PORT}]},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4", "ports": [{"name": "https", "port": PORT}],
            "endpoints": [{"addresses": ["10.244.255.254"], "conditions": {"ready": true}}],
        }),
        json!({
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": {"name": name, "namespace": namespace, "port": PORT},
            },
        }),
    ]
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, client: Client, loads: Arc<Mutex<Vec<Load>>>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, tls.clone(), client.clone(), Arc::clone(&loads)))),
            Err(error) => tracing::warn!(%error, "failed to accept for metrics"),
        }
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, client: Client, loads: Arc<Mutex<Vec<Load>>>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let answering = service_fn(|request: Request<Incoming>| {
        let (client, loads) = (client.clone(), Arc::clone(&loads));
        async move {
            let (status, body) = match answer(request, client, &loads).await {
                Ok(Some(body)) => (StatusCode::OK, body),
                Ok(None) => (StatusCode::NOT_FOUND, json!({"kind": "Status", "apiVersion": "v1", "code": 404})),
                Err(error) => (StatusCode::BAD_GATEWAY, json!({"error": format!("{error:#}")})),
            };
            let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
            answer.body(Full::new(Bytes::from(body.to_string())))
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answering).await;
}

async fn answer(request: Request<Incoming>, client: Client, loads: &Mutex<Vec<Load>>) -> Result<Option<Value>> {
    let path = request.uri().path();
    if path == PATH {
        let pods = json!({"name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics", "verbs": ["get", "list"]});
        let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1"});
        return Ok(Some(with(list, "resources", json!([pods]))));
    }
    let namespace = path.strip_prefix(PATH).and_then(|rest| rest.strip_prefix("/namespaces/"));
    let Some(namespace) = namespace.and_then(|rest| rest.strip_suffix("/pods")) else { return Ok(None) };
    // The API server knows what a selector means: it is asked with the same one.
    let query = request.uri().query().unwrap_or_default();
    let meant = pods(&client, namespace, query).await?;
    let (all, now) = (pods(&client, namespace, "").await?, Timestamp::now());
    let usage = usage(&all, namespace, &lock(loads), now);
    let items: Vec<Value> =
        meant.iter().filter_map(|pod| Some(metrics(pod, *usage.get(&pod.name_any())?, now))).collect();
    let list = json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}});
    Ok(Some(with(list, "items", json!(items))))
}

fn with(mut object: Value, field: &str, value: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    object
}

async fn pods(client: &Client, namespace: &str, query: &str) -> Result<Vec<Pod>> {
    let request = Request::get(format!("/api/v1/namespaces/{namespace}/pods?{query}")).body(Vec::new())?;
    Ok(client.request::<ObjectList<Pod>>(request).await?.items)
}

/// Millicores by pod, for those that serve: the others have no usage. What a pod bore that the autoscaler leaves out would
/// be load that is lost on it.
fn usage(pods: &[Pod], namespace: &str, loads: &[Load], now: Timestamp) -> BTreeMap<String, u64> {
    let serving: Vec<&Pod> = pods.iter().filter(|pod| serves(pod, now)).collect();
    let mut usage: BTreeMap<String, u64> = serving.iter().map(|pod| (pod.name_any(), 0)).collect();
    for load in loads.iter().filter(|load| load.namespace == namespace) {
        let has = |pod: &&&Pod| load.labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value));
        let bearers: Vec<String> = serving.iter().filter(has).map(|pod| pod.name_any()).collect();
        for bearer in &bearers {
            *usage.entry(bearer.clone()).or_default() += load.millicores / bearers.len() as u64;
        }
    }
    usage
}

/// Whether a pod stays and is ready for a whole measurement.
fn serves(pod: &Pod, now: Timestamp) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready" && condition.status == "True");
    let since = ready.and_then(|condition| condition.last_transition_time.as_ref());
    pod.metadata.deletion_timestamp.is_none() && since.is_some_and(|since| since.0 + WINDOW <= now)
}

/// All of a pod's usage is its first container's; the others have none.
fn metrics(pod: &Pod, millicores: u64, now: Timestamp) -> Value {
    let names = pod.spec.iter().flat_map(|spec| &spec.containers).map(|container| &container.name);
    let cpu = |index: usize| format!("{}m", if index == 0 { millicores } else { 0 });
    let containers: Vec<Value> = names
        .enumerate()
        .map(|(index, name)| json!({"name": name, "usage": {"cpu": cpu(index), "memory": "1Mi"}}))
        .collect();
    json!({
        "metadata": {"name": pod.name_any(), "namespace": pod.namespace(), "labels": pod.labels()},
        "timestamp": now, "window": format!("{}s", WINDOW.as_secs()), "containers": containers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, track: &str, ready: &str, since: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"app": "shop", "track": track}},
            "status": {"conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_load_is_shared_by_those_who_serve() {
        let load = |key: &str, value: &str, millicores| {
            let labels = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            Load { namespace: "ns".to_owned(), labels, millicores }
        };
        let (long, now) = ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z");
        let mut going = pod("e", "canary", "True", long);
        going.metadata.deletion_timestamp = serde_json::from_value(json!(now)).unwrap();
        let pods = [
            pod("a", "stable", "True", long),
            pod("b", "stable", "False", long),
            pod("c", "canary", "True", long),
            pod("d", "canary", "True", now),
            going,
        ];
        let now = now.parse().unwrap();
        let used = usage(&pods, "ns", &[load("app", "shop", 100), load("track", "canary", 7)], now);
        assert_eq!(used, BTreeMap::from([("a".to_owned(), 50), ("c".to_owned(), 57)]));
        assert_eq!(usage(&pods, "elsewhere", &[load("app", "shop", 100)], now)["a"], 0);
    }
}
