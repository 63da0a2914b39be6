//! Images are given by digest, unless the Environment's owner allows tags.

use super::super::build;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    // who does not see the Environment does not know its rules: the gate of its place is closed
    c.world.place(&c.stage.environment)?.environment.as_ref()?;
    let is_allowed = c.policy().is_some_and(|policy| policy.allow_tags);
    if is_allowed || !c.row().is_some_and(build::has_tags) {
        return None;
    }
    let name = &c.stage.environment;
    Some(Closed::new(
        format!("an image is given by tag only, and {name} does not allow tags"),
        format!("a Release with digests, or policy.allowTags of Environment {name}"),
    ))
}
