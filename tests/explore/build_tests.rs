//! The suites about the build itself: nothing enters where releases begin before they have passed for it (S36).

use std::sync::Arc;

use windlass::api::stage::{BuildSuite, External};
use windlass::api::test_run::BUILD;
use windlass::api::{Release, Rollout, RunPhase, TestRunSpec};

use crate::safety::{Holds, holds};
use crate::world::{STAGES, World};

pub fn unit() -> BuildSuite {
    BuildSuite { suite: "unit".into(), external: External {}, minimum_coverage: None }
}

/// What the run of that release and build says on the server.
fn said(world: &World, release_uid: &str, hash: &str) -> Option<RunPhase> {
    let is_its =
        |spec: &TestRunSpec| spec.environment == BUILD && spec.release_uid == release_uid && spec.build_hash.0 == hash;
    world.runs.iter().find(|run| is_its(&run.spec)).and_then(|run| run.status.as_ref()?.phase)
}

/// Whether that release's build is bad: its run says so, or was deleted after the Release had been told.
fn has_failed(world: &World, release_uid: &str, hash: &str) -> bool {
    let is_its = |release: &&Arc<Release>| release.metadata.uid.as_deref() == Some(release_uid);
    let status = world.releases.iter().find(is_its).and_then(|release| release.status.as_ref());
    let is_told = status.is_some_and(|s| s.build_tests.iter().any(|row| row.phase == RunPhase::Failed));
    is_told || said(world, release_uid, hash) == Some(RunPhase::Failed)
}

/// Whether a release may enter that stage as far as they go.
pub fn let_in(world: &World, at: usize, release_uid: &str, hash: &str) -> bool {
    let is_asked = world.pipeline.as_ref().is_some_and(|p| !p.spec.tests.is_empty());
    let is_open = !is_asked || !world.is_first(at) || said(world, release_uid, hash) == Some(RunPhase::Passed);
    is_open && !has_failed(world, release_uid, hash)
}

/// S36, of a rollout that opens.
pub fn opened(world: &World, at: usize, rollout: &Rollout) -> Holds {
    let is_let_in = let_in(world, at, &rollout.release_uid, &rollout.build.0);
    holds(is_let_in, "S36", || format!("{} enters {} and has not passed", rollout.release, STAGES[at]))
}
