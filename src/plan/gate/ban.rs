//! The build did not fail here before, and nobody declared it bad, as far as all Decisions can be read.

use super::super::mutant::{Mutant, is};
use super::super::world::user_of;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    let hash = &c.known.hash;
    if let Some(name) = c.world.snap.unreadable.decisions.first() {
        return Some(Closed::new(
            format!("Decision {name} cannot be read by this version of Windlass; it may be a ban"),
            format!("Decision {name} deleted, or Windlass upgraded"),
        ));
    }
    if let Some(decision) = c.world.withdrawal(c.known.name(), hash).filter(|_| !is(Mutant::WithdrawIgnored)) {
        return Some(Closed::new(
            format!("withdrawn by {}", user_of(decision)),
            "nothing; make another Release with a good build",
        ));
    }
    if !c.world.is_banned(c.stage, hash) || is(Mutant::BanIgnored) {
        return None;
    }
    let record = c.world.decisions.iter().find(|d| {
        d.spec.build_hash.as_ref() == Some(hash) && d.spec.environment.as_deref() == Some(c.stage.environment.as_str())
    });
    let pending = c.stage.bans.iter().find(|b| b.build == *hash).map(|b| b.reason.as_str());
    let why = record.map(|d| d.spec.reason.as_str()).or(pending).unwrap_or_default();
    Some(Closed::new(format!("banned in {}: {why}", c.stage.environment), "a Decision Unban, then Promote"))
}
