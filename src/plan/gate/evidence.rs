//! The build was proven in the stage before: delivered there in an attempt whose suites all passed, and nothing has
//! taken that back since.

use super::super::mutant::{Mutant, is};
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let Some(before) = c.index.checked_sub(1).and_then(|i| c.draft.status.stages.get(i)) else {
        return entry(c);
    };
    if is(Mutant::EvidenceIgnored) {
        return None;
    }
    let name = &before.environment;
    let hash = c.known.hash()?;
    let mut proofs = before
        .proofs
        .iter()
        .rev()
        .filter(|p| (p.release_uid == c.known.uid || is(Mutant::EvidenceByHash)) && p.build == *hash)
        .peekable();
    if proofs.peek().is_none() {
        return Some(Closed::new(
            format!("not proven in {name} yet"),
            format!("delivery in {name}, with all its suites passed"),
        ));
    }
    let void = proofs.map(|p| p.void.as_ref()).collect::<Option<Vec<_>>>().filter(|_| !is(Mutant::VoidIgnored))?;
    let why = void.first().map_or("", |why| why.as_str());
    Some(Closed::new(
        format!("its evidence in {name} does not count any more: {why}"),
        format!("a new attempt in {name}: a Decision Retry"),
    ))
}

/// The first stage asks for no evidence, unless the Environment's owner says that it may not be first.
fn entry(c: &Candidate<'_, '_>) -> Option<Closed> {
    let environment = c.world.place(&c.stage.environment)?.environment.as_ref()?;
    let is_required = environment.spec.policy.as_ref().is_some_and(|p| p.require_upstream);
    is_required.then(|| {
        Closed::new(
            format!("{} may not be the first stage (policy.requireUpstream)", c.stage.environment),
            "a stage before it in spec.stages of the pipeline",
        )
    })
}
