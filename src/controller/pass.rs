//! One pass: look, decide, have it carried out. What stops it half-way leaves nothing that the next would not find.

use std::sync::Arc;

use kube::ResourceExt;

use super::freshness::Freshly;
use super::outcome::{Outcome, Passed};
use super::{Controller, census};
use crate::act::{Error, Written, with_causes};
use crate::api::traffic::RoutingKind;
use crate::api::{Decision, DeliveryPipeline, Time};
use crate::controller::now;
use crate::observe::stores::get;
use crate::observe::{Key, Snapshot, gather, gather_environment, left_lock, loose, orphan_clone, orphan_job};
use crate::plan::{self, Action, Note, Step};

/// Steps of the checkpoint in one pass. A plan that wants more is taken for one that goes in circles.
const ROUNDS: usize = 8;

impl Controller {
    /// The pass of a key.
    pub(super) async fn pass(&self, key: &Key) -> Passed {
        if !self.cluster.is_leader() {
            return Passed::of(Outcome::NotLeader);
        }
        match self.freshness.check(key, &self.stores, &self.health) {
            Freshly::Shown => {}
            Freshly::Waiting => {
                self.metrics.stale_wait();
                return Passed::of(Outcome::Stale);
            }
            Freshly::GivenUp => {
                self.metrics.stale_given_up();
                tracing::warn!(?key, "the caches do not show the last pass's writes, going on without them");
            }
        }
        match key {
            Key::Pipeline { namespace, name } => self.pipeline(key, namespace, name).await,
            Key::Environment { namespace, name } => self.environment(key, namespace, name).await,
            Key::OrphanRelease { namespace, name } => self.orphan_release(key, namespace, name).await,
            Key::OrphanDecision { namespace, name } => self.orphan_decision(key, namespace, name).await,
            Key::OrphanJob { namespace, name } => self.orphan_job(key, namespace, name).await,
            Key::OrphanClone { namespace, name } => self.orphan_clone(key, namespace, name).await,
            Key::LeftLock { namespace, name } => self.left_lock(key, namespace, name).await,
            Key::Loose { kind, namespace, name } => self.loose(key, *kind, namespace, name).await,
        }
    }

    async fn pipeline(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let Some(mut snapshot) = gather(&self.stores, &self.health, namespace, name, &self.config.gather) else {
            return Passed::of(Outcome::Gone);
        };
        self.refusals.show(key, &mut snapshot);
        self.touched.show(key, &mut snapshot);
        self.prober.show(key, &mut snapshot);
        self.origins.show(key, namespace, &mut snapshot, &self.cluster).await;
        let mut notes = Vec::new();
        let passed = self.steps(key, &mut snapshot, &mut notes).await;
        self.prober.want(key, plan::measures(&snapshot, now()));
        // Last, so that no effect waits for an event to be published.
        if !notes.is_empty() {
            self.cluster.tell(&snapshot.pipeline, &notes).await;
        }
        passed
    }

    /// Lets the checkpoint take its steps, each from what the server returned for the last; then carries out what it asks for.
    async fn steps(&self, key: &Key, snapshot: &mut Snapshot, notes: &mut Vec<Note>) -> Passed {
        for _ in 0..ROUNDS {
            let plan = plan::plan(snapshot, now());
            match plan.step {
                Step::Checkpoint { status, notes: told } => {
                    match self.cluster.checkpoint(&snapshot.pipeline, &status).await {
                        Ok(stored) => {
                            self.freshness.note(key, &checkpoint(&stored), &self.health);
                            census::ended(&snapshot.pipeline, &status, &self.metrics);
                            notes.extend(told);
                            snapshot.pipeline = Arc::new(stored);
                        }
                        Err(error) => {
                            notes.extend(refused(&error));
                            return Passed { outcome: outcome(key, &[error]), wake_at: plan.wake_at };
                        }
                    }
                }
                Step::TakeOver(touches) => return self.take_over(key, snapshot, &touches).await,
                Step::Effects(actions) => {
                    let namespace = snapshot.pipeline.namespace().unwrap_or_default();
                    let (passed, written) = self.carry_out_all(key, &namespace, &actions, plan.wake_at).await;
                    let is_written = |uid: &str| written.iter().any(|stands| stands.uid == uid);
                    notes.extend(plan::waits(snapshot, &actions, is_written));
                    return passed;
                }
            }
        }
        tracing::error!(?key, rounds = ROUNDS, "the checkpoint takes step after step and comes to no end");
        Passed::of(Outcome::Restless)
    }

    /// What cannot be touched at present is tried again by the next pass.
    async fn take_over(&self, key: &Key, snapshot: &Snapshot, touches: &[Action]) -> Passed {
        let namespace = snapshot.pipeline.namespace().unwrap_or_default();
        let done = self.cluster.carry_out(&namespace, touches).await;
        self.touched.note(key, touches, &done);
        for written in &done.written {
            self.freshness.note(key, written, &self.health);
        }
        Passed { outcome: outcome(key, &done.failed), wake_at: None }
    }

    async fn environment(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let Some(view) = gather_environment(&self.stores, &self.config.gather.home, namespace, name) else {
            return Passed::of(Outcome::Gone);
        };
        let (mut actions, wake_at, note) = plan::environment(&view, self.config.gather.settings, now());
        if !self.health.unreadable("DeliveryPipeline", namespace).is_empty() {
            // one that cannot be read may have a rollout open there
            actions.retain(|action| !matches!(action, Action::Finalizer { present: false, .. }));
        }
        let passed = self.carry_out(key, namespace, &actions, wake_at).await;
        if let Some(note) = note.filter(|_| passed.outcome == Outcome::Acted) {
            self.cluster.tell_environment(&view.environment, &note).await;
        }
        passed
    }

    async fn orphan_release(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let found = get(&self.stores.releases, namespace, name);
        // Its pipeline may have come since the key was queued; then it is no orphan.
        let Some(release) = found.filter(|r| self.is_missing(namespace, &r.spec.pipeline)) else {
            return Passed::of(Outcome::Gone);
        };
        let (actions, wake_at) = plan::orphan_release(&release, self.config.gather.settings, now());
        self.carry_out(key, namespace, &actions, wake_at).await
    }

    async fn orphan_decision(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let found = get(&self.stores.decisions, namespace, name);
        let is_alone = |d: &Decision| match (&d.spec.pipeline, &d.spec.environment) {
            (Some(pipeline), _) => self.is_missing(namespace, pipeline),
            (None, Some(environment)) => {
                get(&self.stores.environments, namespace, environment).is_none()
                    && !self.health.is_unreadable("Environment", namespace, environment)
            }
            (None, None) => false,
        };
        let Some(decision) = found.filter(|d| is_alone(d)) else {
            return Passed::of(Outcome::Gone);
        };
        let (actions, wake_at) = plan::orphan_decision(&decision, self.config.gather.settings, now());
        self.carry_out(key, namespace, &actions, wake_at).await
    }

    /// Whether there is no such pipeline. One that cannot be read is there; when it can, its objects are looked at again.
    fn is_missing(&self, namespace: &str, pipeline: &str) -> bool {
        get(&self.stores.pipelines, namespace, pipeline).is_none()
            && !self.health.is_unreadable("DeliveryPipeline", namespace, pipeline)
    }

    async fn orphan_job(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let Some(job) = orphan_job(&self.stores, &self.health, namespace, name) else {
            return Passed::of(Outcome::Gone);
        };
        self.carry_out(key, namespace, &plan::orphan_job(&job), None).await
    }

    async fn orphan_clone(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let Some(clone) = orphan_clone(&self.stores, &self.health, namespace, name) else {
            return Passed::of(Outcome::Gone);
        };
        let (action, wake_at) = plan::orphan_clone(&clone, now());
        self.carry_out(key, namespace, &action.into_iter().collect::<Vec<_>>(), wake_at).await
    }

    async fn left_lock(&self, key: &Key, namespace: &str, name: &str) -> Passed {
        let Some(found) = left_lock(&self.stores, &self.health, namespace, name) else {
            return Passed::of(Outcome::Gone);
        };
        let actions: Vec<Action> = plan::left_lock(&found).into_iter().collect();
        self.carry_out(key, namespace, &actions, None).await
    }

    async fn loose(&self, key: &Key, kind: RoutingKind, namespace: &str, name: &str) -> Passed {
        let Some(found) = loose(&self.stores, &self.health, kind, namespace, name) else {
            return Passed::of(Outcome::Gone);
        };
        let (action, wake_at) = plan::orphan_routing(&found, now());
        self.carry_out(key, namespace, &action.into_iter().collect::<Vec<_>>(), wake_at).await
    }

    async fn carry_out(&self, key: &Key, namespace: &str, actions: &[Action], wake_at: Option<Time>) -> Passed {
        self.carry_out_all(key, namespace, actions, wake_at).await.0
    }

    /// The same, and what was written.
    async fn carry_out_all(
        &self,
        key: &Key,
        namespace: &str,
        actions: &[Action],
        wake_at: Option<Time>,
    ) -> (Passed, Vec<Written>) {
        if actions.is_empty() {
            self.refusals.note(key, &[]);
            return (Passed { outcome: Outcome::Settled, wake_at }, Vec::new());
        }
        tracing::debug!(?key, ?actions, "carrying out");
        let done = self.cluster.carry_out(namespace, actions).await;
        self.refusals.note(key, &done.failed);
        self.touched.doubt(key, &done.unsure);
        for written in &done.written {
            self.freshness.note(key, written, &self.health);
        }
        (Passed { outcome: outcome(key, &done.failed), wake_at }, done.written)
    }
}

/// A status that the server does not take stops the whole pipeline, and no status can say so: an event does.
fn refused(error: &Error) -> Option<Note> {
    error.is_final().then(|| Note {
        release: None,
        warning: true,
        reason: "StatusRefused".into(),
        message: format!("the pipeline stands still, its status cannot be written: {}", with_causes(error)),
    })
}

/// A conflict is no failure, as long as nothing else failed.
fn outcome(key: &Key, errors: &[Error]) -> Outcome {
    let mut outcome = Outcome::Acted;
    for error in errors {
        if !error.is_conflict() {
            tracing::warn!(?key, error = with_causes(error), "a write failed");
            outcome = Outcome::Failed;
        } else if outcome == Outcome::Acted {
            tracing::debug!(?key, error = with_causes(error), "someone else wrote in between");
            outcome = Outcome::Conflict;
        }
    }
    outcome
}

fn checkpoint(stored: &DeliveryPipeline) -> Written {
    Written {
        kind: "DeliveryPipeline",
        namespace: stored.namespace().unwrap_or_default(),
        name: stored.name_any(),
        uid: stored.uid().unwrap_or_default(),
        resource_version: stored.resource_version().unwrap_or_default(),
    }
}
