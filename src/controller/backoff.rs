//! How long to wait after a failed pass: per key, doubling, with jitter; forgotten at the first success.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(60);

/// Failures in a row, by key.
#[derive(Debug)]
pub struct Backoff<K> {
    failures: Mutex<HashMap<K, u32>>,
}

impl<K> Default for Backoff<K> {
    fn default() -> Self {
        Self { failures: Mutex::new(HashMap::new()) }
    }
}

impl<K: Clone + Eq + Hash> Backoff<K> {
    /// One more failure of the key; says how long to wait.
    pub fn failed(&self, key: &K) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.clone()).or_insert(0);
        let wait = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        jittered(wait, wait.saturating_mul(5) / 4)
    }

    /// The key's pass succeeded, or there is nothing of that name any more.
    pub fn reset(&self, key: &K) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A time between the two, so that many keys do not all come at once.
pub fn jittered(least: Duration, most: Duration) -> Duration {
    // Each RandomState is seeded differently; that is random enough for this, and needs no crate.
    let random = RandomState::new().hash_one(()) % 1000;
    least + most.saturating_sub(least).saturating_mul(u32::try_from(random).unwrap_or(0)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_limit_and_forgets() {
        let backoff = Backoff::default();
        let first = backoff.failed(&"a");
        assert!(first >= FIRST && first < FIRST * 2, "{first:?}");
        let second = backoff.failed(&"a");
        assert!(second >= FIRST * 2, "{second:?}");
        for _ in 0..100 {
            assert!(backoff.failed(&"a") <= LONGEST * 5 / 4);
        }
        assert!(backoff.failed(&"b") < FIRST * 2, "another key has its own count");
        backoff.reset(&"a");
        assert!(backoff.failed(&"a") < FIRST * 2);
    }
}
