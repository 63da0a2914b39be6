//! The stage is not pinned to another release.

use super::super::pin;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let pin = pin::against(c.world, &c.stage.environment, c.known.name())?;
    Some(Closed::new(pin::text(pin), "the entry of spec.pins of the pipeline taken out"))
}
