//! The release's images are what the pipeline asks for.

use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let why = c.known.build.as_ref().err()?;
    Some(Closed::new(why.clone(), "another Release with the right build, or an edit of the pipeline's spec.images"))
}
