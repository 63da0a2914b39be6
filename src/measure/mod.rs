//! Measures what checks and suites ask for: requests to new pods, queries to providers of metrics. Reads only; what it finds
//! are samples, kept in memory, which the next pass of their pipeline judges. After a restart measuring begins anew.

mod answer;
mod ask;
mod board;
mod http;
mod provider;
mod query;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::Time;
use crate::metrics::Metrics;
use crate::observe::{Key, Reading, Sample, Snapshot};
use crate::plan::Measure;

use ask::Asker;
use board::{Board, Place, Turn};
use slots::Slots;

pub use provider::{Error, Providers};

/// What the prober works with beside what it is told to measure.
pub struct Tools {
    pub providers: Providers,
    /// Measurements under way at the same time.
    pub at_once: usize,
    /// The one clock.
    pub now: fn() -> Time,
    pub metrics: Arc<Metrics>,
    /// Has a pipeline looked at again.
    pub sink: Arc<dyn Fn(Key) + Send + Sync>,
}

/// Measures, each subject at its own pace, so many at once over all pipelines (`Slots`).
#[derive(Clone)]
pub struct Prober(Arc<Inner>);

struct Inner {
    board: Board,
    slots: Slots,
    asker: Asker,
    now: fn() -> Time,
    metrics: Arc<Metrics>,
    sink: Arc<dyn Fn(Key) + Send + Sync>,
}

impl Prober {
    /// # Errors
    /// If a client cannot be made.
    pub fn new(tools: Tools) -> Result<Self, Error> {
        let Tools { providers, at_once, now, metrics, sink } = tools;
        let slots = Slots::new(at_once, providers.names());
        let (board, asker) = (Board::default(), Asker::new(providers)?);
        Ok(Self(Arc::new(Inner { board, slots, asker, now, metrics, sink })))
    }

    /// From now on measures just that for a pipeline. Samples of another attempt or of other pods are let go.
    pub fn want(&self, key: &Key, measures: Vec<Measure>) {
        let wanted: BTreeMap<Place, Measure> =
            measures.into_iter().map(|m| ((m.environment.clone(), m.subject.clone()), m)).collect();
        for (place, token) in self.0.board.want(key, wanted) {
            let (inner, key) = (Arc::clone(&self.0), key.clone());
            tokio::spawn(async move { token.run_until_cancelled(inner.follow(&key, &place)).await });
        }
    }

    /// Writes what was measured into a snapshot.
    pub fn show(&self, key: &Key, snapshot: &mut Snapshot) {
        for ((environment, subject), measured) in self.0.board.all(key) {
            if let Some(place) = snapshot.places.get_mut(&environment) {
                place.measured.insert(subject, Arc::new(measured));
            }
        }
    }
}

impl Inner {
    /// Measures one subject until nobody wants it any more.
    async fn follow(&self, key: &Key, place: &Place) {
        while let Some((interval, source)) = self.board.next(key, place) {
            tokio::time::sleep(interval).await;
            let _slot = self.slots.take(source.as_ref()).await;
            let Some(Turn { measure, round }) = self.board.turn(key, place) else { return };
            let at = (self.now)();
            let reading = self.asker.ask(&measure.ask, at, round).await;
            self.metrics.measured(kind_of(&reading));
            tracing::debug!(?key, ?place, ?reading, "measured");
            if self.board.record(key, place, &measure, Sample { at, reading }) {
                (self.sink)(key.clone());
            }
        }
    }
}

fn kind_of(reading: &Reading) -> crate::metrics::Measured {
    match reading {
        Reading::Good => crate::metrics::Measured::Good,
        Reading::Idle(_) => crate::metrics::Measured::Idle,
        Reading::Bad(_) => crate::metrics::Measured::Bad,
        Reading::Silent(_) => crate::metrics::Measured::Silent,
    }
}
