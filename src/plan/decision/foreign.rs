//! Adopt and Restore: what becomes of an image that someone else wrote.

use crate::api::pipeline::Pin;
use crate::api::{Cause, Decision};
use crate::plan::draft::Draft;
use crate::plan::world::{World, user_of};
use crate::plan::{adoption, ending, pin, revert, schema};

use super::Answer;

fn external(draft: &Draft, index: usize) -> Result<(), Answer> {
    let is_held = draft.status.stages.get(index).is_some_and(|stage| stage.foreign().is_some());
    is_held.then_some(()).ok_or_else(|| Answer::refused("nobody else wrote an image there"))
}

pub(super) fn adopt(world: &World<'_>, draft: &mut Draft, index: usize, decision: &Decision) -> Answer {
    if let Err(refused) = external(draft, index) {
        return refused;
    }
    let Some(stage) = draft.status.stages.get_mut(index) else { return Answer::Stands };
    let Some(row) = adoption::found_now(world, &stage.environment) else { return Answer::Stands };
    // it would be written over at once
    let is_met = |pin: &&Pin| revert::named(world, stage, &pin.release).is_ok();
    if let Some(pin) = pin::of(world, &stage.environment).filter(is_met) {
        return Answer::Refused(pin::refusal(pin));
    }
    ending::adopt_found(world, stage, &row, user_of(decision));
    draft.keep(&row);
    Answer::applied("what runs is taken as it is")
}

pub(super) fn restore(world: &World<'_>, draft: &mut Draft, index: usize, decision: &Decision) -> Answer {
    if let Err(refused) = external(draft, index) {
        return refused;
    }
    let Some(stage) = draft.status.stages.get(index) else { return Answer::Stands };
    let Some(target) = stage.current.clone() else {
        return Answer::refused("there is nothing of ours to put back; decide Adopt");
    };
    if world.is_bad(stage, &target.release, &target.build) {
        let name = ending::name_of(&target);
        return Answer::refused(format!("{name}, which ran before, is banned or withdrawn; decide Adopt"));
    }
    if let Some(why) = schema::problem(stage, &target) {
        return Answer::refused(format!("{why}; decide Adopt"));
    }
    let Some(row) = adoption::found_now(world, &stage.environment) else { return Answer::Stands };
    let leaving = ending::found_live(world, stage, &row);
    let what = format!("{} is put back", ending::name_of(&target));
    let before = stage.held.clone().and_then(|hold| ending::under(world, hold)).filter(|h| h.newest.is_some());
    draft.keep(&row);
    let why = format!("restored by {}", user_of(decision));
    revert::open_from(world, draft, index, leaving, target, Cause::Reverted, &why, None);
    if let Some(stage) = draft.status.stages.get_mut(index) {
        stage.held = before;
        stage.reasserted.clear();
    }
    Answer::applied(what)
}
