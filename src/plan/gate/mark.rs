//! Automation only moves forward: above the newest release that ever started here, unless someone asks for it by name.

use super::super::mutant::{Mutant, is};
use super::super::world::order;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let mark = c.stage.high_water.as_ref()?;
    if order(&c.known.mark, mark).is_gt()
        || c.standing.is_some()
        || c.is_moved_head
        || c.is_interrupted
        || c.is_again
        || is(Mutant::MarkIgnored)
    {
        return None;
    }
    Some(Closed::new(format!("{} has started here since", mark.version), "a Decision Promote"))
}
