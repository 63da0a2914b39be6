//! The build can read what an earlier one left, and leaves what the one beside it can read.

use super::super::schema;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if c.is_again {
        return None;
    }
    if let Some(why) = schema::problem_of(c.stage, c.known) {
        return Some(Closed::new(why, "a build that works with that schema"));
    }
    // a clone works on the same data beside what runs
    let leaves = c.known.release.spec.build.schema?.min_readable;
    let current = c.stage.current.as_ref().filter(|_| c.spec.strategy.clones())?;
    let beside = current.schema.unwrap_or_default();
    (leaves > beside && current.build != c.known.hash).then(|| {
        let why =
            format!("what runs works with schema {beside}, and could not read beside it: minReadable is {leaves}");
        Closed::new(why, "a build in between that both can read, or a rolling stage")
    })
}
