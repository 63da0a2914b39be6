//! The git head, while one is set, is the upper bound of all candidates.

use super::super::head;
use super::super::mutant::{Mutant, is};
use super::super::world::order;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let head = head::mark(c.draft).filter(|_| !is(Mutant::HeadIgnored))?;
    order(&c.known.mark, &head).is_gt().then(|| {
        Closed::new(format!("the head is {}", head.version), "spec.release of the pipeline moved up or removed")
    })
}
