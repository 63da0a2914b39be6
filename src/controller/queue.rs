//! The keys to look at, each with the time when: no key twice, none twice at once, and of two times the earlier.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Filled by the watches and by the passes themselves; emptied by one worker loop.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    /// In order of time.
    waiting: BTreeSet<(Instant, K)>,
    /// When each waiting key is due.
    due: HashMap<K, Instant>,
    running: HashSet<K>,
    /// Keys that were asked for while they ran.
    again: HashMap<K, Instant>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        let state =
            State { waiting: BTreeSet::new(), due: HashMap::new(), running: HashSet::new(), again: HashMap::new() };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }
}

impl<K: Clone + Ord + Hash> Queue<K> {
    /// Looks at the key now.
    pub fn add(&self, key: K) {
        self.add_at(key, Instant::now());
    }

    /// Looks at the key then, or earlier if that was asked for before.
    pub fn add_at(&self, key: K, at: Instant) {
        self.lock().add(key, at);
        self.changed.notify_one();
    }

    /// The next key that is due. It does not come again before `done`. To be called by one task only.
    pub async fn next(&self) -> K {
        loop {
            let first = {
                let mut state = self.lock();
                match state.waiting.first().cloned() {
                    Some((at, key)) if at <= Instant::now() => {
                        state.waiting.remove(&(at, key.clone()));
                        state.due.remove(&key);
                        state.running.insert(key.clone());
                        return key;
                    }
                    first => first.map(|(at, _)| at),
                }
            };
            match first {
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    /// The pass has ended; look again then, or earlier if it was asked for in the meantime.
    pub fn done(&self, key: &K, next: Option<Instant>) {
        let mut state = self.lock();
        state.running.remove(key);
        let asked = state.again.remove(key);
        for at in asked.into_iter().chain(next) {
            state.add(key.clone(), at);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Keys that wait, those that are not due yet included.
    pub fn len(&self) -> usize {
        self.lock().due.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Ord + Hash> State<K> {
    fn add(&mut self, key: K, at: Instant) {
        if self.running.contains(&key) {
            let asked = self.again.entry(key).or_insert(at);
            *asked = at.min(*asked);
            return;
        }
        match self.due.get(&key) {
            Some(&known) if known <= at => return,
            Some(&known) => {
                self.waiting.remove(&(known, key.clone()));
            }
            None => {}
        }
        self.due.insert(key.clone(), at);
        self.waiting.insert((at, key));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_idle(queue: &Queue<&'static str>) -> bool {
        tokio::time::timeout(Duration::ZERO, queue.next()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_comes_once_and_at_the_earliest_time() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_at("a", start + Duration::from_secs(60));
        queue.add_at("a", start + Duration::from_secs(5));
        queue.add_at("a", start + Duration::from_secs(90));
        assert_eq!(queue.next().await, "a");
        assert_eq!(start.elapsed().as_secs(), 5);
        queue.done(&"a", None);
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_key_waits_for_its_end() {
        let queue = Queue::default();
        queue.add("a");
        assert_eq!(queue.next().await, "a");
        queue.add("a");
        assert!(is_idle(&queue).await);
        queue.done(&"a", Some(Instant::now() + Duration::from_secs(60)));
        assert_eq!(queue.next().await, "a");
        queue.done(&"a", None);
        assert!(is_idle(&queue).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_cuts_a_long_wait_short() {
        let queue = std::sync::Arc::new(Queue::default());
        queue.add_at("a", Instant::now() + Duration::from_secs(600));
        let other = std::sync::Arc::clone(&queue);
        let waiting = tokio::spawn(async move { other.next().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        queue.add("b");
        assert_eq!(waiting.await.unwrap(), "b");
    }
}
