//! Approve and Reject: a word about one build in one environment, noted once with the release and the build that were meant.

use crate::api::stage::Stage;
use crate::api::{Decision, DecisionType};
use crate::plan::approval::{Asked, Authors, words};
use crate::plan::draft::Draft;
use crate::plan::promotion;
use crate::plan::world::{Known, World};

use super::Answer;
use super::word::{Doubt, doubt, meant};

pub(super) fn speak(world: &World<'_>, draft: &Draft, spec: &Stage, decision: &Decision) -> Answer {
    let known = match meant(world, decision) {
        Ok(known) => known,
        Err(why) => return Answer::Refused(why),
    };
    let (name, environment) = (known.name(), &spec.environment);
    let is_tried_again = promotion::standing(world, draft, environment, name).is_some();
    let is_started = draft.stage(environment).is_some_and(|stage| {
        stage.rollout.as_ref().is_some_and(|r| r.release_uid == known.uid)
            || !is_tried_again && stage.current.as_ref().is_some_and(|c| c.release_uid == known.uid)
    });
    let certain = match doubt(world, decision) {
        Some(Doubt::Passing) if decision.spec.r#type == DecisionType::Approve => return Answer::Stands,
        Some(Doubt::Certain(why)) => Some(why),
        Some(Doubt::Passing) | None => None,
    };
    let answer = |what: &str| Answer::about(format!("{what} in {environment}"), known.uid, &known.hash);
    match decision.spec.r#type {
        DecisionType::Reject if is_started => {
            Answer::refused(format!("{name} has started in {environment}; Abort or Revert takes it back"))
        }
        DecisionType::Reject => answer("rejected"),
        _ if is_started => Answer::refused(format!("{name} has started in {environment} already")),
        _ => match certain.or_else(|| uncounted(world, spec, known, decision)) {
            // whoever said no may take that back, whether or not a yes would count
            Some(why) if has_rejected(world, draft, environment, known, decision) => {
                answer(&format!("the rejection is taken back, and it is no approval ({why}),"))
            }
            Some(why) => Answer::Refused(why),
            None => answer("approved"),
        },
    }
}

/// Why the approval would not count, if it would not.
fn uncounted(world: &World<'_>, spec: &Stage, known: &Known<'_>, decision: &Decision) -> Option<String> {
    Asked::of(world.policy(&spec.environment), spec).refusal(&Authors::of(world, known), decision)
}

/// Whether the last word of that person about it is a rejection.
fn has_rejected(world: &World<'_>, draft: &Draft, environment: &str, known: &Known<'_>, decision: &Decision) -> bool {
    let words = words(world, draft, environment, known);
    let last = decision.spec.user.as_deref().and_then(|user| words.get(user));
    last.is_some_and(|word| word.spec.r#type == DecisionType::Reject)
}
