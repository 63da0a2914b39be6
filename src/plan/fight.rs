//! Images that a GitOps tool carries in git and puts back: ours are written over it once. The second time within an hour the tool
//! is let be, and people are told.

use crate::api::checkpoint::Reasserted;
use crate::api::pipeline::{ContainerRef, WorkloadRef};
use crate::api::rollout::RolloutWorkload;
use crate::api::{Rollout, RolloutState, Span};
use crate::observe::Workload;

use super::draft::{Draft, clip};
use super::idle;
use super::mutant::{Mutant, is};
use super::workload::{ForeignWrite, Standing};
use super::world::World;
use super::writing;

/// A second write within this time is a fight: of images as of routes.
pub const FIGHT: Span = Span::seconds(3600);

/// Why nothing is sure to keep what Windlass writes.
pub const UNGUARDED: &str = "NoFieldGuard";

/// Notes what a tool wrote since, and that it is put right.
pub fn watch(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let named: Vec<String> = world.spec.workloads.iter().map(WorkloadRef::key).collect();
    stage.reasserted.retain(|line| !world.is_due(line.at.plus(FIGHT)) && named.contains(&line.workload));
    let mut seen = world.place(&stage.environment).into_iter().flat_map(|place| place.workloads.values());
    if !seen.any(|seen| seen.image_writers.values().any(|writer| writer.is_tool)) {
        return;
    }
    // what is banned or withdrawn is not written over anything
    let is_kept = stage.rollout.as_ref().is_none_or(Rollout::is_apart);
    if world.is_pipeline_deleted() || is_kept && idle::is_bad(world, stage) {
        return;
    }
    for foreign in found(world, draft, index) {
        note(world, draft, index, foreign);
    }
}

fn note(world: &World<'_>, draft: &mut Draft, index: usize, foreign: ForeignWrite) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let is_new = line(&stage.reasserted, &foreign.workload).is_none();
    let Some(tool) = foreign.tool.filter(|_| is_new) else { return };
    let seen = world.place(&stage.environment).and_then(|place| place.workloads.get(&foreign.workload));
    let Some(seen) = seen else { return };
    stage.reasserted.push(Reasserted {
        workload: foreign.workload,
        by: clip(&tool, 128),
        generation: seen.generation,
        at: world.now,
    });
    // what the suites say meanwhile is about what the tool wrote
    if let Some(rollout) = stage.rollout.as_mut().filter(|rollout| !rollout.is_apart())
        && let RolloutState::Verifying(state) = &mut rollout.state
    {
        state.changed = Some(world.now);
    }
    let release = stage.current.as_ref().map(|current| current.release.clone()).unwrap_or_default();
    let text = format!("{}: {}; ours is put back once", stage.environment, foreign.what);
    draft.warn(&release, "ImageRewritten", text);
}

/// The line of that workload.
pub fn line<'a>(reasserted: &'a [Reasserted], workload: &str) -> Option<&'a Reasserted> {
    reasserted.iter().find(|line| line.workload == workload)
}

/// Before Windlass writes for the first time: a tool that has written an image, and whether it is kept from writing it again.
pub fn outlook(world: &World<'_>, draft: &Draft) -> Option<(bool, String)> {
    draft.status.stages.iter().find_map(|stage| {
        let place = world.place(&stage.environment)?;
        world.spec.workloads.iter().find_map(|workload| {
            let seen = place.workloads.get(&workload.key()).filter(|seen| seen.attempt.is_none())?;
            let is_tool = |c: &&ContainerRef| seen.image_writers.get(&c.name).is_some_and(|writer| writer.is_tool);
            let container = &workload.containers.iter().find(is_tool)?.name;
            let tool = &seen.image_writers.get(container)?.manager;
            let what =
                format!("{} {} container {container}: {tool} writes its image", stage.environment, workload.key());
            Some(match world.snap.is_guarded {
                true => (true, format!("{what}, and the field guard keeps it once Windlass does")),
                false => {
                    (false, format!("{what}, and no field guard is in force: let {tool} ignore the image (README)"))
                }
            })
        })
    })
}

/// What stands there that is someone else's.
fn found(world: &World<'_>, draft: &Draft, index: usize) -> Vec<ForeignWrite> {
    let Some(stage) = draft.status.stages.get(index) else { return Vec::new() };
    if stage.rollout.as_ref().is_none_or(|rollout| matches!(rollout.state, RolloutState::Preparing(_))) {
        return idle::foreign(world, draft, stage);
    }
    writing::foreigns(&writing::standings(world, draft, index, usize::MAX - 1))
}

/// Whether what stands there is a tool's, and ours has not been written over it yet: our write leaves the line's generation.
pub fn is_put_right(reasserted: &[Reasserted], seen: &Workload, foreign: &ForeignWrite) -> bool {
    let line = line(reasserted, &foreign.workload).filter(|_| foreign.tool.is_some());
    line.is_some_and(|line| seen.reasserted != Some(line.generation) || is(Mutant::FightGoesOn))
}

/// Whether a workload of the rollout runs what a tool wrote, and ours is on its way: nothing there is said about the build.
pub fn is_under_way(world: &World<'_>, draft: &Draft, index: usize, all: &[(RolloutWorkload, Standing)]) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let is_recent = |line: &Reasserted| !world.is_due(line.at.plus(world.snap.settings.reference_grace));
    let is_its = |(plan, standing): &(RolloutWorkload, Standing)| {
        let line = line(&stage.reasserted, &plan.workload.key());
        *standing == Standing::Unwritten && line.is_some_and(is_recent)
    };
    stage.rollout.as_ref().is_some_and(|rollout| !rollout.is_apart()) && all.iter().any(is_its)
}

/// What a stage is held for: a person's write, if there is one.
pub fn gravest(all: Vec<ForeignWrite>) -> Option<ForeignWrite> {
    let at = all.iter().position(|foreign| foreign.tool.is_none()).unwrap_or_default();
    all.into_iter().nth(at)
}
