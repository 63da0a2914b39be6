//! The projection of all pipelines on one Environment: what is delivered there, and whether it may be used.

use crate::api::environment::{DeliveredRow, EnvironmentStatus};
use crate::api::{DeliveryPipeline, RolloutState, StageStatus, Time};
use crate::observe::{EnvironmentView, Settings};

use super::action::{Action, Kind, Note};
use super::brake;
use super::conditions::{self, Standing};
use super::effects::{is_guarded, target};
use super::window::Calendar;
use super::{capacity, freeze, reference};

/// The Environment's status and finalizer, when to look again, and what there is to tell once that is written.
pub fn environment(view: &EnvironmentView, settings: Settings, now: Time) -> (Vec<Action>, Option<Time>, Option<Note>) {
    let object = view.environment.as_ref();
    let name = object.metadata.name.as_deref().unwrap_or("");
    let generation = object.metadata.generation.unwrap_or_default();
    let old = object.status.clone().unwrap_or_default();
    let (reverts, brake) = brake::grants(view, name, &old, now);
    let (grants, lapse) = capacity::grants(view, name, &old, now);
    let calendar = Calendar::of(&object.spec);
    let freeze = freeze::of(view, now);
    let (standing, wake) = access(view, settings, now);
    let standing = match (&brake, &calendar, &freeze, standing) {
        (Some(brake), ..) => Standing::Stalled { reason: "RevertBrake".into(), message: brake.message.clone() },
        (None, Err(why), _, Standing::Ready { .. }) => {
            Standing::Stalled { reason: "InvalidWindow".into(), message: why.clone() }
        }
        (None, Ok(_), Some(freeze), Standing::Ready { .. }) => {
            Standing::Ready { reason: "Frozen".into(), message: freeze::text(freeze) }
        }
        (.., standing) => standing,
    };
    let note = brake.as_ref().filter(|_| old.brake.is_none()).map(|brake| Note {
        release: None,
        warning: true,
        reason: "RevertBrake".into(),
        message: brake.message.clone(),
    });
    let end = freeze.as_ref().and_then(|freeze| freeze.until);
    let mut conditions = conditions::of(standing, &old.conditions, generation, now);
    conditions.extend(freeze.as_ref().map(|freeze| freeze::condition(view, name, freeze, generation, now)));
    let calendar = calendar.ok().filter(|_| !object.spec.windows.is_empty());
    let change = calendar.as_ref().and_then(|calendar| calendar.wake(now));
    let status = EnvironmentStatus {
        observed_generation: generation,
        conditions,
        window: calendar.as_ref().map(|calendar| calendar.status(now)),
        freeze,
        delivered: delivered(view, name),
        grants,
        reverts,
        brake,
    };
    let is_open = view.pipelines.iter().filter_map(|p| stage_of(p, name)).any(|s| s.rollout.is_some());
    // one write at a time: the version that the second carries would be that from before the first
    let action = if object.status.as_ref() != Some(&status) {
        Some(Action::EnvironmentStatus { target: target(Kind::Environment, object), status: Box::new(status) })
    } else if is_guarded(object) && !is_open {
        Some(Action::Finalizer { target: target(Kind::Environment, object), present: false })
    } else {
        None
    };
    let (decided, over) = freeze::decided(view, now);
    let wake = wake.into_iter().chain(change).chain(end).chain(over).chain(lapse).min();
    (action.into_iter().chain(decided).collect(), wake, note)
}

/// Whether it may be used, and until when what is missing is waited for.
fn access(view: &EnvironmentView, settings: Settings, now: Time) -> (Standing, Option<Time>) {
    let object = view.environment.as_ref();
    let name = object.metadata.name.as_deref().unwrap_or("");
    let home = object.metadata.namespace.as_deref().unwrap_or("");
    let Some(problem) = reference::access(&view.access, home, name) else {
        return (Standing::Ready { reason: "Accepted".into(), message: String::new() }, None);
    };
    let old = object.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    let until = conditions::since(old, "Ready", "False").unwrap_or(now).plus(settings.reference_grace);
    let (reason, message) = (problem.reason.to_owned(), problem.message);
    if problem.reason == "NamespaceTaken" || now >= until {
        (Standing::Stalled { reason, message }, None)
    } else {
        (Standing::Reconciling { reason, message }, Some(until))
    }
}

fn stage_of<'a>(pipeline: &'a DeliveryPipeline, environment: &str) -> Option<&'a StageStatus> {
    pipeline.status.as_ref()?.stage(environment)
}

fn delivered(view: &EnvironmentView, name: &str) -> Vec<DeliveredRow> {
    let row = |pipeline: &DeliveryPipeline| {
        let stage = stage_of(pipeline, name)?;
        let current = stage.current.as_ref();
        let rollout = stage.rollout.as_ref().map(|r| {
            // the release itself tells more; here each word would be a write
            let word = match r.state {
                RolloutState::Preparing(_)
                | RolloutState::Progressing(_)
                | RolloutState::Stepping(_)
                | RolloutState::Verifying(_)
                | RolloutState::Delivered(_)
                | RolloutState::Homing(_) => "Rolling out",
                RolloutState::Reverting(_) => "Reverting",
            };
            format!("{word} {}", r.release)
        });
        Some(DeliveredRow {
            pipeline: pipeline.metadata.name.clone().unwrap_or_default(),
            release: current.map(|c| c.release.clone()).unwrap_or_default(),
            version: current.map(|c| c.version.clone()).unwrap_or_default(),
            since: current.map(|c| c.since),
            rollout: rollout.unwrap_or_default(),
        })
    };
    let mut rows: Vec<DeliveredRow> = view.pipelines.iter().filter_map(|p| row(p)).collect();
    rows.sort_by(|a, b| a.pipeline.cmp(&b.pipeline));
    rows.truncate(200);
    rows
}
