//! Decisions: what each act of a person does to the checkpoint, or why it is refused. Each acts once: what became of it
//! is noted in the same checkpoint, and its own status follows as an effect.

mod approve;
mod back;
mod ban;
mod foreign;
mod over;
mod promote;
pub mod word;

use crate::api::decision::{DecisionPhase, DecisionType};
use crate::api::{BuildHash, Decision};

use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::promotion::is_final;
use super::world::{Known, World, created, phase_of};

pub use over::overrides;

/// How many notes may wait for their Decision's status at a time.
const NOTES: usize = 48;

/// Carries out what people decided, oldest first; forgets notes that have arrived.
pub fn decide(world: &World<'_>, draft: &mut Draft) {
    draft.status.decisions.retain(|note| {
        world.decisions.iter().any(|d| d.metadata.uid.as_deref() == Some(note.uid.as_str()) && !is_final(phase_of(d)))
    });
    for decision in &world.decisions {
        if decision.spec.r#type == DecisionType::Ban
            || !is_open(world, draft, decision)
            || draft.status.decisions.len() >= NOTES
        {
            continue;
        }
        apply(world, draft, decision);
    }
}

/// Whether the Decision has yet to take effect: not answered, and not older than the memory of this pipeline.
pub fn is_open(world: &World<'_>, draft: &Draft, decision: &Decision) -> bool {
    !is_final(phase_of(decision))
        && !is_expired(draft.status.adopted, decision)
        && !is_noted(draft, decision)
        && !world.is_pipeline_deleted()
}

/// Whether it was made before the pipeline was first seen: old acts never act again. Withdraw binds for ever.
pub fn is_expired(adopted: Option<crate::api::Time>, decision: &Decision) -> bool {
    let is_act = !matches!(decision.spec.r#type, DecisionType::Ban | DecisionType::Withdraw);
    // creation times are whole seconds: the second of the adoption counts as before it
    is_act && !is(Mutant::ExpiredActs) && adopted.is_some_and(|at| created(&decision.metadata) <= at)
}

fn is_noted(draft: &Draft, decision: &Decision) -> bool {
    !is(Mutant::ActsAgain) && draft.noted(decision).is_some()
}

/// Whether it is a Promote or Retry, which stand until they are used.
pub fn is_standing(draft: &Draft, decision: &Decision) -> bool {
    matches!(decision.spec.r#type, DecisionType::Promote | DecisionType::Retry) && !is_noted(draft, decision)
}

/// Notes that a standing Decision was used.
pub fn applied(draft: &mut Draft, decision: &Decision, known: &Known<'_>, reason: &str) {
    draft.answer_about(decision, DecisionPhase::Applied, reason, Some(known.uid), Some(&known.hash));
}

fn apply(world: &World<'_>, draft: &mut Draft, decision: &Decision) {
    let answer = match decision.spec.r#type {
        DecisionType::Withdraw => ban::withdraw(world, draft, decision),
        // those of an Environment are its own pass's
        DecisionType::Ban | DecisionType::Freeze | DecisionType::Unfreeze => return,
        DecisionType::Promote
        | DecisionType::Abort
        | DecisionType::Revert
        | DecisionType::Unhold
        | DecisionType::Retry
        | DecisionType::Unban
        | DecisionType::Approve
        | DecisionType::Reject
        | DecisionType::Override
        | DecisionType::Adopt
        | DecisionType::Restore => in_stage(world, draft, decision),
    };
    match answer {
        Answer::Stands => {}
        Answer::Refused(why) => {
            draft.warn(
                decision.spec.release.as_deref().unwrap_or(""),
                "DecisionRefused",
                format!("{:?}: {why}", decision.spec.r#type),
            );
            draft.answer(decision, DecisionPhase::Refused, why);
        }
        Answer::Applied { what, release_uid, build } => {
            draft.answer_about(decision, DecisionPhase::Applied, what, release_uid.as_deref(), build.as_ref());
        }
    }
}

/// What becomes of a Decision now.
enum Answer {
    /// It stands until it is used; nothing to note.
    Stands,
    Refused(String),
    Applied {
        what: String,
        release_uid: Option<String>,
        build: Option<BuildHash>,
    },
}

impl Answer {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
    fn applied(what: impl Into<String>) -> Self {
        Self::Applied { what: what.into(), release_uid: None, build: None }
    }
    /// Applied to that build, whatever its release.
    fn to_build(what: impl Into<String>, build: BuildHash) -> Self {
        Self::Applied { what: what.into(), release_uid: None, build: Some(build) }
    }
    /// Applied to that release, and to no other of its name.
    fn about(what: impl Into<String>, release_uid: &str, build: &BuildHash) -> Self {
        Self::Applied { what: what.into(), release_uid: Some(release_uid.to_owned()), build: Some(build.clone()) }
    }
}

fn in_stage(world: &World<'_>, draft: &mut Draft, decision: &Decision) -> Answer {
    let environment = decision.spec.environment.as_deref().unwrap_or("");
    let spec = world.stage(environment);
    let index = draft.status.stages.iter().position(|s| s.environment == environment);
    let (Some(spec), Some(index)) = (spec, index) else {
        return Answer::refused(format!("spec.environment: the pipeline has no stage {environment}"));
    };
    if draft.status.stages.get(index).is_some_and(|s| s.adopted.is_none()) {
        return Answer::Stands;
    }
    let current = draft.status.stages.get(index).and_then(|stage| stage.current.clone());
    let answer = match decision.spec.r#type {
        DecisionType::Promote | DecisionType::Retry => promote::stand(world, draft, index, spec, decision),
        DecisionType::Approve | DecisionType::Reject => approve::speak(world, draft, spec, decision),
        DecisionType::Override => over::stand(world, draft, index, spec, decision),
        DecisionType::Abort => back::abort(world, draft, index, decision),
        DecisionType::Revert => back::go_back(world, draft, index, decision),
        DecisionType::Unhold => back::unhold(draft, index),
        DecisionType::Unban => ban::unban(world, draft, index, decision),
        DecisionType::Adopt => foreign::adopt(world, draft, index, decision),
        DecisionType::Restore => foreign::restore(world, draft, index, decision),
        DecisionType::Withdraw | DecisionType::Ban | DecisionType::Freeze | DecisionType::Unfreeze => Answer::Stands,
    };
    // what names no release is about the one that ran there
    match (answer, current) {
        (Answer::Applied { what, release_uid: None, build: None }, Some(current))
            if decision.spec.release.is_none() =>
        {
            Answer::about(what, &current.release_uid, &current.build)
        }
        (answer, _) => answer,
    }
}
