//! What is told of a release that waits: an event each time that another gate is the one that keeps it.

use std::cmp::Reverse;

use crate::api::release::{GateStatus, ReleaseStatus};
use crate::api::{Phase, Time};
use crate::observe::Snapshot;

use super::action::{Action, Note};

/// Of so many releases in one pass, the newest: a window that closes before two hundred is no two hundred events.
const AT_ONCE: usize = 5;

/// Of those actions that were carried out, by the UIDs of their objects.
pub fn waits(snapshot: &Snapshot, actions: &[Action], is_written: impl Fn(&str) -> bool) -> Vec<Note> {
    let is_written =
        |action: &&Action| matches!(action, Action::ReleaseStatus { target, .. } if is_written(&target.uid));
    let mut notes: Vec<(Time, Note)> =
        actions.iter().filter(is_written).filter_map(|action| note(snapshot, action)).collect();
    notes.sort_by_key(|(created, _)| Reverse(*created));
    notes.truncate(AT_ONCE);
    notes.into_iter().map(|(_, note)| note).collect()
}

/// With the release's place in the order.
fn note(snapshot: &Snapshot, action: &Action) -> Option<(Time, Note)> {
    let Action::ReleaseStatus { target, status } = action else { return None };
    let known = snapshot.releases.iter().find(|known| known.metadata.name.as_ref() == Some(&target.name))?;
    let (environment, gate) = keeps(status)?;
    let before = known.status.as_ref().and_then(keeps);
    let message = format!("{environment}: {}", status.waiting_for.as_deref().unwrap_or(gate));
    let note = Note { release: Some(target.name.clone()), warning: false, reason: "Waiting".into(), message };
    (before != Some((environment, gate))).then_some((known.spec.build.created_at, note))
}

/// The environment and the gate for which it waits, if it waits for one.
fn keeps(status: &ReleaseStatus) -> Option<(&str, &str)> {
    let said = status.waiting_for.as_deref()?;
    let stage = status.stages.iter().find(|s| s.phase == Phase::Waiting)?;
    let is_closed = |gate: &&GateStatus| gate.state == "Closed";
    // while it is under way elsewhere it waits for that
    let gate = stage.gates.iter().find(is_closed).filter(|_| said == stage.message)?;
    Some((&stage.environment, &gate.gate))
}
