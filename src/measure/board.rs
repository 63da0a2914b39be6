//! What is to be measured, and the samples so far. A measurement that ends after its subject has changed is dropped: old
//! health is never read as new.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::observe::{Key, Measured, Sample};
use crate::plan::Measure;

use super::slots::Source;

/// Samples kept of one subject: more than any check asks for.
const KEPT: usize = 256;

/// Environment and subject.
pub type Place = (String, String);

/// By pipeline, then by place.
#[derive(Default)]
pub struct Board(Mutex<BTreeMap<Key, BTreeMap<Place, Entry>>>);

struct Entry {
    measure: Measure,
    samples: VecDeque<Sample>,
    round: usize,
    /// Ends its task when the entry goes.
    _task: DropGuard,
}

/// One measurement to be made.
pub struct Turn {
    pub measure: Measure,
    /// How many were made before.
    pub round: usize,
}

impl Board {
    /// Replaces what is wanted for a pipeline; gives what is new, each with the token of its task.
    pub fn want(&self, key: &Key, mut wanted: BTreeMap<Place, Measure>) -> Vec<(Place, CancellationToken)> {
        let mut all = self.lock();
        if wanted.is_empty() {
            all.remove(key);
            return Vec::new();
        }
        let entries = all.entry(key.clone()).or_default();
        entries.retain(|place, entry| wanted.get(place).is_some_and(|new| is_same(new, &entry.measure)));
        for (place, entry) in entries.iter_mut() {
            if let Some(measure) = wanted.remove(place) {
                entry.measure = measure;
            }
        }
        let mut new = Vec::new();
        for (place, measure) in wanted {
            let token = CancellationToken::new();
            let entry = Entry { measure, samples: VecDeque::new(), round: 0, _task: token.clone().drop_guard() };
            entries.insert(place.clone(), entry);
            new.push((place, token));
        }
        new
    }

    /// Time until the next measurement, and who is asked; none if it is not wanted any more.
    pub fn next(&self, key: &Key, place: &Place) -> Option<(Duration, Option<Source>)> {
        let all = self.lock();
        let measure = &all.get(key)?.get(place)?.measure;
        Some((measure.interval.to_std(), Source::of(&measure.ask)))
    }

    /// The measurement that is due.
    pub fn turn(&self, key: &Key, place: &Place) -> Option<Turn> {
        let mut all = self.lock();
        let entry = all.get_mut(key)?.get_mut(place)?;
        entry.round += 1;
        Some(Turn { measure: entry.measure.clone(), round: entry.round - 1 })
    }

    /// Keeps a sample, if its subject is still the same. True if it does: then the pipeline is to be looked at, as only the
    /// plan knows since when samples count.
    pub fn record(&self, key: &Key, place: &Place, of: &Measure, sample: Sample) -> bool {
        let mut all = self.lock();
        let Some(entry) = all.get_mut(key).and_then(|places| places.get_mut(place)) else { return false };
        if !is_same(of, &entry.measure) {
            return false;
        }
        if entry.samples.len() == KEPT {
            entry.samples.pop_front();
        }
        entry.samples.push_back(sample);
        true
    }

    /// All that was measured for a pipeline.
    pub fn all(&self, key: &Key) -> Vec<(Place, Measured)> {
        let all = self.lock();
        let places = all.get(key).into_iter().flatten();
        let measured = |entry: &Entry| Measured {
            attempt: entry.measure.attempt.clone(),
            revision: entry.measure.revision.clone(),
            samples: entry.samples.iter().cloned().collect(),
        };
        places.map(|(place, entry)| (place.clone(), measured(entry))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, BTreeMap<Place, Entry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether samples of one are samples of the other.
fn is_same(a: &Measure, b: &Measure) -> bool {
    a.attempt == b.attempt && a.revision == b.revision
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Span, Time};
    use crate::observe::Reading;
    use crate::plan::Ask;

    fn key() -> Key {
        Key::Pipeline { namespace: "shop".into(), name: "checkout".into() }
    }

    fn measure(attempt: &str, revision: &str) -> Measure {
        Measure {
            environment: "staging".into(),
            subject: "check/errors".into(),
            attempt: attempt.into(),
            revision: revision.into(),
            interval: Span::seconds(1),
            ask: Ask::Nothing(String::new()),
        }
    }

    fn want(board: &Board, measure: &Measure) -> Vec<(Place, CancellationToken)> {
        board.want(&key(), [(place(), measure.clone())].into())
    }

    fn place() -> Place {
        ("staging".into(), "check/errors".into())
    }

    fn sample(second: i64, reading: Reading) -> Sample {
        Sample { at: Time::from_millis(second * 1000), reading }
    }

    #[test]
    fn samples_of_another_attempt_or_of_other_pods_are_let_go() {
        let (board, first) = (Board::default(), measure("a1", "r1"));
        let (_, token) = want(&board, &first).remove(0);
        assert!(board.record(&key(), &place(), &first, sample(1, Reading::Good)));
        assert!(want(&board, &first).is_empty(), "the same goes on");
        assert_eq!(board.all(&key())[0].1.samples.len(), 1);
        for next in [measure("a1", "r2"), measure("a2", "r2")] {
            assert_eq!(want(&board, &next).len(), 1);
            assert!(token.is_cancelled());
            assert!(board.all(&key())[0].1.samples.is_empty());
            assert!(!board.record(&key(), &place(), &first, sample(2, Reading::Good)), "it came too late");
        }
        want(&board, &measure("a2", "r2"));
        board.want(&key(), BTreeMap::new());
        assert!(board.all(&key()).is_empty() && board.next(&key(), &place()).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let (board, it) = (Board::default(), measure("a", "r"));
        want(&board, &it);
        for second in 0..1000 {
            assert!(board.record(&key(), &place(), &it, sample(second, Reading::Good)));
        }
        let kept = board.all(&key()).remove(0).1.samples;
        assert_eq!((kept.len(), kept[KEPT - 1].at), (KEPT, Time::from_millis(999_000)));
    }
}
