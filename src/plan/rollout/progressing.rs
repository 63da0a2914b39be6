//! On the way to full exposure: one workload after the other, each judged until it serves in full.

use super::verifying::expose;
use super::{pause, set_state};
use crate::api::pipeline::WorkloadRef;
use crate::api::rollout::{Progressing, RolloutWorkload};
use crate::api::{Cause, RolloutState, Time};
use crate::plan::draft::Draft;
use crate::plan::health::{self, Judgement};
use crate::plan::mutant::{Mutant, is};
use crate::plan::workload::Standing;
use crate::plan::world::World;
use crate::plan::writing::{foreign, seen, standings};
use crate::plan::{check, ending, interrupt, reference};

pub fn advance(world: &World<'_>, draft: &mut Draft, index: usize, state: Progressing) {
    let step = state.step as usize;
    let standings = standings(world, draft, index, step);
    if let Some(found) = foreign(&standings) {
        return ending::foreign(world, draft, index, &found);
    }
    let Some(stage) = draft.status.stages.get(index) else { return };
    let Some(rollout) = &stage.rollout else { return };
    let environment = stage.environment.clone();
    let started = rollout.started_at;
    let way = match judged(world, &environment, &standings, started) {
        Ok(way) => way,
        Err(why) => return ending::go_back(world, draft, index, Cause::Failed, &why, None),
    };
    if let Some(why) = check::failure(world, draft, index, started) {
        return ending::go_back(world, draft, index, Cause::Failed, &why, None);
    }
    let is_unwritten = standings.get(step).is_some_and(|(_, s)| *s == Standing::Unwritten);
    // what was set before the pause is judged on; only the next workload and the deadline wait
    if is_unwritten && interrupt::is_halted(world, stage, rollout) {
        let stopped = RolloutState::Progressing(Progressing { paused: Some(world.now), ..state });
        return pause(world, draft, index, state.paused, stopped);
    }
    if let Some(since) = state.paused.filter(|_| !is(Mutant::PauseSticks)) {
        let deadline = state.deadline.plus(world.now.since(since));
        return set_state(draft, index, RolloutState::Progressing(Progressing { deadline, paused: None, ..state }));
    }
    match way {
        Way::Complete => next_step(world, draft, index, state),
        Way::Coming | Way::Blocked(_) if !world.is_due(state.deadline) => {}
        Way::Blocked(why) => ending::go_back(world, draft, index, Cause::Inconclusive, &why, None),
        Way::Coming => {
            let unwritten = standings.iter().find(|(_, s)| *s == Standing::Unwritten).map(|(plan, _)| plan);
            let mut seen = standings.iter().filter_map(|(plan, _)| seen(world, &environment, plan));
            let is_shown = seen.any(health::has_unready_pod);
            too_late(world, draft, index, &environment, unwritten, is_shown);
        }
    }
}

/// The deadline has passed. What could not be written says nothing about the build, and neither does a workload of which
/// no new pod is to blame: none was made, or all of them are ready and something else keeps the rest.
pub fn too_late(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    environment: &str,
    unwritten: Option<&RolloutWorkload>,
    is_shown: bool,
) {
    let unwritten = unwritten.map(|plan| format!("the images of {} could not be written", plan.workload.key()));
    let (cause, why) = match reference::barred(world, environment).map(|problem| problem.message).or(unwritten) {
        Some(why) => (Cause::Inconclusive, why),
        None => {
            let text = interrupt::progress_text(world, draft, index);
            let cause = if is_shown { Cause::Failed } else { Cause::Inconclusive };
            (cause, format!("progress deadline passed: {text}"))
        }
    };
    ending::go_back(world, draft, index, cause, &why, None);
}

/// What is said of a workload for which the pipeline names no image any more.
pub fn unknown(workload: &WorkloadRef, image: &str) -> String {
    format!("{}: spec.images has no entry {image} any more", workload.key())
}

/// How the workloads up to the present step do together.
enum Way {
    /// All of them run the new images in full.
    Complete,
    Coming,
    /// One is gone, lacks a container, or may not be written to: in words.
    Blocked(String),
}

/// Judges what was written so far; an error says why the new revision failed.
fn judged(
    world: &World<'_>,
    environment: &str,
    standings: &[(RolloutWorkload, Standing)],
    started: Time,
) -> Result<Way, String> {
    let mut is_complete = !standings.is_empty();
    let mut blocked = None;
    let skipped = if is(Mutant::OneJudged) { standings.len().saturating_sub(1) } else { 0 };
    for (plan, standing) in standings.iter().skip(skipped) {
        match (standing, seen(world, environment, plan)) {
            (Standing::Wanted, Some(seen)) => match health::judge(world, seen, started) {
                Judgement::Failed(why) => return Err(why),
                Judgement::Complete => {}
                Judgement::Coming(_) => is_complete = false,
            },
            (Standing::Missing, _) => blocked = Some(format!("{} is gone", plan.workload.key())),
            (Standing::ContainerMissing(name), _) => {
                blocked = Some(format!("ContainerNotFound: {} has no container {name}", plan.workload.key()));
            }
            (Standing::Unknown(image), _) => blocked = Some(unknown(&plan.workload, image)),
            (Standing::Unwritten, _) => {
                // what the server does not let us write says nothing about the build
                blocked = blocked.or_else(|| interrupt::refusal(world, environment));
                is_complete = false;
            }
            (Standing::Foreign(_), _) | (Standing::Wanted, None) => is_complete = false,
        }
    }
    let way = if is_complete { Way::Complete } else { Way::Coming };
    // a place that lets nobody in looks empty: what it says comes first
    Ok(reference::closed(world, environment).or(blocked).map_or(way, Way::Blocked))
}

/// The workload of this step runs the new images in full: the next one, or full exposure.
fn next_step(world: &World<'_>, draft: &mut Draft, index: usize, state: Progressing) {
    let Some(rollout) = draft.status.stages.get_mut(index).and_then(|s| s.rollout.as_mut()) else { return };
    if (state.step as usize) + 1 < rollout.workloads.len() && !is(Mutant::StepSkipped) {
        return set_state(draft, index, RolloutState::Progressing(Progressing { step: state.step + 1, ..state }));
    }
    expose(world, draft, index);
}
