//! Approve and Reject: a word about one build in one environment, noted once with the release and the build that were meant.

use crate::api::stage::Stage;
use crate::api::{Decision, DecisionType};
use crate::observe::Admission;
use crate::plan::approval::{Asked, Authors};
use crate::plan::draft::Draft;
use crate::plan::world::{World, created};

use super::Answer;

pub(super) fn speak(world: &World<'_>, draft: &Draft, spec: &Stage, decision: &Decision) -> Answer {
    let name = decision.spec.release.as_deref().unwrap_or("");
    let environment = &spec.environment;
    let Some(known) = world.release(name) else {
        return Answer::refused(format!("spec.release: there is no release {name}"));
    };
    if let Err(why) = &known.build {
        return Answer::refused(why.clone());
    }
    // another one may have been made under the name since; creation times are whole seconds
    if created(&decision.metadata) <= created(&known.release.metadata) {
        return Answer::refused(format!(
            "{name} was made in that second or after it; decide anew about the one that is there"
        ));
    }
    match &world.snap.admission {
        Admission::Open(why) => return Answer::refused(format!("it cannot be relied on: {why}")),
        Admission::InForce { since } if created(&decision.metadata) <= *since => {
            return Answer::refused(format!(
                "it was made before {since}, when the admission policies came into force; decide anew"
            ));
        }
        Admission::InForce { .. } => {}
    }
    let place = world.place(environment).and_then(|place| place.environment.as_ref());
    let asked = Asked::of(place.and_then(|e| e.spec.policy.as_ref()), spec);
    let is_started = draft.stage(environment).is_some_and(|stage| {
        stage.rollout.as_ref().is_some_and(|r| r.release_uid == known.uid)
            || stage.current.as_ref().is_some_and(|c| c.release_uid == known.uid)
    });
    let what = match decision.spec.r#type {
        DecisionType::Reject if is_started => {
            return Answer::refused(format!("{name} has started in {environment}; Abort or Revert takes it back"));
        }
        DecisionType::Reject => "rejected",
        _ => match asked.refusal(&Authors::of(world, known), decision) {
            Some(why) => return Answer::Refused(why),
            None => "approved",
        },
    };
    Answer::about(format!("{what} in {environment}"), known.uid, &known.hash)
}
