//! Override: named gates are skipped for one release, once. It stands until the release starts there.

use crate::api::decision::Skippable;
use crate::api::stage::Stage;
use crate::api::{Decision, DecisionType, RolloutState};
use crate::plan::draft::Draft;
use crate::plan::gate::Candidate;
use crate::plan::world::{Known, World};

use super::approve::{meant, unreliable};
use super::{Answer, is_open};

pub(super) fn stand(world: &World<'_>, draft: &mut Draft, index: usize, spec: &Stage, decision: &Decision) -> Answer {
    let known = match meant(world, decision) {
        Ok(known) => known,
        Err(why) => return Answer::Refused(why),
    };
    // without the policies nobody knows whose word it is, and the word of others is what it would replace
    let why = decision.spec.gates.contains(&Skippable::Approvals).then(|| unreliable(world, decision)).flatten();
    if let Some(why) = why {
        return Answer::Refused(why);
    }
    if let Some(answer) = pass_freeze(draft, index, known, decision) {
        return answer;
    }
    match Candidate::of(world, draft, index, spec, known) {
        Some(_) => Answer::Stands,
        None => Answer::refused(format!("{} waits for nothing in {}", known.name(), spec.environment)),
    }
}

/// What is under way goes on in spite of a freeze.
fn pass_freeze(draft: &mut Draft, index: usize, known: &Known<'_>, decision: &Decision) -> Option<Answer> {
    let rollout = draft.status.stages.get_mut(index)?.rollout.as_mut()?;
    let is_its = rollout.release_uid == known.uid && !matches!(rollout.state, RolloutState::Reverting(_));
    if !is_its || !decision.spec.gates.contains(&Skippable::Freeze) {
        return None;
    }
    if !rollout.overridden.contains(&Skippable::Freeze) {
        rollout.overridden.push(Skippable::Freeze);
    }
    let what = format!("{} goes on in spite of a freeze", rollout.version);
    Some(Answer::about(what, known.uid, &known.hash))
}

/// The Overrides that stand for that very release there.
pub fn overrides<'a>(world: &World<'a>, draft: &Draft, environment: &str, known: &Known<'_>) -> Vec<&'a Decision> {
    let is_its = |d: &&&Decision| {
        d.spec.r#type == DecisionType::Override
            && d.spec.environment.as_deref() == Some(environment)
            && is_open(world, draft, d)
            && meant(world, d).is_ok_and(|meant| meant.uid == known.uid)
            && !(d.spec.gates.contains(&Skippable::Approvals) && unreliable(world, d).is_some())
    };
    world.decisions.iter().filter(is_its).copied().collect()
}
