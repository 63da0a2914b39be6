//! The environment may be written to, and the workloads are there, ours, able to roll, and run what a clone is to stand beside.

use super::super::idle::{self, Drift};
use super::super::reference;
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if let Some(problem) = reference::problem(c.world, &c.stage.environment) {
        return Some(Closed::new(problem.message, problem.remedy));
    }
    let key = to_restore(c)?;
    Some(Closed::new(format!("{key} gets its build back first"), "its build is put back"))
}

/// A workload that does not run what is current again. Beside it there could be no clone, so that the release would be rolled, past
/// its steps.
fn to_restore(c: &Candidate<'_, '_>) -> Option<String> {
    let is_idle = c.stage.rollout.is_none() && !idle::is_bad(c.world, c.stage);
    let place = c.world.place(&c.stage.environment).filter(|_| c.spec.strategy.clones() && is_idle)?;
    let is_waiting = |key: &String| {
        let workload = c.world.spec.workloads.iter().find(|w| w.is_cloned() && w.key() == *key);
        let seen = place.workloads.get(key).filter(|seen| !seen.deleting);
        let drift = workload.zip(seen).map(|(w, seen)| idle::drift(c.world, c.draft, c.stage, w, seen));
        drift == Some(Drift::ToRestore)
    };
    place.workloads.keys().find(|key| is_waiting(key)).cloned()
}
