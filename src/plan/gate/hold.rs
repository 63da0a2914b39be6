//! The stage is not held for a person.

use crate::api::checkpoint::HoldKind;

use super::super::mutant::{Mutant, is};
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let hold = c.stage.held.as_ref().filter(|_| !is(Mutant::HoldIgnored))?;
    let change = match hold.kind {
        HoldKind::Revert | HoldKind::Interrupted | HoldKind::Irreversible => "a Decision Unhold",
        HoldKind::AdoptionHold => "a Decision Promote",
        HoldKind::ExternalChange | HoldKind::ImageContested => "a Decision Adopt or Restore",
    };
    Some(Closed::new(hold.message.clone(), change))
}
