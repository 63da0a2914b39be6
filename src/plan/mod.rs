//! What follows from what is seen: `plan(&Snapshot, now) -> Plan`. Pure, total, deterministic: no client, no clock, no async.
//!
//! A pass does one of two things. Either the checkpoint (the pipeline's status) takes a step, and nothing else is
//! written; or the checkpoint stands, and the effects that it asks for are carried out. So every effect follows from a
//! checkpoint that is stored, and a crash anywhere leaves nothing that the next pass would not find.
//!
//! A release's way through the files: `adoption` (what runs), `head` and `decision` (what people want), `gate` and
//! `promotion` (what may enter), `rollout` with `workload`, `suite` and `check` (how it goes), `interrupt` and `ending` (how it
//! ends), `idle` (nothing under way); then `effects` with `writing`, `images` and `evidence`, and `release` (what people read).

pub mod action;
mod adoption;
mod again;
mod approval;
mod brake;
mod build;
mod build_suite;
mod capacity;
mod check;
mod cleanup;
mod conditions;
mod decision;
mod draft;
mod effects;
mod ending;
mod environment;
mod evidence;
mod fight;
mod freeze;
mod gate;
mod head;
mod health;
mod hook;
mod idle;
mod images;
mod interrupt;
mod job;
mod measuring;
pub mod mutant;
mod opening;
mod origin;
mod orphan;
mod pin;
mod preflight;
mod promotion;
mod reach;
mod record;
mod reference;
mod release;
mod report;
mod residence;
mod revert;
mod rollout;
mod schema;
mod strategy;
mod suite;
mod summary;
mod term;
#[cfg(test)]
mod tests;
mod traffic;
mod upstream;
mod verdict;
mod waiting;
mod window;
mod workload;
mod world;
mod writing;

use crate::api::Time;
use crate::observe::Snapshot;

pub use action::{
    Action, Confirm, CreateClone, CreateJob, Kind, Note, Plan, PutRoute, PutService, ScaleClone, SetImages, Stands,
    Step, Target,
};
pub use environment::environment;
pub use measuring::{Ask, Endpoint, Measure, Metric, Names, Stable, measures};
pub use origin::{OriginAsk, origins};
pub use orphan::{left_lock, orphan_clone, orphan_decision, orphan_job, orphan_release, orphan_routing};
pub use waiting::waits;

use draft::Draft;
use mutant::{Mutant, is};
use world::World;

/// The decision.
pub fn plan(snapshot: &Snapshot, now: Time) -> Plan {
    let world = World::new(snapshot, now);
    let touches = term::touches(&world);
    if !touches.is_empty() {
        return Plan { step: Step::TakeOver(touches), wake_at: None };
    }
    let next = checkpoint(&world);
    let stored = snapshot.pipeline.status.as_ref();
    let is_early = is(Mutant::RevertUnrecorded) && next.status.stages.iter().any(is_turning);
    let step = if stored == Some(&next.status) || is_early {
        Step::Effects(effects::effects(&world, &next))
    } else {
        Step::Checkpoint { status: Box::new(next.status), notes: next.notes }
    };
    Plan { step, wake_at: world.wake_at() }
}

/// The checkpoint as it ought to be.
fn checkpoint(world: &World<'_>) -> Draft {
    let mut draft = Draft::of(world);
    if !world.is_pipeline_deleted() {
        adoption::adopt(world, &mut draft);
        head::follow(world, &mut draft);
    }
    schema::note(world, &mut draft);
    decision::decide(world, &mut draft);
    freeze::note(world, &mut draft);
    for index in 0..draft.status.stages.len() {
        preflight::note(world, &mut draft, index);
        idle::later_failures(world, &mut draft, index);
        traffic::fight::watch(world, &mut draft, index);
        fight::watch(world, &mut draft, index);
        rollout::advance(world, &mut draft, index);
        idle::watch(world, &mut draft, index);
    }
    // what has broken a residence counts now, and so does what starts
    residence::note(world, &mut draft);
    promotion::start(world, &mut draft);
    residence::note(world, &mut draft);
    cleanup::trim(world, &mut draft);
    preflight::tell(world, &mut draft);
    conditions::settle(world, &mut draft);
    draft
}

/// For a mutant: whether the stage is on its way back.
fn is_turning(stage: &crate::api::StageStatus) -> bool {
    stage.rollout.as_ref().is_some_and(|r| !effects::is_forward(r))
}
