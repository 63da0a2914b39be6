//! What a watch makes of lists, changes and objects that cannot be read.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::api::Release;
use crate::observe::relate;
use crate::observe::stores::Writers;

struct Rig {
    feed: Feed<Release>,
    told: Arc<Mutex<Vec<Key>>>,
}

fn rig() -> Rig {
    let (writers, told) = (Writers::default(), Arc::new(Mutex::new(Vec::new())));
    let sink = Arc::clone(&told);
    let shared = Shared {
        stores: writers.stores(),
        health: WatchHealth::default(),
        metrics: Arc::new(Metrics::new().unwrap()),
        sink: Arc::new(move |key| sink.lock().unwrap().push(key)),
    };
    let health = shared.health.kind("Release");
    let (writer, relate) = (writers.releases, relate::release);
    Rig { feed: Feed { kind: "Release", of: (), writer, keep: |_| true, relate, health, shared, listed: 0 }, told }
}

impl Rig {
    fn list(&mut self, objects: &[Value]) {
        self.feed.take(Event::Init);
        objects.iter().for_each(|object| self.feed.take(Event::InitApply(guarded(object))));
        self.feed.take(Event::InitDone);
    }
    async fn read(&mut self, events: impl Stream<Item = watcher::Result<Guarded<Release>>> + Unpin) {
        self.feed.read(events).await;
    }
    fn told(&self) -> usize {
        std::mem::take(&mut *self.told.lock().unwrap()).len()
    }
    fn version(&self, name: &str) -> Option<u64> {
        crate::observe::stores::get(&self.feed.reader(), "shop", name).map(|found| version_number(found.as_ref()))
    }
}

fn guarded(object: &Value) -> DeserializeGuard<Release> {
    serde_json::from_value(object.clone()).unwrap()
}

fn release(name: &str, version: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": version, "managedFields": [{}]},
        "spec": {"pipeline": "a", "build": {"version": "1", "createdAt": "2026-01-01T00:00:00Z", "images": []}}})
}

fn broken(name: &str, version: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}, "spec": {"pipeline": 7}})
}

#[test]
fn after_the_first_list_only_differences_are_told() {
    let mut rig = rig();
    rig.list(&[release("a", "1"), release("b", "2")]);
    assert_eq!(rig.told(), 0, "the loop takes up all keys at the start");
    rig.list(&[release("a", "1"), release("b", "3"), release("c", "4")]);
    assert_eq!(rig.told(), 2, "b once, though before and after lead to it, and c");
    rig.list(&[release("a", "1"), release("b", "3")]);
    assert_eq!((rig.told(), rig.version("c")), (1, None), "c is gone");
    assert!(rig.feed.reader().state().iter().all(|kept| kept.metadata.managed_fields.is_none()));
}

#[test]
fn one_that_cannot_be_read_is_skipped_and_reported_and_delays_none() {
    let mut rig = rig();
    rig.list(&[broken("bad", "1"), release("good", "2")]);
    assert_eq!((rig.version("bad"), rig.version("good")), (None, Some(2)));
    let reported = rig.feed.shared.health.undecodable();
    assert_eq!((reported.len(), reported[0].0.name.as_str()), (1, "bad"));
    rig.feed.take(Event::Apply(guarded(&release("bad", "3"))));
    assert!(rig.feed.shared.health.undecodable().is_empty());
    rig.feed.take(Event::Apply(guarded(&broken("bad", "4"))));
    assert_eq!(rig.version("bad"), Some(3), "it stays as it was read last");
    rig.list(&[broken("bad", "4")]);
    assert_eq!(rig.version("bad"), Some(3));
    rig.feed.take(Event::Delete(guarded(&broken("bad", "5"))));
    assert_eq!(rig.version("bad"), None);
    assert!(rig.feed.shared.health.has_reached("Release", 5) && !rig.feed.shared.health.has_reached("Release", 6));
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_left_and_a_quiet_one_is_not() {
    let mut rig = rig();
    let renewed = Arc::clone(&rig.feed.health);
    tokio::spawn(async move {
        for _ in 0..10 {
            renewed.touch();
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        }
    });
    let start = tokio::time::Instant::now();
    rig.feed.read(futures::stream::pending()).await;
    let after = start.elapsed().as_secs();
    assert!((690..=900).contains(&after), "left after {after} s, the last renewal was after 540 s");
}

#[tokio::test]
async fn a_kind_that_the_server_lacks_is_empty_and_no_dead_watch_until_it_comes() {
    let missing = || {
        let status =
            json!({"code": 404, "reason": "NotFound", "message": "the server could not find the requested resource"});
        let status = Box::new(serde_json::from_value::<kube::core::Status>(status).unwrap());
        futures::stream::iter([Err(watcher::Error::InitialListFailed(kube::Error::Api(status)))])
    };
    let mut rig = rig();
    rig.read(missing()).await;
    assert_eq!(rig.feed.shared.health.dead(), ["Release"], "one of ours must be there");
    const ROUTE: &str = RouteKind::Http.as_str();
    rig.feed.kind = ROUTE;
    rig.feed.health = rig.feed.shared.health.kind(ROUTE);
    rig.list(&[release("a", "7")]);
    rig.read(missing()).await;
    let health = rig.feed.shared.health.clone();
    assert!(health.is_absent(ROUTE) && !health.dead().contains(&ROUTE) && rig.version("a").is_none());
    rig.list(&[release("a", "8")]);
    assert!(!health.is_absent(ROUTE) && rig.version("a") == Some(8));
}
