//! The suites about the build itself: nothing enters where releases begin before they have passed for it (S36).

use windlass::api::stage::{BuildSuite, External};
use windlass::api::test_run::BUILD;
use windlass::api::{Rollout, RunPhase};

use crate::safety::{Holds, holds};
use crate::world::{STAGES, World};

pub fn unit() -> BuildSuite {
    BuildSuite { suite: "unit".into(), external: External {}, minimum_coverage: None }
}

/// What the run of that release and build says on the server.
fn said(world: &World, release_uid: &str, hash: &str) -> Option<RunPhase> {
    let is_its = |spec: &windlass::api::TestRunSpec| {
        spec.environment == BUILD && spec.release_uid == release_uid && spec.build_hash.0 == hash
    };
    world.runs.iter().find(|run| is_its(&run.spec)).and_then(|run| run.status.as_ref()?.phase)
}

/// Whether one of that release's says that its build is bad.
pub fn have_failed(world: &World, release_uid: &str) -> bool {
    let is_failed = |run: &windlass::api::TestRun| run.status.as_ref().and_then(|s| s.phase) == Some(RunPhase::Failed);
    let mut its = world.runs.iter().filter(|run| run.spec.environment == BUILD && run.spec.release_uid == release_uid);
    its.any(|run| is_failed(run))
}

/// Whether a release may enter that stage as far as they go.
pub fn let_in(world: &World, at: usize, release_uid: &str, hash: &str) -> bool {
    let is_asked = world.pipeline.as_ref().is_some_and(|p| !p.spec.tests.is_empty());
    match said(world, release_uid, hash) {
        Some(RunPhase::Failed) => false,
        said => !is_asked || !world.is_first(at) || said == Some(RunPhase::Passed),
    }
}

/// S36, of a rollout that opens.
pub fn opened(world: &World, at: usize, rollout: &Rollout) -> Holds {
    let is_let_in = let_in(world, at, &rollout.release_uid, &rollout.build.0);
    holds(is_let_in, "S36", || format!("{} enters {} and has not passed", rollout.release, STAGES[at]))
}
