//! There is a place among the rollouts that the Environment's owner lets run at a time. Asked last: who waits for it waits for nothing else.

use super::super::capacity;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    // suites alone are no rollout
    let limit = capacity::limit(c.world, &c.stage.environment).filter(|_| !c.is_again)?;
    let why = format!(
        "a free place in {}: {limit} may roll out at a time (policy.maxConcurrentRollouts)",
        c.stage.environment
    );
    Some(Closed::new(why, "the end of another rollout there"))
}
