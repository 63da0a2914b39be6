//! Plants each mutant of the plan and explores until a property catches it.

use crate::scenario::Scenario;

#[cfg(feature = "mutants")]
use windlass::plan::mutant::{MUTANTS, Mutant, plant};

/// The property that caught it, the scenario, and after how many states.
#[cfg(feature = "mutants")]
type Found = (&'static str, &'static str, usize);

/// Mutants that show in one scenario only, and late: to find them by the way takes minutes.
#[cfg(feature = "mutants")]
const LATE: &[(Mutant, &str)] = &[
    (Mutant::CutRouted, "routed"),
    (Mutant::BakeBlind, "straight"),
    (Mutant::PauseSticks, "two workloads"),
    (Mutant::SchemaIgnored, "schema"),
    (Mutant::BanIgnored, "shared build"),
    (Mutant::EvidenceByHash, "shared build"),
    (Mutant::FightGoesOn, "tool beside clones"),
    (Mutant::StepBlind, "canary gone"),
    (Mutant::UnbanLeaves, "lifted"),
    (Mutant::ProofKept, "taken back"),
];

/// How many mutants were caught, of how many. Prints which property caught each.
#[cfg(feature = "mutants")]
pub fn plant_all(scenarios: &[Scenario]) -> (usize, usize) {
    let only = std::env::var("MUTANT").ok();
    let mutants: Vec<_> =
        MUTANTS.iter().filter(|m| only.as_ref().is_none_or(|o| format!("{m:?}") == *o)).copied().collect();
    println!("{:<22} {:<10} {:<16} {:>8}", "mutant", "caught by", "scenario", "states");
    let caught = crate::in_parallel(&mutants, |mutant| {
        plant(Some(*mutant));
        let found = hunt(scenarios, *mutant);
        plant(None);
        let name = format!("{mutant:?}");
        match found {
            Some((property, scenario, states)) => println!("{name:<22} {property:<10} {scenario:<16} {states:>8}"),
            None => println!("{name:<22} not caught"),
        }
        found.is_some()
    });
    (caught.iter().filter(|c| **c).count(), mutants.len())
}

/// Explores the scenarios, a little of each first, then more, until a property is broken. What shows late is looked for first
/// where it is known to show.
#[cfg(feature = "mutants")]
fn hunt(scenarios: &[Scenario], mutant: Mutant) -> Option<Found> {
    let late = LATE.iter().find(|(late, _)| *late == mutant);
    let known = scenarios.iter().find(|scenario| late.is_some_and(|(_, name)| *name == scenario.name));
    let rounds = [1_000, 5_000, 20_000].into_iter();
    known.and_then(|scenario| broken(scenario, 20_000)).or_else(|| {
        rounds.flat_map(|limit| scenarios.iter().map(move |s| (s, limit))).find_map(|(s, limit)| broken(s, limit))
    })
}

#[cfg(feature = "mutants")]
fn broken(scenario: &Scenario, limit: usize) -> Option<Found> {
    let explored = crate::engine::explore(scenario, limit, false);
    let (broken, _) = explored.broken?;
    Some((broken.property, scenario.name, explored.states))
}

/// Without the feature there are none.
#[cfg(not(feature = "mutants"))]
pub fn plant_all(_: &[Scenario]) -> (usize, usize) {
    (0, 0)
}
