//! The build was proven in the stages before: delivered there in an attempt whose suites all passed, and nothing has
//! taken that back since, there or further up.

use super::super::mutant::{Mutant, is};
use super::super::upstream::{self, Upstream};
use super::{Candidate, Closed};

pub fn source(c: &Candidate<'_, '_>) -> &'static str {
    if c.world.spec.is_first(&c.stage.environment) && entry(c).is_some() { "policy" } else { "pipeline" }
}

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if is(Mutant::EvidenceIgnored) {
        return None;
    }
    match upstream::of(c.world, c.draft, &c.stage.environment, c.known.uid, &c.known.hash) {
        Upstream::Entry => entry(c),
        Upstream::Proven => None,
        Upstream::Unproven(name) => Some(Closed::new(
            format!("not proven in {name} yet"),
            format!("delivery in {name}, with all its suites passed"),
        )),
        Upstream::Stale(name) => Some(Closed::new(
            format!("its evidence in {name} is stale: the pod template changed there since"),
            format!("its suites once more in {name}: by themselves where it still runs, else a Decision Retry"),
        )),
        Upstream::Withdrawn(name, why) => Some(Closed::new(
            format!("its evidence in {name} does not count any more: {why}"),
            format!("a new attempt in {name}: a Decision Retry, after Unban where it is banned"),
        )),
    }
}

/// A first stage asks for no evidence, unless the Environment's owner says that it may not be one.
fn entry(c: &Candidate<'_, '_>) -> Option<Closed> {
    let is_required = c.policy().is_some_and(|policy| policy.require_upstream);
    is_required.then(|| {
        Closed::new(
            format!("{} may not be a first stage (policy.requireUpstream)", c.stage.environment),
            "a stage before it in spec.stages of the pipeline",
        )
    })
}
