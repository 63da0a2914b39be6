//! What the server refused us, by pipeline, until the write succeeds. Memory alone: after a
//! restart the next try tells it again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::act::Error;
use crate::observe::{Access, Key, Snapshot};

/// The last refusals of each pipeline.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Refused>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Refused {
    /// By target namespace.
    targets: BTreeMap<String, String>,
    /// Of the head's Release.
    release: Option<String>,
}

impl Refusals {
    /// Replaces what is known of a pipeline by how its last effects ended.
    pub fn note(&self, key: &Key, failed: &[Error]) {
        let targets = failed.iter().filter_map(Error::refusal).map(|(ns, said)| (ns.to_owned(), said.to_owned()));
        let refused = Refused { targets: targets.collect(), release: failed.iter().find_map(Error::no_release) };
        let mut all = self.lock();
        if refused == Refused::default() {
            all.remove(key);
        } else {
            all.insert(key.clone(), refused);
        }
    }

    /// Writes them into a snapshot and its places.
    pub fn show(&self, key: &Key, snapshot: &mut Snapshot) {
        let all = self.lock();
        let Some(refused) = all.get(key) else { return };
        snapshot.no_release.clone_from(&refused.release);
        for place in snapshot.places.values_mut() {
            if let Access::Granted { namespace } = &place.access {
                place.refusal = refused.targets.get(namespace).cloned();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
