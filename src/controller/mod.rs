//! The loop: a key is queued when something that concerns it changed, its pass looks, decides and acts.

pub mod backoff;
pub mod census;
pub mod freshness;
pub mod leader;
mod lease;
mod origins;
pub mod outcome;
mod pass;
pub mod queue;
mod refusals;
mod touched;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use outcome::Outcome;

use crate::act::Cluster;
use crate::api::Time;
use crate::measure::Prober;
use crate::metrics::Metrics;
use crate::observe::{GatherConfig, Key, Stores, WatchHealth, relate};
use backoff::Backoff;
use freshness::Freshness;
use origins::Origins;
use outcome::{Passed, wait};
use queue::Queue;
use refusals::Refusals;
use touched::Touched;
use worker::{Pass, work};

/// How often to look whether this instance has become the leader, and whether the caches are filled.
const GLANCE: Duration = Duration::from_millis(250);

/// The one place where the wall clock is read.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub fn clock() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// The present, for decisions.
pub fn now() -> Time {
    Time::from(clock())
}

/// Settings of the loop.
#[derive(Clone, Debug)]
pub struct Config {
    pub gather: GatherConfig,
    /// Passes that run at the same time.
    pub concurrency: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { gather: GatherConfig::default(), concurrency: 8 }
    }
}

/// The loop and what it works with.
pub struct Controller {
    cluster: Cluster,
    stores: Stores,
    health: WatchHealth,
    queue: Arc<Queue<Key>>,
    freshness: Freshness,
    refusals: Refusals,
    touched: Touched,
    origins: Origins,
    prober: Prober,
    backoff: Backoff<Key>,
    metrics: Arc<Metrics>,
    config: Config,
}

impl Controller {
    /// `queue` is the one that the watches fill.
    pub fn new(
        cluster: Cluster,
        stores: Stores,
        health: WatchHealth,
        queue: Arc<Queue<Key>>,
        prober: Prober,
        metrics: Arc<Metrics>,
        config: Config,
    ) -> Arc<Self> {
        let (freshness, refusals, touched) = (Freshness::default(), Refusals::default(), Touched::default());
        let (backoff, origins) = (Backoff::default(), Origins::default());
        Arc::new(Self {
            cluster,
            stores,
            health,
            queue,
            freshness,
            refusals,
            touched,
            origins,
            prober,
            backoff,
            metrics,
            config,
        })
    }

    /// Works until the token is cancelled; returns when the last running pass has finished.
    pub async fn run(self: Arc<Self>, token: CancellationToken) {
        let filled = async {
            while !self.health.initialised() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if token.run_until_cancelled(filled).await.is_none() {
            return;
        }
        let working = work(Arc::clone(&self.queue), self.config.concurrency, token.clone(), Arc::clone(&self));
        tokio::join!(working, token.run_until_cancelled(self.follow_leadership()));
    }

    /// Takes up every key when this instance becomes the leader. Without leadership a pass does nothing, and
    /// what was written in an earlier term says nothing now.
    async fn follow_leadership(&self) {
        let mut led = false;
        loop {
            let leads = self.cluster.is_leader();
            if leads && !led {
                self.freshness.forget(None);
                relate::all(&self.stores).into_iter().for_each(|key| self.queue.add(key));
            }
            led = leads;
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn close(&self, key: &Key, passed: Passed) -> Option<Duration> {
        match passed.outcome {
            Outcome::Settled => self.backoff.reset(key),
            Outcome::Gone => {
                self.backoff.reset(key);
                self.freshness.forget(Some(key));
                self.refusals.note(key, &[]);
                self.prober.want(key, Vec::new());
            }
            Outcome::Acted
            | Outcome::Stale
            | Outcome::Conflict
            | Outcome::Failed
            | Outcome::Restless
            | Outcome::Panicked
            | Outcome::NotLeader => {}
        }
        wait(passed, now(), || self.backoff.failed(key))
    }
}

impl Pass<Key> for Controller {
    async fn run(&self, key: &Key) -> Option<Duration> {
        let began = tokio::time::Instant::now();
        let passed = self.pass(key).await;
        self.metrics.pass(passed.outcome, began.elapsed());
        self.close(key, passed)
    }

    fn panicked(&self, key: &Key, message: &str) -> Option<Duration> {
        // the panic hook has counted it
        self.metrics.pass(Outcome::Panicked, Duration::ZERO);
        tracing::error!(?key, message, "a pass panicked");
        self.close(key, Passed::of(Outcome::Panicked))
    }
}
