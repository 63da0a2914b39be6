//! Approve and Reject: a word about one build in one environment, noted once with the release and the build that were meant.

use crate::api::stage::Stage;
use crate::api::{Decision, DecisionType};
use crate::observe::Admission;
use crate::plan::approval::{Asked, Authors, words};
use crate::plan::draft::Draft;
use crate::plan::promotion;
use crate::plan::world::{Known, World, created};

use super::Answer;

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
    let place = world.place(&spec.environment).and_then(|place| place.environment.as_ref());
    let asked = Asked::of(place.and_then(|environment| environment.spec.policy.as_ref()), spec);
    asked.refusal(&Authors::of(world, known), decision)
}

/// Whether the last word of that person about it is a rejection.
fn has_rejected(world: &World<'_>, draft: &Draft, environment: &str, known: &Known<'_>, decision: &Decision) -> bool {
    let words = words(world, draft, environment, known);
    let last = decision.spec.user.as_deref().and_then(|user| words.get(user));
    last.is_some_and(|word| word.spec.r#type == DecisionType::Reject)
}

/// The release that was meant by its name, with a valid build; or why there is none.
pub fn meant<'w, 'a>(world: &'w World<'a>, decision: &Decision) -> Result<&'w Known<'a>, String> {
    let name = decision.spec.release.as_deref().unwrap_or("");
    let known = world.release(name).ok_or_else(|| format!("spec.release: there is no release {name}"))?;
    if let Err(why) = &known.build {
        return Err(why.clone());
    }
    // another one may have been made under the name since; creation times are whole seconds
    if created(&decision.metadata) <= created(&known.release.metadata) {
        return Err(format!("{name} was made in that second or after it; decide anew about the one that is there"));
    }
    Ok(known)
}

/// Why it is not certain who decided that.
pub(super) enum Doubt {
    /// It was, or may have been, written by somebody else: for good.
    Certain(String),
    /// It cannot be told at present.
    Passing,
}

pub(super) fn doubt(world: &World<'_>, decision: &Decision) -> Option<Doubt> {
    match &world.snap.admission {
        Admission::Open(why) => Some(Doubt::Certain(format!("it cannot be relied on: {why}"))),
        Admission::Unseen(_) => Some(Doubt::Passing),
        Admission::InForce { since } if created(&decision.metadata) <= *since => Some(Doubt::Certain(format!(
            "it was made before {since}, when the admission policies came into force; decide anew"
        ))),
        Admission::InForce { .. } => None,
    }
}
