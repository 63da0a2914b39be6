//! The stage is not behind the one in which the release ends.

use super::super::reach;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let why = reach::problem(c.world, c.known, &c.stage.environment)?;
    Some(Closed::new(why, "spec.lastStage of the release"))
}
