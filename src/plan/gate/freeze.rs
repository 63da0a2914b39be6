//! The Environment is not frozen.

use super::super::freeze;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let why = freeze::reason(c.world, &c.stage.environment)?;
    Some(Closed::new(why, "the end of the freeze, by whoever asked for it"))
}
