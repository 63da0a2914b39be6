//! The watch of one kind: decode object by object, prune, store, and say which keys the change concerns.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;

use futures::{Stream, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::watcher::{self, Config, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::health::{KindHealth, Undecodable, WatchHealth};
use super::relate::{self, Change, Key};
use super::slim::PolicyKind;
use super::stores::{Stores, version_number};
use crate::api::DeliveryPipeline;
use crate::api::traffic::RouteKind;
use crate::metrics::Metrics;

/// What is said of each key that a change concerns.
pub type Sink = Arc<dyn Fn(Key) + Send + Sync>;

/// What all watches share.
#[derive(Clone)]
pub struct Shared {
    pub stores: Stores,
    pub health: WatchHealth,
    pub metrics: Arc<Metrics>,
    pub sink: Sink,
}

/// The watch of one kind and its store.
pub struct Feed<K: Resource<DynamicType: Clone + Eq + Hash> + Clone + 'static> {
    pub kind: &'static str,
    /// Which of the kinds, where the type stands for several.
    pub of: K::DynamicType,
    pub writer: Writer<K>,
    /// Whether an object is worth its memory.
    pub keep: fn(&K) -> bool,
    pub relate: fn(&Stores, &Change<'_, K>) -> Vec<Key>,
    pub health: Arc<KindHealth>,
    pub shared: Shared,
    /// The highest version of the list that is being read.
    pub listed: u64,
}

/// Where `kubectl apply` keeps a copy of the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

type Guarded<K> = Event<DeserializeGuard<K>>;

impl<K> Feed<K>
where
    K: Resource<DynamicType: Clone + Eq + Hash> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    /// Watches until the task is dropped. A watch that has gone silent is made anew, and lists again.
    pub async fn follow(mut self, api: Api<DeserializeGuard<K>>, config: Config) {
        loop {
            let events = pin!(watcher(api.clone(), config.clone()).default_backoff());
            self.read(events).await;
            tracing::warn!(kind = self.kind, "watch is silent, starting it anew");
        }
    }

    /// Returns when the stream has been silent for too long.
    async fn read(&mut self, mut events: impl Stream<Item = watcher::Result<Guarded<K>>> + Unpin) {
        loop {
            match tokio::time::timeout(self.health.silence(), events.next()).await {
                // It says nothing of the server yet.
                Ok(Some(Ok(Event::Init))) => self.take(Event::Init),
                Ok(Some(Ok(event))) => {
                    self.health.touch();
                    self.take(event);
                }
                Ok(Some(Err(error))) if self.is_withheld(&error) => self.not_installed(),
                Ok(Some(Err(error))) => {
                    self.shared.metrics.watch_error(self.kind);
                    tracing::warn!(kind = self.kind, %error, "watch failed, trying again");
                }
                Ok(None) => return,
                Err(_) if self.health.is_silent() => return,
                // Nothing changed; the watch is renewed in time.
                Err(_) => {}
            }
        }
    }

    /// Whether the server keeps the kind from us, and we can do without: the Gateway API is installed where someone wants it,
    /// policies that write are young, and a role of an older chart does not let us list policies.
    fn is_withheld(&self, error: &watcher::Error) -> bool {
        let code = match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status)) => status.code,
            _ => return false,
        };
        let is_policy = PolicyKind::ALL.iter().any(|kind| kind.as_str() == self.kind);
        code == 404 && (is_policy || RouteKind::named(self.kind).is_some()) || code == 403 && is_policy
    }

    /// There is no such kind for us, so there are no such objects. The list is asked for again and again: it may come.
    fn not_installed(&mut self) {
        self.health.touch();
        if self.health.mark_absent(true) {
            tracing::info!(kind = self.kind, "the server has no such kind for us; it is looked for again");
            self.take(Event::Init);
            self.list_done();
            self.tell_waiting();
        }
    }

    /// Brings the store up to date with one event, then tells what it concerns.
    pub fn take(&mut self, event: Guarded<K>) {
        match event {
            Event::Init => {
                self.listed = 0;
                self.shared.health.forget_unread(self.kind);
                self.writer.apply_watcher_event(&Event::Init);
            }
            Event::InitApply(object) => {
                self.listed = self.listed.max(version_number(&object));
                if let Some(object) = self.decode(object).filter(self.keep) {
                    self.writer.apply_watcher_event(&Event::InitApply(object));
                }
            }
            Event::InitDone => {
                self.list_done();
                if self.health.mark_absent(false) {
                    self.tell_waiting();
                }
            }
            Event::Apply(object) => {
                let version = version_number(&object);
                if let Some(object) = self.decode(object) {
                    self.store_one(object, version);
                }
            }
            Event::Delete(object) => {
                self.readable(&self.identity(&object));
                let old = self.known(&object);
                if let Some(old) = &old {
                    self.writer.apply_watcher_event(&Event::Delete(old.as_ref().clone()));
                }
                self.health.mark_seen(version_number(&object));
                self.tell(&Change { old: old.as_deref(), new: None });
            }
        }
    }

    /// `version` is that of the event: an object that cannot be read stays at an older one.
    fn store_one(&mut self, object: K, version: u64) {
        let old = self.known(&object);
        let is_kept = (self.keep)(&object);
        let event = if is_kept { Event::Apply(object.clone()) } else { Event::Delete(object.clone()) };
        self.writer.apply_watcher_event(&event);
        // Before anybody is told, as a pass may begin at once.
        self.health.mark_seen(version);
        self.tell(&Change { old: old.as_deref(), new: is_kept.then_some(&object) });
    }

    /// Puts a complete list in the place of what was stored, and tells what is different.
    fn list_done(&mut self) {
        let mut before: HashMap<ObjectRef<K>, Arc<K>> =
            self.reader().state().into_iter().map(|object| (self.reference(object.as_ref()), object)).collect();
        self.writer.apply_watcher_event(&Event::InitDone);
        self.health.mark_seen(self.listed);
        // the list told anew what cannot be read, and some may have gone in between
        self.count_undecodable();
        if !self.health.is_initialised() {
            // At the start the loop takes up every key by itself, when all stores are there.
            self.health.mark_initialised();
            return;
        }
        for new in self.reader().state() {
            let old = before.remove(&self.reference(new.as_ref()));
            if old.as_ref().is_none_or(|old| old.resource_version() != new.resource_version()) {
                self.tell(&Change { old: old.as_deref(), new: Some(&new) });
            }
        }
        for old in before.into_values() {
            self.tell(&Change { old: Some(&old), new: None });
        }
    }

    /// The object, pruned. One that cannot be read stays as it was seen last: it must neither hold up others nor look
    /// deleted.
    fn decode(&self, object: DeserializeGuard<K>) -> Option<K> {
        let identity = self.identity(&object);
        match object.0 {
            Ok(mut object) => {
                self.readable(&identity);
                let meta = object.meta_mut();
                meta.managed_fields = None;
                if let Some(annotations) = &mut meta.annotations {
                    annotations.remove(LAST_APPLIED);
                }
                Some(object)
            }
            Err(invalid) => {
                if self.shared.health.cannot_read(identity.clone(), &invalid.error) {
                    self.count_undecodable();
                    let Undecodable { kind, namespace, name } = &identity;
                    tracing::error!(kind, namespace, name, error = %invalid.error, "object cannot be read, skipping it");
                }
                let known =
                    super::stores::get_of(&self.reader(), self.of.clone(), &identity.namespace, &identity.name)?;
                Some(known.as_ref().clone())
            }
        }
    }

    /// It can be read again, or is gone: whatever it was, the pipelines beside it may have waited for that.
    fn readable(&self, identity: &Undecodable) {
        if self.shared.health.can_read(identity) {
            self.count_undecodable();
            let is_beside = |p: &DeliveryPipeline| p.metadata.namespace.as_ref() == Some(&identity.namespace);
            for pipeline in self.shared.stores.pipelines.state_filter(is_beside) {
                let (namespace, name) = (identity.namespace.clone(), pipeline.name_any());
                (self.shared.sink)(Key::Pipeline { namespace, name });
            }
        }
    }

    fn count_undecodable(&self) {
        let count = self.shared.health.undecodable().iter().filter(|(object, _)| object.kind == self.kind).count();
        self.shared.metrics.undecodable(self.kind, count);
    }

    /// Each key once: one told again while its pass already runs would make another pass.
    fn tell(&self, change: &Change<'_, K>) {
        let keys: BTreeSet<Key> = (self.relate)(&self.shared.stores, change).into_iter().collect();
        keys.into_iter().for_each(|key| (self.shared.sink)(key));
    }

    /// Pipelines wait for a kind that may be lacking.
    fn tell_waiting(&self) {
        let stores = &self.shared.stores;
        let is_route = RouteKind::named(self.kind).is_some();
        let waiting = if is_route { relate::routed(stores) } else { relate::guarded(stores) };
        waiting.into_iter().for_each(|key| (self.shared.sink)(key));
    }

    fn identity(&self, object: &impl ResourceExt) -> Undecodable {
        Undecodable { kind: self.kind, namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
    }

    fn known(&self, object: &impl ResourceExt) -> Option<Arc<K>> {
        super::stores::get_of(
            &self.reader(),
            self.of.clone(),
            &object.namespace().unwrap_or_default(),
            &object.name_any(),
        )
    }

    fn reference(&self, object: &K) -> ObjectRef<K> {
        ObjectRef::from_obj_with(object, self.of.clone())
    }

    fn reader(&self) -> Store<K> {
        self.writer.as_reader()
    }
}

#[cfg(test)]
mod tests;
