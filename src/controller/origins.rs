//! Where wishes come from, as it was read: asked for again only when something else is asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::act::Cluster;
use crate::api::Origin;
use crate::observe::{Key, Snapshot};
use crate::plan::{OriginAsk, origins};

use super::now;

type Answers = BTreeMap<String, Origin>;

#[derive(Debug, Default)]
pub struct Origins(Mutex<HashMap<Key, (Vec<OriginAsk>, Answers)>>);

impl Origins {
    /// Writes them into a snapshot.
    pub async fn show(&self, key: &Key, namespace: &str, snapshot: &mut Snapshot, cluster: &Cluster) {
        let asks = origins(snapshot, now());
        if let Some(answers) = self.known(key, &asks) {
            snapshot.origins = answers;
            return;
        }
        let answers = cluster.origins(namespace, asks.clone()).await;
        snapshot.origins.clone_from(&answers);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), (asks, answers));
    }

    /// The answers, if nothing else was asked for last; none are needed where nothing is.
    fn known(&self, key: &Key, asks: &[OriginAsk]) -> Option<Answers> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asks.is_empty() {
            all.remove(key);
            return Some(Answers::new());
        }
        let (asked, answers) = all.get(key)?;
        (asked == asks).then(|| answers.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kind;

    #[test]
    fn what_was_read_is_not_read_again() {
        let (known, key) = (Origins::default(), Key::Pipeline { namespace: "shop".into(), name: "checkout".into() });
        let ask = |uid: &str| OriginAsk {
            kind: Kind::Release,
            name: "checkout-1.8.0".into(),
            uid: uid.into(),
            wish: String::new(),
            origin: Origin::default(),
            is_open: true,
        };
        assert_eq!(known.known(&key, &[ask("a")]), None);
        let answers = Answers::from([("a".to_owned(), Origin { revision: "main".into(), ..Origin::default() })]);
        known.0.lock().unwrap().insert(key.clone(), (vec![ask("a")], answers.clone()));
        assert_eq!(known.known(&key, &[ask("a")]), Some(answers));
        assert_eq!(known.known(&key, &[ask("b")]), None, "another wish");
        assert_eq!(known.known(&key, &[]), Some(Answers::new()));
        assert!(known.0.lock().unwrap().is_empty(), "nothing is kept");
    }
}
