//! What the server refused us in target namespaces, by pipeline, until a write there succeeds. Memory alone: after a
//! restart the next try tells it again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::act::Error;
use crate::observe::{Access, Key, Snapshot};

/// The last refusals of each pipeline, by namespace.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, BTreeMap<String, String>>>);

impl Refusals {
    /// Replaces what is known of a pipeline by how its last effects ended.
    pub fn note(&self, key: &Key, failed: &[Error]) {
        let refused: BTreeMap<String, String> =
            failed.iter().filter_map(Error::refusal).map(|(ns, said)| (ns.to_owned(), said.to_owned())).collect();
        let mut all = self.lock();
        if refused.is_empty() {
            all.remove(key);
        } else {
            all.insert(key.clone(), refused);
        }
    }

    /// Writes them into the places of a snapshot.
    pub fn show(&self, key: &Key, snapshot: &mut Snapshot) {
        let all = self.lock();
        let Some(refused) = all.get(key) else { return };
        for place in snapshot.places.values_mut() {
            if let Access::Granted { namespace } = &place.access {
                place.refusal = refused.get(namespace).cloned();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, BTreeMap<String, String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
