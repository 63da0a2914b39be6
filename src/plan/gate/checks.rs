//! The stage judges health by checks of its own, where the Environment's owner asks for that.

use super::super::mutant::{Mutant, is};
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let is_asked = c.policy().is_some_and(|policy| policy.checks_required) && !is(Mutant::ChecksUnasked);
    (is_asked && !c.is_again && c.spec.checks.is_empty()).then(|| {
        let name = &c.stage.environment;
        let why = format!("{name} asks for checks of health, and the stage has none (policy.checksRequired)");
        Closed::new(why, format!("a check in spec.stages[].checks of the stage {name}"))
    })
}
