//! Images that a GitOps tool carries in git and puts back: ours are written over it once. The second time within an hour the tool
//! is let be, and people are told.

use crate::api::Span;
use crate::api::checkpoint::Reasserted;
use crate::api::pipeline::ContainerRef;
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
    stage.reasserted.retain(|last| !world.is_due(last.at.plus(FIGHT)));
    for foreign in found(world, draft, index) {
        let Some(stage) = draft.status.stages.get_mut(index) else { return };
        let is_known = stage.reasserted.iter().any(|last| last.workload == foreign.workload);
        let Some(tool) = foreign.tool.filter(|_| !is_known) else { continue };
        let seen = world.place(&stage.environment).and_then(|place| place.workloads.get(&foreign.workload));
        let Some(seen) = seen else { continue };
        stage.reasserted.push(Reasserted {
            workload: foreign.workload,
            by: clip(&tool.manager, 128),
            generation: seen.generation,
            written: tool.at,
            at: world.now,
        });
        let release = stage.current.as_ref().map(|current| current.release.clone()).unwrap_or_default();
        let text = format!("{}: {}; ours is put back once", stage.environment, foreign.what);
        draft.warn(&release, "ImageRewritten", text);
    }
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
    let all = writing::standings(world, draft, index, usize::MAX - 1);
    if all.is_empty() {
        return idle::foreign(world, draft, stage);
    }
    let foreign = |(_, standing)| if let Standing::Foreign(foreign) = standing { Some(foreign) } else { None };
    all.into_iter().filter_map(foreign).collect()
}

/// Whether what stands there is the write that is put right, and no later one.
pub fn is_put_right(reasserted: &[Reasserted], seen: &Workload, foreign: &ForeignWrite) -> bool {
    let Some(tool) = &foreign.tool else { return false };
    let is_it = |last: &&Reasserted| last.workload == foreign.workload;
    let is_same =
        |last: &Reasserted| last.generation == seen.generation || last.written.is_some() && last.written == tool.at;
    reasserted.iter().find(is_it).is_some_and(|last| is_same(last) || is(Mutant::FightGoesOn))
}
