//! What ran at first sight gets a moment to become available, so that there is something to go back to.

use super::super::idle;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let adopted = c.stage.adopted?;
    let is_waiting = c.stage.current.as_ref().is_some_and(|live| !live.healthy) && c.stage.high_water.is_none();
    if !is_waiting || idle::serves(c.world, c.stage) {
        return None;
    }
    let until = adopted.plus(c.world.snap.settings.reference_grace);
    (!c.world.is_due(until))
        .then(|| Closed::new("what runs is not available yet", format!("its pods become available, or {until} comes")))
}
