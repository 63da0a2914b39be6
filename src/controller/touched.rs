//! What this process has touched since it leads, by pipeline, until the pipeline's checkpoint is of its term. Memory alone: another
//! process is another term. So with a write that raises exposure and got no answer: its object is touched before anything else is
//! decided, since it may arrive at any time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::act::Done;
use crate::observe::{Key, Snapshot};
use crate::plan::Action;

/// What cannot be touched for so long keeps its pipeline from nothing any more: a right that was taken away, a webhook that fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Touched(Mutex<HashMap<Key, Known>>);

/// Of one pipeline, by UID.
#[derive(Debug, Default)]
struct Known {
    touches: BTreeMap<String, Touch>,
    /// Since when it is waited for the touch of an object to which a write may arrive; none where that was given up, until one succeeds.
    doubts: BTreeMap<String, Option<Instant>>,
}

#[derive(Clone, Copy, Debug)]
enum Touch {
    /// It bears the term since that version.
    Borne(u64),
    /// It was tried first then, and has not succeeded.
    Tried(Instant),
}

impl Touched {
    /// How the touches of a pass have ended.
    pub fn note(&self, key: &Key, touches: &[Action], done: &Done) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { touches: known, doubts } = all.entry(key.clone()).or_default();
        for uid in touches.iter().filter_map(uid_of) {
            match done.written.iter().find(|written| written.uid == uid) {
                Some(written) => {
                    doubts.remove(uid);
                    known.insert(uid.to_owned(), Touch::Borne(written.resource_version.parse().unwrap_or(0)));
                }
                None => {
                    known.entry(uid.to_owned()).or_insert_with(|| Touch::Tried(Instant::now()));
                }
            }
        }
    }

    /// Writes to these objects may arrive yet.
    pub fn doubt(&self, key: &Key, unsure: &[String]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for uid in unsure {
            all.entry(key.clone()).or_default().doubts.entry(uid.clone()).or_insert_with(|| Some(Instant::now()));
        }
    }

    /// Writes them into a snapshot.
    pub fn show(&self, key: &Key, snapshot: &mut Snapshot) {
        let is_of_term = snapshot.pipeline.status.as_ref().is_none_or(|status| *status.term == *snapshot.term);
        snapshot.touched = self.known(key, is_of_term);
        snapshot.doubts = self.doubts(key);
    }

    /// What is waited for. It is given up once for all: a right that is missing must not stop the pipeline again at each try.
    fn doubts(&self, key: &Key) -> BTreeSet<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = all.get_mut(key) else { return BTreeSet::new() };
        for since in known.doubts.values_mut() {
            since.take_if(|since| since.elapsed() >= PATIENCE);
        }
        known.doubts.iter().filter(|(_, since)| since.is_some()).map(|(uid, _)| uid.clone()).collect()
    }

    /// By UID: the version since then, 0 for what was given up. A checkpoint of the term needs no memory any more.
    fn known(&self, key: &Key, is_of_term: bool) -> BTreeMap<String, u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get_mut(key).filter(|_| is_of_term) {
            known.touches.clear();
        }
        let since = |touch: &Touch| match touch {
            Touch::Borne(version) => Some(*version),
            Touch::Tried(first) => (first.elapsed() >= PATIENCE).then_some(0),
        };
        let known = all.get(key).into_iter().flat_map(|known| &known.touches);
        known.filter_map(|(uid, touch)| Some((uid.clone(), since(touch)?))).collect()
    }
}

fn uid_of(action: &Action) -> Option<&str> {
    match action {
        Action::Touch { of, .. } => Some(&of.uid),
        Action::TouchOwn { target, .. } => Some(&target.uid),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::act::Written;
    use crate::api::pipeline::WorkloadKind;
    use crate::plan::action::{Touchable, Untouched};

    fn touch(uid: &str) -> Action {
        let of = Untouched {
            kind: Touchable::Workload(WorkloadKind::Deployment),
            namespace: "shop".into(),
            name: "web".into(),
            uid: uid.into(),
            resource_version: "7".into(),
        };
        Action::Touch { of, term: "two".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_succeeds_is_known_and_what_does_not_is_given_up_after_a_while() {
        let (touched, key) = (Touched::default(), Key::Pipeline { namespace: "shop".into(), name: "checkout".into() });
        let (namespace, name) = ("shop".to_owned(), "web".to_owned());
        let written = Written { kind: "Deployment", namespace, name, uid: "a".into(), resource_version: "9".into() };
        touched.note(&key, &[touch("a"), touch("b")], &Done { written: vec![written], ..Done::default() });
        assert_eq!(touched.known(&key, false), [("a".to_owned(), 9)].into());
        tokio::time::advance(PATIENCE / 2).await;
        touched.note(&key, &[touch("b")], &Done::default());
        assert_eq!(touched.known(&key, false).len(), 1);
        tokio::time::advance(PATIENCE / 2).await;
        assert_eq!(touched.known(&key, false), [("a".to_owned(), 9), ("b".to_owned(), 0)].into());
        assert!(touched.known(&key, true).is_empty() && touched.known(&key, false).is_empty());
    }
    #[tokio::test(start_paused = true)]
    async fn a_write_without_an_answer_is_waited_for_once() {
        let (touched, key) = (Touched::default(), Key::Pipeline { namespace: "shop".into(), name: "checkout".into() });
        touched.doubt(&key, &["a".into(), "b".into()]);
        assert_eq!(touched.doubts(&key), ["a".to_owned(), "b".to_owned()].into());
        let (namespace, name) = ("shop".to_owned(), "web".to_owned());
        let written = Written { kind: "Deployment", namespace, name, uid: "a".into(), resource_version: "9".into() };
        touched.note(&key, &[touch("a"), touch("b")], &Done { written: vec![written], ..Done::default() });
        assert_eq!(touched.doubts(&key), ["b".to_owned()].into());
        tokio::time::advance(PATIENCE).await;
        assert_eq!(touched.doubts(&key), BTreeSet::new());
        touched.doubt(&key, &["a".into(), "b".into()]);
        assert_eq!(touched.doubts(&key), ["a".to_owned()].into(), "what could not be touched is let be");
        touched.note(&key, &[touch("b")], &Done { written: vec![], ..Done::default() });
        assert!(touched.known(&key, true).is_empty(), "it needs no memory of its own");
    }
}
