//! A person promotes each release, where the stage asks for that.

use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    (c.spec.is_manual() && c.standing.is_none() && !c.is_again)
        .then(|| Closed::new(format!("{} is promoted by hand", c.stage.environment), "a Decision Promote"))
}
