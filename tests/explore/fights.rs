//! A GitOps tool carries an image in git and puts it back: what it wrote is written over once, and nobody is told of a fight that
//! there was not (S34).

use windlass::api::checkpoint::HoldKind;
use windlass::api::{Outcome, StageStatus, Time};
use windlass::observe::{ImageWriter, Workload};

use crate::budget::{Budget, Kind};
use crate::cluster::is_known;
use crate::safety::{Holds, holds};
use crate::step::{Step, spend};
use crate::world::{Image, STAGES, World, image};

/// What a tool wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Applied {
    place: u8,
    uid: String,
    at: Time,
    /// Ours was written over it, and people have not decided since.
    undone: bool,
    /// Else it is part of how the object was made, and a restoration writes over it.
    known: bool,
}

/// The tool may reconcile.
pub fn steps(budget: &Budget, at: usize, key: &str, workload: &Workload, steps: &mut Vec<Step>) {
    if budget.has(Kind::Apply) && image(workload) != Image::TOOL {
        steps.push(Step::Apply(at, key.to_owned()));
    }
}

/// It applies what git has. The server counts in seconds, and it reconciles seldom enough.
pub fn apply(world: &mut World, at: usize, key: &str) {
    spend(world, Kind::Apply);
    world.now = world.now.plus(windlass::api::Span::seconds(1));
    let writer = ImageWriter { manager: "kustomize-controller".into(), at: Some(world.now), is_tool: true };
    let mut uid = String::new();
    world.edit(at, key, |w| {
        w.images.insert("app".into(), Image::TOOL.text());
        w.image_writers.insert("app".into(), writer);
        w.generation += 1;
        uid.clone_from(&w.uid);
    });
    let (place, now, known) = (at as u8, world.now, is_known(world, at, &uid));
    let ghost = world.ghost();
    // it is the tool's now, whoever wrote before
    ghost.by_hand.iter_mut().filter(|h| h.uid == uid).for_each(|h| h.binds = false);
    ghost.applied.push(Applied { place, uid, at: now, undone: false, known });
}

/// S34: an image of a tool is written over once, until people have decided or an hour has gone by.
pub fn written(world: &mut World, place: usize, key: &str) -> Holds {
    let Some(seen) = world.places[place].workloads.get(key).filter(|w| image(w) == Image::TOOL) else { return Ok(()) };
    let (uid, now) = (seen.uid.clone(), world.now);
    let is_recent = |a: &&mut Applied| a.known && a.uid == uid && now.since(a.at).millis() < 3_600_000;
    let mut known: Vec<&mut Applied> = world.ghost().applied.iter_mut().filter(is_recent).collect();
    let is_fight = known.iter().any(|a| a.undone);
    if let Some(last) = known.last_mut() {
        last.undone = true;
    }
    holds(!is_fight, "S34", || format!("{} {key}: a tool is written over again and again", STAGES[place]))
}

/// S34: a stage is contested only where a tool wrote twice. What was taken as it is begins anew.
pub fn told(world: &mut World, at: usize, before: &StageStatus, stage: &StageStatus) -> Holds {
    let is_so = |s: &StageStatus| s.held.as_ref().is_some_and(|h| h.kind == HoldKind::ImageContested);
    let writes = world.ghost.applied.iter().filter(|a| usize::from(a.place) == at).count();
    let is_true = is_so(before) || !is_so(stage) || writes > 1;
    holds(is_true, "S34", || format!("{} is contested after {writes} writes", STAGES[at]))?;
    let added = &stage.history[before.history.len().min(stage.history.len())..];
    if added.iter().any(|entry| entry.outcome == Outcome::Adopted) {
        forget(world, at);
    }
    Ok(())
}

/// People have decided: it may be put right once more.
pub fn decided(world: &mut World, at: usize) {
    world.ghost().applied.iter_mut().filter(|a| usize::from(a.place) == at).for_each(|a| a.undone = false);
}

/// What runs is taken as it is.
pub fn forget(world: &mut World, at: usize) {
    world.ghost().applied.retain(|a| usize::from(a.place) != at);
}

/// Whether a tool wrote there.
pub fn is_there(world: &World, at: usize) -> bool {
    world.ghost.applied.iter().any(|a| usize::from(a.place) == at)
}
