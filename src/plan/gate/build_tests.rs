//! The suites about the build itself have passed, where releases begin; and none of them has failed, wherever the release comes.

use crate::api::RunPhase;

use super::super::build_suite;
use super::super::mutant::{Mutant, is};
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if let Some(why) = build_suite::failure(c.world, c.known.uid, &c.known.hash) {
        return Some(Closed::new(why, "a new build"));
    }
    if !c.world.spec.is_first(&c.stage.environment) || c.is_again || is(Mutant::BuildTestsIgnored) {
        return None;
    }
    let all = c.world.spec.tests.iter().map(|suite| (suite, build_suite::phase(c.world, c.known, suite)));
    let mut open = all.filter(|(_, (phase, _))| *phase != RunPhase::Passed).peekable();
    let (first, (phase, said)) = open.peek()?;
    let change = format!("its result in the TestRun {}", build_suite::run_name(c.known, first));
    if *phase == RunPhase::Errored {
        return Some(Closed::new(format!("suite {} gave no verdict for this build: {said}", first.suite), change));
    }
    let names: Vec<&str> = open.map(|(suite, _)| suite.suite.as_str()).collect();
    Some(Closed::new(format!("tests of the build: {}", names.join(", ")), change))
}
