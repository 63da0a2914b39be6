//! The suites that the Environment's owner names have passed for this very build, in a stage before or about the build itself.

use super::super::mutant::{Mutant, is};
use super::super::{build_suite, upstream};
use super::{Candidate, Closed};

pub fn check(c: &Candidate<'_, '_>) -> Option<Closed> {
    if c.is_again || is(Mutant::RequiredIgnored) {
        return None;
    }
    let before = upstream::on_the_way(c.world, c.draft, &c.stage.environment);
    let has_passed = |suite: &&String| {
        let mut stages = before.iter();
        build_suite::has_passed(c.world, c.known, suite)
            || stages.any(|stage| upstream::has_passed(stage, c.known.uid, &c.known.hash, suite))
    };
    let missing: Vec<&str> =
        c.policy()?.required_suites.iter().filter(|suite| !has_passed(suite)).map(String::as_str).collect();
    (!missing.is_empty()).then(|| {
        let names = missing.join(", ");
        let why = format!("no stage before has passed {names} for this build (policy.requiredSuites)");
        Closed::new(
            why,
            "these suites in spec.tests, or in spec.stages[].tests of a stage before, passed for this release",
        )
    })
}
