//! The stage is not behind the one in which the release ends.

use super::super::reach;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let change = "spec.lastStage of the release";
    match reach::end(c.world, c.known) {
        Err(why) => Some(Closed::new(why, change)),
        Ok(end) => {
            let name = end.map_or("", |(_, stage)| stage.environment.as_str());
            reach::is_beyond(c.world, c.known, &c.stage.environment)
                .then(|| Closed::new(format!("it ends in {name} (spec.lastStage)"), change))
        }
    }
}
