//! Freeze and Unfreeze: a freeze by a person stands as long as its Decision. Unfreeze has it deleted, and is answered when it is gone.

use crate::api::decision::{DecisionPhase, DecisionType};
use crate::api::{Decision, Time};
use crate::observe::EnvironmentView;
use crate::plan::action::{Action, Kind};
use crate::plan::draft::decision_status;
use crate::plan::effects::target;
use crate::plan::promotion::is_final;
use crate::plan::world::{created, phase_of, user_of};

/// What an Unfreeze says it does before it does it.
const ENDS: &str = "ends ";
/// Old ones that stay for the record.
const KEPT: usize = 20;

/// What becomes of them now, and when the next freeze is over.
pub fn decided(view: &EnvironmentView, now: Time) -> (Vec<Action>, Option<Time>) {
    let mut actions = Vec::new();
    for decision in &view.decisions {
        match decision.spec.r#type {
            DecisionType::Freeze if phase_of(decision) != Some(DecisionPhase::Refused) => {
                actions.extend(freeze(decision, now));
            }
            DecisionType::Unfreeze if !is_final(phase_of(decision)) => unfreeze(view, decision, now, &mut actions),
            _ => {}
        }
    }
    let mut old: Vec<&Decision> = view.decisions.iter().map(AsRef::as_ref).filter(|d| is_over(d, now)).collect();
    old.sort_by_key(|d| std::cmp::Reverse(created(&d.metadata)));
    let old = old.into_iter().skip(KEPT).filter(|d| d.metadata.deletion_timestamp.is_none());
    actions.extend(old.map(|d| Action::Delete { target: target(Kind::Decision, d) }));
    let ends = view.decisions.iter().filter_map(|d| d.spec.until).filter(|until| now < *until);
    (actions, ends.min())
}

/// It freezes nothing any more, and its status says so.
fn is_over(decision: &Decision, now: Time) -> bool {
    match decision.spec.r#type {
        DecisionType::Freeze => {
            matches!(phase_of(decision), Some(DecisionPhase::Expired | DecisionPhase::Refused))
                || !stands(decision, now)
        }
        _ => is_final(phase_of(decision)),
    }
}

fn stands(freeze: &Decision, now: Time) -> bool {
    super::lasts(freeze.spec.until, now)
}

fn freeze(decision: &Decision, now: Time) -> Option<Action> {
    match decision.spec.until.filter(|until| now >= *until) {
        Some(until) => say(decision, DecisionPhase::Expired, &format!("it was over at {until}")),
        None => say(decision, DecisionPhase::Applied, "stands as long as this object; Unfreeze ends it"),
    }
}

/// It lifts what stood before it was made: first it says so, then it has that deleted, then it is answered.
fn unfreeze(view: &EnvironmentView, decision: &Decision, now: Time, actions: &mut Vec<Action>) {
    let is_meant = |d: &&Decision| {
        let is_there = d.metadata.deletion_timestamp.is_none() && phase_of(d) != Some(DecisionPhase::Refused);
        let is_freeze = d.spec.r#type == DecisionType::Freeze;
        // of two in one second it is not known which came first
        is_freeze && is_there && stands(d, now) && created(&d.metadata) < created(&decision.metadata)
    };
    let meant: Vec<&Decision> = view.decisions.iter().map(AsRef::as_ref).filter(is_meant).collect();
    let told = decision.status.as_ref().and_then(|status| status.reason.as_deref());
    let is_told = phase_of(decision) == Some(DecisionPhase::Pending);
    match told.and_then(|told| told.strip_prefix(ENDS)).filter(|_| is_told) {
        Some(_) if !meant.is_empty() => {
            actions.extend(meant.into_iter().map(|d| Action::Delete { target: target(Kind::Decision, d) }));
        }
        Some(what) => actions.extend(say(decision, DecisionPhase::Applied, &format!("ended {what}"))),
        None if meant.is_empty() => actions.extend(nothing(view, decision, now)),
        None => {
            let name = |d: &&Decision| {
                format!("{} of {} ({})", d.metadata.name.as_deref().unwrap_or_default(), user_of(d), d.spec.reason)
            };
            let names: Vec<String> = meant.iter().take(5).map(name).collect();
            actions.extend(say(decision, DecisionPhase::Pending, &format!("{ENDS}{}", names.join(", "))));
        }
    }
}

/// There was nothing to lift.
fn nothing(view: &EnvironmentView, decision: &Decision, now: Time) -> Option<Action> {
    let name = view.environment.metadata.name.as_deref().unwrap_or("");
    let also: Vec<String> = super::standing(view, now).map(|freezing| freezing.source).collect();
    let also = if also.is_empty() { String::new() } else { format!("; it is frozen by {}", also.join(", ")) };
    say(decision, DecisionPhase::Refused, &format!("no Decision Freeze from before it stands in {name}{also}"))
}

fn say(decision: &Decision, phase: DecisionPhase, reason: &str) -> Option<Action> {
    let status = decision_status(decision, phase, reason);
    let is_new = decision.status.as_ref() != Some(&status);
    is_new.then(|| Action::DecisionStatus { target: target(Kind::Decision, decision), status })
}
