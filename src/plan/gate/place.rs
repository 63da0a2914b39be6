//! The environment may be written to, and the workloads are there, ours, and able to roll.

use super::super::reference;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let problem = reference::problem(c.world, &c.stage.environment)?;
    Some(Closed::new(problem.message, problem.remedy))
}
