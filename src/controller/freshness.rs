//! Reading our own writes: a pass waits until the caches hold everything that the key's last pass wrote.
//!
//! A plan made from an older cache would see a step undone and take it again. The guards on each write would refuse
//! most of that; this keeps it from being tried.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::act::Written;
use crate::observe::{Key, Stores, WatchHealth, resource_version_of};

/// After this time a write is no longer waited for: the watch must be behind, or the object came and went unseen.
const LIMIT: Duration = Duration::from_secs(10);

/// Writes that the caches may not show yet, by key.
#[derive(Debug, Default)]
pub struct Freshness {
    expected: Mutex<HashMap<Key, Vec<Expected>>>,
}

#[derive(Debug)]
struct Expected {
    kind: &'static str,
    namespace: String,
    name: String,
    version: u64,
    until: Instant,
}

/// Whether a key's pass may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshly {
    /// The caches show all.
    Shown,
    /// Not yet.
    Waiting,
    /// They do not, and it took too long.
    GivenUp,
}

impl Freshness {
    /// A pass of the key wrote an object. Kinds that are not watched are never waited for.
    pub fn note(&self, key: &Key, written: &Written, health: &WatchHealth) {
        let Ok(version) = written.resource_version.parse::<u64>() else { return };
        if !health.is_watched(written.kind) {
            return;
        }
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let writes = expected.entry(key.clone()).or_default();
        writes.retain(|w| !(w.kind == written.kind && w.namespace == written.namespace && w.name == written.name));
        writes.push(Expected {
            kind: written.kind,
            namespace: written.namespace.clone(),
            name: written.name.clone(),
            version,
            until: Instant::now() + LIMIT,
        });
    }

    /// Whether the caches have reached all writes of the key's last pass.
    pub fn check(&self, key: &Key, stores: &Stores, health: &WatchHealth) -> Freshly {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writes) = expected.get_mut(key) else { return Freshly::Shown };
        writes.retain(|write| !write.is_shown(stores, health));
        let now = Instant::now();
        let is_late = writes.iter().any(|write| write.until <= now);
        writes.retain(|write| write.until > now);
        if !writes.is_empty() {
            return Freshly::Waiting;
        }
        expected.remove(key);
        if is_late { Freshly::GivenUp } else { Freshly::Shown }
    }

    /// Forgets a key, or everything when leadership was lost in between.
    pub fn forget(&self, key: Option<&Key>) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        match key {
            Some(key) => drop(expected.remove(key)),
            None => expected.clear(),
        }
    }
}

impl Expected {
    /// The object has that version or a newer one; or the whole watch has passed it, and the object is gone.
    fn is_shown(&self, stores: &Stores, health: &WatchHealth) -> bool {
        health.has_reached(self.kind, self.version)
            || resource_version_of(stores, self.kind, &self.namespace, &self.name)
                .is_some_and(|(_, version)| version >= self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tests::fixture::World;

    fn key() -> Key {
        Key::Pipeline { namespace: "shop".into(), name: "a".into() }
    }

    fn written(kind: &'static str, version: &str) -> Written {
        let (namespace, name, uid) = ("shop".into(), "web".into(), "u".into());
        Written { kind, namespace, name, uid, resource_version: version.into() }
    }

    fn world(version: &str) -> World {
        World::of(&format!("{{kind: Deployment, metadata: {{name: web, resourceVersion: '{version}'}}}}"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_waits_until_the_cache_shows_the_write() {
        let (freshness, health) = (Freshness::default(), WatchHealth::default());
        health.kind("Deployment");
        freshness.note(&key(), &written("Deployment", "100"), &health);
        let mut world = world("99");
        assert_eq!(freshness.check(&key(), &world.stores(), &health), Freshly::Waiting);
        world.put(serde_json::json!({"kind": "Deployment", "metadata": {"name": "web", "resourceVersion": "1000"}}));
        assert_eq!(freshness.check(&key(), &world.stores(), &health), Freshly::Shown, "versions are numbers");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deleted_object_counts_when_the_watch_has_passed_it() {
        let (freshness, health) = (Freshness::default(), WatchHealth::default());
        let watch = health.kind("Deployment");
        freshness.note(&key(), &written("Deployment", "100"), &health);
        let stores = World::default().stores();
        assert_eq!(freshness.check(&key(), &stores, &health), Freshly::Waiting);
        watch.mark_seen(101);
        assert_eq!(freshness.check(&key(), &stores, &health), Freshly::Shown);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_given_up_after_a_while() {
        let (freshness, health) = (Freshness::default(), WatchHealth::default());
        health.kind("Deployment");
        freshness.note(&key(), &written("Deployment", "100"), &health);
        freshness.note(&key(), &written("Event", "100"), &health);
        let world = world("1");
        tokio::time::advance(LIMIT).await;
        assert_eq!(freshness.check(&key(), &world.stores(), &health), Freshly::GivenUp);
        assert_eq!(freshness.check(&key(), &world.stores(), &health), Freshly::Shown);
    }
}
