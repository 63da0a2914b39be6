//! Neither the release is paused nor the pipeline suspended.

use super::super::mutant::{Mutant, is};
use super::{Candidate, Closed};

pub fn source(c: &Candidate<'_, '_>) -> &'static str {
    if c.world.spec.suspend { "pipeline" } else { "release" }
}

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if is(Mutant::PauseIgnored) {
        return None;
    }
    if c.world.spec.suspend {
        return Some(Closed::new("the pipeline is suspended", "spec.suspend of the pipeline set to false"));
    }
    c.known.release.spec.paused.then(|| Closed::new("the release is paused", "spec.paused of the release set to false"))
}
