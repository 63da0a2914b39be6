//! Whether each watch is alive and how far it has come; and which objects it could not read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Request;
use kube::Client;
use kube::client::Body;
use tokio::time::Instant;

/// A watch without contact for this long is dead. It is renewed at least every 65 s, so this is two renewals and more.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(150);

/// The state of all watches. Cloning gives another handle on the same state.
#[derive(Clone, Debug, Default)]
pub struct WatchHealth {
    kinds: Arc<Mutex<BTreeMap<&'static str, Arc<KindHealth>>>>,
    undecodable: Arc<Mutex<BTreeMap<Undecodable, String>>>,
    silence: Silence,
}

/// How long a watch may be without contact before it counts as dead.
#[derive(Clone, Copy, Debug)]
pub struct Silence(pub Duration);

impl Default for Silence {
    fn default() -> Self {
        Self(SILENCE_LIMIT)
    }
}

/// An object that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecodable {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
}

/// The state of one watch.
#[derive(Debug)]
pub struct KindHealth {
    contact: Mutex<Instant>,
    initialised: AtomicBool,
    /// The server has no such kind.
    absent: AtomicBool,
    seen: AtomicU64,
    silence: Silence,
}

impl WatchHealth {
    /// No watch yet, and this patience with those that come.
    pub fn new(silence: Silence) -> Self {
        Self { silence, ..Self::default() }
    }

    /// How long a watch may be silent.
    pub fn silence(&self) -> Duration {
        self.silence.0
    }

    /// The state of one kind's watch; made at first sight.
    pub fn kind(&self, kind: &'static str) -> Arc<KindHealth> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kinds.entry(kind).or_insert_with(|| Arc::new(KindHealth::new(self.silence))))
    }

    /// Whether every watch has delivered its first list.
    pub fn initialised(&self) -> bool {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        !kinds.is_empty() && kinds.values().all(|kind| kind.is_initialised())
    }

    /// Kinds whose watch has been silent for too long or has never delivered its list: readiness fails while there are any.
    pub fn dead(&self) -> Vec<&'static str> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = kinds.iter().filter(|(_, kind)| !kind.is_initialised() || kind.is_silent());
        dead.map(|(name, _)| *name).collect()
    }

    /// By kind, how long ago the server was heard of.
    pub fn ages(&self) -> Vec<(&'static str, Duration)> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.iter().map(|(name, kind)| (*name, kind.age())).collect()
    }

    /// Whether that kind's cache holds everything up to that version. False for kinds that are not watched.
    pub fn has_reached(&self, kind: &str, version: u64) -> bool {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(kind).is_some_and(|kind| kind.seen.load(Ordering::Acquire) >= version)
    }

    /// Whether the kind is watched.
    pub fn is_watched(&self, kind: &str) -> bool {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).contains_key(kind)
    }

    /// Whether the server has no such kind: its definition is not installed. Nothing to watch is no dead watch.
    pub fn is_absent(&self, kind: &str) -> bool {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(kind).is_some_and(|kind| kind.absent.load(Ordering::Acquire))
    }

    /// Objects that cannot be read at present, with the error.
    pub fn undecodable(&self) -> Vec<(Undecodable, String)> {
        let all = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(object, error)| (object.clone(), error.clone())).collect()
    }

    /// Names of that kind's objects in the namespace that cannot be read at present.
    pub fn unreadable(&self, kind: &str, namespace: &str) -> Vec<String> {
        let all = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        all.keys().filter(|o| o.kind == kind && o.namespace == namespace).map(|o| o.name.clone()).collect()
    }

    /// Whether that object is there and cannot be read.
    pub fn is_unreadable(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let all = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        all.keys().any(|o| o.kind == kind && o.namespace == namespace && o.name == name)
    }

    /// Notes that an object cannot be read; says whether that is news.
    pub fn cannot_read(&self, object: Undecodable, error: &str) -> bool {
        let mut all = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(object, error.to_owned()).as_deref() != Some(error)
    }

    /// A kind is listed anew: what cannot be read will be told again.
    pub fn forget_unread(&self, kind: &str) {
        self.undecodable.lock().unwrap_or_else(PoisonError::into_inner).retain(|object, _| object.kind != kind);
    }

    /// Notes that an object is readable again or gone; says whether that is news.
    pub fn can_read(&self, object: &Undecodable) -> bool {
        let mut all = self.undecodable.lock().unwrap_or_else(PoisonError::into_inner);
        !all.is_empty() && all.remove(object).is_some()
    }
}

impl KindHealth {
    fn new(silence: Silence) -> Self {
        let (contact, initialised) = (Mutex::new(Instant::now()), AtomicBool::new(false));
        Self { contact, initialised, absent: AtomicBool::new(false), seen: AtomicU64::new(0), silence }
    }

    /// The server answered.
    pub fn touch(&self) {
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The store holds a complete list.
    pub fn mark_initialised(&self) {
        self.initialised.store(true, Ordering::Release);
    }

    pub fn is_initialised(&self) -> bool {
        self.initialised.load(Ordering::Acquire)
    }

    /// Notes whether the server lacks the kind; says whether that is news.
    pub fn mark_absent(&self, absent: bool) -> bool {
        self.absent.swap(absent, Ordering::AcqRel) != absent
    }

    /// How long it may be silent.
    pub fn silence(&self) -> Duration {
        self.silence.0
    }

    /// Whether there was no contact for longer than a living watch can be quiet.
    pub fn is_silent(&self) -> bool {
        self.age() >= self.silence.0
    }

    fn age(&self) -> Duration {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// The store holds everything up to this version: a watch delivers in order of versions.
    pub fn mark_seen(&self, version: u64) {
        self.seen.fetch_max(version, Ordering::AcqRel);
    }
}

/// A client for one kind's watch that notes when the server accepts a watch.
///
/// kube's watcher tells nothing of bookmarks and renewals, so a quiet watch could not be told from a dead one. A list
/// does not count: one that is answered and cannot be read would look like life.
pub fn tapped(client: Client, health: Arc<KindHealth>) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, health) = (client.clone(), Arc::clone(&health));
        async move {
            let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            let response = client.send(request).await?;
            if is_watch && response.status().is_success() {
                health.touch();
            }
            Ok::<_, kube::Error>(response)
        }
    });
    Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_dead_until_its_list_came_and_after_a_long_silence() {
        let health = WatchHealth::default();
        assert!(!health.initialised(), "nothing is watched yet");
        let (pods, jobs) = (health.kind("Pod"), health.kind("Job"));
        pods.mark_initialised();
        assert_eq!(health.dead(), ["Job"]);
        jobs.mark_initialised();
        assert!(health.initialised() && health.dead().is_empty());
        tokio::time::advance(Duration::from_secs(100)).await;
        jobs.touch();
        tokio::time::advance(Duration::from_secs(51)).await;
        assert_eq!(health.dead(), ["Pod"]);
        pods.touch();
        assert!(health.dead().is_empty());
    }

    #[test]
    fn an_error_is_news_once() {
        let health = WatchHealth::default();
        let object = Undecodable { kind: "Release", namespace: "shop".into(), name: "a".into() };
        assert!(health.cannot_read(object.clone(), "missing field"));
        assert!(!health.cannot_read(object.clone(), "missing field"));
        assert!(health.cannot_read(object.clone(), "another"));
        health.can_read(&object);
        assert!(health.undecodable().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_accepted_watch_is_contact_and_a_list_or_a_refusal_is_not() {
        let server = |status: u16| {
            tower::service_fn(move |_: Request<Body>| async move {
                http::Response::builder().status(status).body(Body::empty()).map_err(|error| error.to_string())
            })
        };
        for (status, query, is_alive) in
            [(200, "?watch=true", true), (200, "?limit=500", false), (503, "?watch=true", false)]
        {
            let kind = Arc::new(KindHealth::new(Silence::default()));
            tokio::time::advance(SILENCE_LIMIT).await;
            let client = tapped(Client::new(server(status), "default"), Arc::clone(&kind));
            let request = Request::builder().uri(format!("/api/v1/pods{query}")).body(Body::empty()).unwrap();
            client.send(request).await.unwrap();
            assert_eq!(!kind.is_silent(), is_alive, "{status} {query}");
        }
    }
}
