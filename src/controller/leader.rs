//! The leader lease: of several replicas one acts. A lease is no fence (a paused process may act late): writes carry
//! versions, and the write gate asks for the leadership right before each.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{Api, ObjectMeta, PostParams};
use tokio_util::sync::CancellationToken;

use super::clock;
use super::lease::{Step, decide, held, released};
use crate::act::{Grant, with_causes};
use crate::api::labels::MANAGER;
use crate::config::Timing;
use crate::metrics::{Metrics, Verb, WriteResult};

/// Why an election ended other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to renew the leader lease within {0:?}")]
    Expired(Duration),
    #[error("failed to keep the leader lease: {0:?} holds it")]
    Taken(String),
}

/// One candidate.
pub struct Elector {
    pub api: Api<Lease>,
    pub name: String,
    /// Unlike any other candidate's.
    pub identity: String,
    pub timing: Timing,
    pub grant: Grant,
    pub metrics: Arc<Metrics>,
}

/// The lease as it was seen last, and since when it has been so.
struct Seen {
    lease: Option<LeaseSpec>,
    since: Instant,
}

/// What a step found.
enum Standing {
    Ours,
    Another(String),
    /// Someone else was faster; nothing is known.
    Unknown,
}

impl Elector {
    /// Stands for election, and leads, until told to stop; then the lease is released.
    ///
    /// # Errors
    /// If leadership was lost. Then nothing that was begun under it may go on: end the process.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut seen = Seen { lease: None, since: Instant::now() };
        let mut until: Option<Instant> = None;
        while !stop.is_cancelled() {
            // Before the request: the lease counts from when the server takes it, which is later.
            let began = Instant::now();
            match self.step(&mut seen, until).await {
                Ok(Standing::Ours) => {
                    if until.is_none() {
                        tracing::info!(identity = self.identity, lease = self.name, "leading");
                    }
                    until = began.checked_add(self.timing.renew_deadline);
                    self.grant(until);
                }
                Ok(Standing::Another(holder)) if until.is_some() => return self.lost(Error::Taken(holder)),
                Ok(Standing::Another(_) | Standing::Unknown) => {}
                Err(error) => tracing::warn!(error = &*error, lease = self.name, "lease not reached"),
            }
            let now = Instant::now();
            if until.is_some_and(|until| now >= until) {
                return self.lost(Error::Expired(self.timing.renew_deadline));
            }
            let left = until.map_or(Duration::MAX, |until| until.duration_since(now));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(jittered(self.timing.retry).min(left)) => {}
            }
        }
        self.grant(None);
        if until.is_some() {
            self.release().await;
        }
        Ok(())
    }

    fn grant(&self, until: Option<Instant>) {
        self.grant.until(until);
        self.metrics.leading(until.is_some());
    }

    fn lost(&self, error: Error) -> Result<(), Error> {
        self.grant(None);
        Err(error)
    }

    /// One look and one write, given up in time for another try before the deadline.
    async fn step(&self, seen: &mut Seen, until: Option<Instant>) -> Result<Standing, Box<dyn std::error::Error>> {
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        Ok(tokio::time::timeout(self.call_limit().min(left), self.look_and_write(seen)).await??)
    }

    fn call_limit(&self) -> Duration {
        self.timing.renew_deadline / 3
    }

    async fn look_and_write(&self, seen: &mut Seen) -> Result<Standing, kube::Error> {
        let live = self.api.get_opt(&self.name).await?;
        let spec = live.as_ref().and_then(|live| live.spec.clone());
        if seen.lease != spec {
            *seen = Seen { lease: spec.clone(), since: Instant::now() };
        }
        let step = decide(spec.as_ref(), &self.identity, seen.since.elapsed(), self.timing.lease);
        let ours = held(spec.clone(), &self.identity, clock(), self.timing.lease);
        let answer = match (step, live) {
            (Step::Wait, _) => {
                return Ok(Standing::Another(spec.and_then(|spec| spec.holder_identity).unwrap_or_default()));
            }
            (Step::Create | Step::Renew | Step::Take, Some(lease)) => self.replace(lease, ours).await,
            (Step::Create | Step::Renew | Step::Take, None) => self.create(ours).await,
        };
        match answer {
            Ok(lease) => {
                *seen = Seen { lease: lease.spec, since: Instant::now() };
                Ok(Standing::Ours)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                Ok(Standing::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, kube::Error> {
        let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
        let answer = self.api.create(&params(), &Lease { metadata, spec: Some(spec) }).await;
        self.count(Verb::Create, answer)
    }

    /// With the version that was read, so of two candidates one wins.
    async fn replace(&self, mut lease: Lease, spec: LeaseSpec) -> Result<Lease, kube::Error> {
        lease.spec = Some(spec);
        #[expect(
            clippy::disallowed_methods,
            reason = "the lease is ours alone, and only replace takes the version that was read"
        )]
        let answer = self.api.replace(&self.name, &params(), &lease).await;
        self.count(Verb::Update, answer)
    }

    fn count<T>(&self, verb: Verb, answer: Result<T, kube::Error>) -> Result<T, kube::Error> {
        let result = match &answer {
            Ok(_) => WriteResult::Ok,
            Err(kube::Error::Api(status)) if status.is_conflict() => WriteResult::Conflict,
            Err(kube::Error::Api(status)) if status.is_already_exists() => WriteResult::Exists,
            Err(kube::Error::Api(_)) => WriteResult::Refused,
            Err(_) => WriteResult::Unanswered,
        };
        self.metrics.write(verb, "Lease", result);
        answer
    }

    /// Best effort: if it fails, the others wait for the lease to run out.
    async fn release(&self) {
        let give_up = async {
            let Some(live) = self.api.get_opt(&self.name).await? else { return Ok(()) };
            match live.spec.clone().filter(|spec| spec.holder_identity.as_deref() == Some(&self.identity)) {
                Some(spec) => self.replace(live, released(spec, clock())).await.map(drop),
                None => Ok(()),
            }
        };
        match tokio::time::timeout(self.call_limit(), give_up).await {
            Ok(Ok(())) => tracing::info!(lease = self.name, "lease released"),
            Ok(Err(error)) => tracing::warn!(error = with_causes(&error), "lease not released"),
            Err(_) => tracing::warn!("lease not released in time"),
        }
    }
}

fn params() -> PostParams {
    PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) }
}

/// Up to a fifth more, so that candidates that started together do not ask together.
fn jittered(base: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    base + base.mul_f64(0.2 * f64::from(random) / f64::from(u32::MAX))
}
