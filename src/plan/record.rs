//! What people decided about a release in a stage, as the release itself tells it: who, what, when and why. It outlives the Decisions.

use crate::api::approvals::DecisionRecord;
use crate::api::{Decision, DecisionPhase, DecisionType};

use super::draft::{Draft, clip};
use super::world::{Known, World, created, user_of};

/// How many are told; the oldest go first.
const TOLD: usize = 20;

/// Oldest first: those that were told before, and those that were applied to it since.
pub fn of(
    world: &World<'_>,
    draft: &Draft,
    environment: &str,
    known: &Known<'_>,
    before: &[DecisionRecord],
) -> Vec<DecisionRecord> {
    let applied = world.decisions.iter().filter(|d| is_about(draft, d, environment, known)).map(|d| record(d));
    let mut told: Vec<DecisionRecord> = applied.collect();
    let is_gone =
        |old: &&DecisionRecord| !told.iter().any(|record| record.decision == old.decision && record.at == old.at);
    let gone: Vec<DecisionRecord> = before.iter().filter(is_gone).cloned().collect();
    told.extend(gone);
    told.sort_by(|a, b| (a.at, &a.decision).cmp(&(b.at, &b.decision)));
    told.split_off(told.len().saturating_sub(TOLD))
}

/// It took effect on this release here, and not on an earlier one of its name.
fn is_about(draft: &Draft, decision: &Decision, environment: &str, known: &Known<'_>) -> bool {
    let Some(status) = draft.status_of(decision) else { return false };
    let is_here = decision.spec.environment.as_deref().is_none_or(|named| named == environment);
    let is_named = || {
        decision.spec.release.as_deref() == Some(known.name())
            && created(&decision.metadata) >= created(&known.release.metadata)
    };
    let is_its = status.release_uid.as_deref().map_or_else(is_named, |uid| uid == known.uid);
    status.phase == Some(DecisionPhase::Applied) && decision.spec.r#type != DecisionType::Ban && is_here && is_its
}

fn record(decision: &Decision) -> DecisionRecord {
    DecisionRecord {
        r#type: decision.spec.r#type,
        user: user_of(decision).to_owned(),
        at: created(&decision.metadata),
        gates: decision.spec.gates.clone(),
        reason: clip(&decision.spec.reason, 256),
        decision: decision.metadata.name.clone().unwrap_or_default(),
    }
}
