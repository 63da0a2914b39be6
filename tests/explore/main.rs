//! The explorer: drives the real `plan` through every interleaving of small worlds, checks the guarantees at each step
//! and the goals from each place of rest, and, with the feature `mutants`, that planted faults are caught.
//!
//! `cargo test --test explore` sees a small part of each world; `make explore` (the argument `whole`) sees them as far as
//! their limits go, asks that everything was reached, and plants the mutants. `SCENARIO=name` explores one, `STATES=n`
//! sets the limit of each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod budget;
mod build_tests;
mod canon;
mod checks;
mod clones;
mod cluster;
mod coverage;
mod engine;
mod fair;
mod fights;
mod ghost;
mod goal;
mod hooks;
mod locks;
mod mutation;
mod people;
mod routes;
mod safety;
mod scenario;
mod server;
mod step;
mod terms;
mod transition;
mod world;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use engine::{Explored, explore};
use scenario::Scenario;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// States of each scenario in the small run.
const SMALL: usize = 2_000;
/// So many are to be seen by the whole one.
const LEAST: usize = 5_000_000;

fn main() -> ExitCode {
    let is_whole = std::env::args().any(|a| a == "whole");
    let only = std::env::var("SCENARIO").ok();
    let limit: Option<usize> = std::env::var("STATES").ok().and_then(|n| n.parse().ok());
    let limit_of = |s: &Scenario| limit.unwrap_or(if is_whole { s.limit } else { SMALL });
    let scenarios: Vec<Scenario> =
        scenario::all().into_iter().filter(|s| only.as_ref().is_none_or(|o| s.name == o)).collect();
    let began = Instant::now();
    let reached = Mutex::new(BTreeSet::new());
    let explored = in_parallel(&scenarios, |scenario| {
        let explored = explore(scenario, limit_of(scenario), true);
        reached.lock().unwrap().extend(coverage::take());
        explored
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("{:<16} {:>9} {:>10} {:>6} {:>9}", "scenario", "states", "steps", "depth", "seconds");
    let mut is_sound = explored.iter().filter(|e| !tell(e)).count() == 0;
    let states: usize = explored.iter().map(|e| e.states).sum();
    if is_whole && only.is_none() && limit.is_none() {
        is_sound &= is_all_reached(&reached.lock().unwrap());
        is_sound &= is_wide_enough(states);
    }
    let (caught, mutants) = if is_whole && is_sound { mutation::plant_all(&scenarios) } else { (0, 0) };
    println!("explored {states} states in {seconds:.1} s, caught {caught} of {mutants} mutants");
    if is_sound && caught == mutants { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Does the work on two threads; results in the order of the items.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let run = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return };
            let result = work(item);
            results.lock().unwrap().push((at, result));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(run);
        scope.spawn(run);
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn is_all_reached(reached: &BTreeSet<String>) -> bool {
    let wanted = coverage::wanted();
    let missing: Vec<&String> = wanted.iter().filter(|w| !reached.contains(*w)).collect();
    println!(
        "reached {} of {} states, arcs, gates, causes, outcomes, decisions and events",
        wanted.len() - missing.len(),
        wanted.len()
    );
    missing.iter().for_each(|m| println!("  never reached: {m}"));
    missing.is_empty()
}

fn is_wide_enough(states: usize) -> bool {
    let is_so = states >= LEAST;
    if !is_so {
        println!("{states} states are fewer than {LEAST}: let the limits of the scenarios reach further");
    }
    is_so
}

fn tell(explored: &Explored) -> bool {
    let Explored { name, states, steps, depth, seconds, is_whole, broken } = explored;
    let part = if *is_whole { "all of it" } else { "to the limit" };
    println!("{name:<16} {states:>9} {steps:>10} {depth:>6} {seconds:>9.1}  {part}");
    let Some((broken, trace)) = broken else { return true };
    println!("  {} is broken: {}", broken.property, broken.what);
    for (at, line) in trace.iter().enumerate() {
        println!("  {at:>3}. {line}");
    }
    false
}
