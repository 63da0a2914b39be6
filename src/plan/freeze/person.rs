//! Freeze and Unfreeze: a freeze by a person stands as long as its Decision. Unfreeze has it deleted, and is answered when it is gone.

use crate::api::decision::{DecisionPhase, DecisionStatus, DecisionType};
use crate::api::{Decision, Time};
use crate::observe::EnvironmentView;
use crate::plan::action::{Action, Kind};
use crate::plan::effects::target;
use crate::plan::promotion::is_final;
use crate::plan::world::{created, phase_of};

/// Old ones that stay for the record.
const KEPT: usize = 20;

/// What becomes of them now, and when the next freeze is over.
pub fn decided(view: &EnvironmentView, now: Time) -> (Vec<Action>, Option<Time>) {
    let mut actions = Vec::new();
    for decision in &view.decisions {
        match decision.spec.r#type {
            DecisionType::Freeze => actions.extend(freeze(decision, now)),
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
        DecisionType::Freeze => !stands(decision, now) && phase_of(decision) == Some(DecisionPhase::Expired),
        _ => is_final(phase_of(decision)),
    }
}

fn stands(freeze: &Decision, now: Time) -> bool {
    freeze.spec.until.is_none_or(|until| now < until)
}

fn freeze(decision: &Decision, now: Time) -> Option<Action> {
    match decision.spec.until.filter(|until| now >= *until) {
        Some(until) => say(decision, DecisionPhase::Expired, &format!("it was over at {until}")),
        None => say(decision, DecisionPhase::Applied, "stands as long as this object; Unfreeze ends it"),
    }
}

/// It lifts what stood when it was made.
fn unfreeze(view: &EnvironmentView, decision: &Decision, now: Time, actions: &mut Vec<Action>) {
    let is_meant = |d: &&Decision| {
        let is_there = d.metadata.deletion_timestamp.is_none();
        d.spec.r#type == DecisionType::Freeze
            && is_there
            && stands(d, now)
            && created(&d.metadata) <= created(&decision.metadata)
    };
    let meant: Vec<&Decision> = view.decisions.iter().map(AsRef::as_ref).filter(is_meant).collect();
    if meant.is_empty() {
        actions.extend(answer(view, decision));
        return;
    }
    let names: Vec<&str> = meant.iter().filter_map(|d| d.metadata.name.as_deref()).take(5).collect();
    actions.extend(say(decision, DecisionPhase::Pending, &format!("ends {}", names.join(", "))));
    actions.extend(meant.into_iter().map(|d| Action::Delete { target: target(Kind::Decision, d) }));
}

/// Nothing is left to lift: it lifted something before, or there was nothing.
fn answer(view: &EnvironmentView, decision: &Decision) -> Option<Action> {
    if phase_of(decision) == Some(DecisionPhase::Pending) {
        return say(decision, DecisionPhase::Applied, "the freeze by Decision is over");
    }
    let name = view.environment.metadata.name.as_deref().unwrap_or("");
    let also = super::asked(&view.environment, &view.freezes).map(|asked| asked.source).next();
    let also =
        also.map_or(String::new(), |source| format!("; it is frozen by {source}, which must be taken away there"));
    say(decision, DecisionPhase::Refused, &format!("no Decision Freeze stands in {name}{also}"))
}

fn say(decision: &Decision, phase: DecisionPhase, reason: &str) -> Option<Action> {
    let status = DecisionStatus {
        observed_generation: decision.metadata.generation.unwrap_or_default(),
        phase: Some(phase),
        reason: Some(reason.to_owned()),
        release_uid: None,
        build_hash: None,
    };
    let is_new = decision.status.as_ref() != Some(&status);
    is_new.then(|| Action::DecisionStatus { target: target(Kind::Decision, decision), status })
}
