//! Plants each mutant of the plan and explores until a property catches it.

use crate::scenario::Scenario;

/// How many mutants were caught, of how many. Prints which property caught each.
#[cfg(feature = "mutants")]
pub fn plant_all(scenarios: &[Scenario]) -> (usize, usize) {
    use windlass::plan::mutant::{MUTANTS, plant};
    let only = std::env::var("MUTANT").ok();
    let mutants: Vec<_> =
        MUTANTS.iter().filter(|m| only.as_ref().is_none_or(|o| format!("{m:?}") == *o)).copied().collect();
    println!("{:<22} {:<10} {:<16} {:>8}", "mutant", "caught by", "scenario", "states");
    let caught = crate::in_parallel(&mutants, |mutant| {
        plant(Some(*mutant));
        let found = hunt(scenarios);
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

/// Explores the scenarios, a little of each first, then more, until a property is broken.
#[cfg(feature = "mutants")]
fn hunt(scenarios: &[Scenario]) -> Option<(&'static str, &'static str, usize)> {
    [1_000, 5_000, 20_000].into_iter().find_map(|limit| {
        scenarios.iter().find_map(|scenario| {
            let explored = crate::engine::explore(scenario, limit, false);
            let (broken, _) = explored.broken?;
            Some((broken.property, scenario.name, explored.states))
        })
    })
}

/// Without the feature there are none.
#[cfg(not(feature = "mutants"))]
pub fn plant_all(_: &[Scenario]) -> (usize, usize) {
    (0, 0)
}
