//! What ends a rollout from outside: deletion, withdrawal, a pin, a head set back, evidence withdrawn, a pause.

use crate::api::checkpoint::StageStatus;
use crate::api::rollout::Rollout;
use crate::api::{Cause, Outcome, RolloutState, Time};

use super::draft::Draft;
use super::health::{self, Judgement};
use super::mutant::{Mutant, is};
use super::strategy::{self, Clones};
use super::upstream::{self, Upstream};
use super::workload::{self, Standing};
use super::world::{World, order, user_of};
use super::{brake, build_suite, check, ending, freeze, head, hook, pin, reference, revert, rollout, suite, writing};

/// Ends the rollout if something outside it says so. True if it did.
pub fn apply(world: &World<'_>, draft: &mut Draft, index: usize) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let Some(rollout) = &stage.rollout else { return false };
    let is_delivered = match rollout.state {
        RolloutState::Reverting(_) => return false,
        RolloutState::Delivered(_) => true,
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Homing(_) => false,
    };
    let Some((cause, why)) = reason(world, draft, stage, rollout) else { return false };
    if cause == Cause::ReleaseDeleted
        && let Some(is_ended) = hurry_home(world, draft, index)
    {
        return is_ended;
    }
    let Some(rollout) = draft.rollout(index) else { return false };
    let is_let_go = match cause {
        Cause::ReleaseDeleted | Cause::PipelineDeleted | Cause::EnvironmentDeleted | Cause::StageRemoved => true,
        Cause::Failed
        | Cause::Aborted
        | Cause::Reverted
        | Cause::Withdrawn
        | Cause::Pinned
        | Cause::HeadMovedBack
        | Cause::EvidenceWithdrawn
        | Cause::Interrupted
        | Cause::Inconclusive => false,
    };
    // what is proven and on its way home comes home; where that takes too long it goes back
    if is_let_go
        && matches!(&rollout.state, RolloutState::Homing(state) if !world.is_due(state.deadline.plus(rollout.drain())))
    {
        return false;
    }
    let stays = is_let_go && is_delivered && !rollout.is_apart();
    // what stays must be well: failing pods are judged to the end of their grace first
    if stays && is_unwell(world, draft, index) {
        return false;
    }
    if stays {
        ending::settle(world, draft, index, Outcome::Delivered, &why);
    } else {
        aim(world, draft, index, cause, &why);
        ending::go_back(world, draft, index, cause, &why, None);
    }
    true
}

/// A pin says where to, whatever ran before.
fn aim(world: &World<'_>, draft: &mut Draft, index: usize, cause: Cause, why: &str) {
    let Some(stage) = draft.status.stages.get_mut(index).filter(|_| cause == Cause::Pinned) else { return };
    if let Some(Ok(target)) = pin::target(world, stage) {
        revert::redirect(stage, target, why);
    }
}

/// Whether anything speaks against a delivered build just now, or did until it asked for leave to go back: the bake judges
/// it. Nobody could answer for a pipeline that is being deleted whether a brake may be passed, so that waits for no leave.
fn is_unwell(world: &World<'_>, draft: &Draft, index: usize) -> bool {
    let Some(stage) = draft.status.stages.get(index) else { return false };
    let Some(rollout) = &stage.rollout else { return false };
    if world.is_pipeline_deleted() && brake::is_held(world, stage) {
        return false;
    }
    let is_asking = brake::asked(stage).is_some() && !world.is_pipeline_deleted();
    let since = rollout.exposed_at.unwrap_or(rollout.started_at);
    is_asking
        || rollout::is_ill(world, stage, rollout)
        || check::is_wavering(world, draft, index, since)
        || check::failure(world, draft, index, since).is_some()
        || suite::failed_later(world, draft, index).is_some()
}

/// A proven build that runs in clones stays although its Release is gone: the workloads are rolled to it. None where it is
/// not proven; else whether anything changed.
fn hurry_home(world: &World<'_>, draft: &mut Draft, index: usize) -> Option<bool> {
    let stage = draft.status.stages.get(index)?;
    let rollout = stage.rollout.as_ref().filter(|rollout| rollout.strategy.clones())?;
    match rollout.state.clone() {
        RolloutState::Homing(_) => Some(false),
        RolloutState::Delivered(state)
            if !is(Mutant::HomeDeaf)
                && (is_unwell(world, draft, index) || rollout::is_unheard(world, draft, index, &state)) =>
        {
            Some(false)
        }
        RolloutState::Delivered(state) => {
            rollout::go_home(world, draft, index, &state);
            Some(true)
        }
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Reverting(_) => None,
    }
}

fn reason(world: &World<'_>, draft: &Draft, stage: &StageStatus, rollout: &Rollout) -> Option<(Cause, String)> {
    if world.is_pipeline_deleted() {
        return Some((Cause::PipelineDeleted, "the pipeline was deleted".into()));
    }
    if world.stage(&stage.environment).is_none() {
        return Some((Cause::StageRemoved, "the stage was taken out of the pipeline".into()));
    }
    let environment = world.place(&stage.environment).and_then(|p| p.environment.as_ref());
    if environment.is_some_and(|e| e.metadata.deletion_timestamp.is_some()) {
        return Some((Cause::EnvironmentDeleted, "the Environment was deleted".into()));
    }
    if let Some(decision) = world.withdrawal(&rollout.release, &rollout.build) {
        return Some((Cause::Withdrawn, format!("withdrawn by {}", user_of(decision))));
    }
    // what is wanted no more goes back, whether or not its Release is there
    let release = world.release(&rollout.release).filter(|k| k.uid == rollout.release_uid);
    let pin = pin::of(world, &stage.environment);
    if let Some(pin) = pin.filter(|_| matches!(pin::target(world, stage), Some(Ok(_)))) {
        return Some((Cause::Pinned, pin::text(pin)));
    }
    if let (Some(head), Some(known)) = (head::mark(draft).filter(|_| pin.is_none()), release)
        && order(&known.mark, &head).is_gt()
    {
        return Some((Cause::HeadMovedBack, format!("the head is {}", head.version)));
    }
    if let Some(why) = build_suite::failure(world, &rollout.release_uid, &rollout.build) {
        return Some((Cause::EvidenceWithdrawn, why));
    }
    if let Upstream::Withdrawn(environment, why) =
        upstream::of(world, draft, &stage.environment, &rollout.release_uid, &rollout.build)
    {
        return Some((Cause::EvidenceWithdrawn, format!("its evidence in {environment} was withdrawn: {why}")));
    }
    let is_readable = !world.snap.unreadable.releases.contains(&rollout.release);
    let is_gone = release.is_none_or(|k| k.release.metadata.deletion_timestamp.is_some());
    (is_readable && is_gone).then(|| (Cause::ReleaseDeleted, "the Release was deleted".into()))
}

/// Whether a person paused the release, or the whole pipeline is suspended.
pub fn is_paused(world: &World<'_>, rollout: &Rollout) -> bool {
    !is(Mutant::PauseIgnored) && world.spec.suspend
        || world
            .release(&rollout.release)
            .is_some_and(|k| k.uid == rollout.release_uid && k.release.spec.paused && !is(Mutant::PauseIgnored))
}

/// Whether a pause since then has lasted longer than the stage, or the operator, allows. On its way home a build is proven: the stage's
/// limit is for what is not.
pub fn is_overlong(world: &World<'_>, rollout: &Rollout, since: Time) -> bool {
    let most = world.snap.settings.max_pause;
    let own = rollout.max_pause.filter(|_| !matches!(rollout.state, RolloutState::Homing(_)));
    world.is_due(since.plus(own.map_or(most, |limit| limit.min(most))))
}

/// Whether no more of it may be exposed just now: paused, or frozen there.
pub fn is_halted(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> bool {
    is_paused(world, rollout) || freeze::is_on(world, stage)
}

/// What the open rollout of a stage waits for, in words.
pub fn progress_text(world: &World<'_>, draft: &Draft, index: usize) -> String {
    let Some(stage) = draft.status.stages.get(index) else { return String::new() };
    let Some(open) = &stage.rollout else { return String::new() };
    if let Some(why) = reference::closed(world, &stage.environment) {
        return why;
    }
    if let Some(hook) = hook::text(world, &stage.environment, open) {
        return hook;
    }
    let marker = writing::marker(open);
    let Some(writing) = writing::writing(world, draft, stage, open, &marker) else { return String::new() };
    if open.is_apart() {
        return match strategy::judge(world, draft, stage, open) {
            Clones::Stand => String::new(),
            Clones::Coming(what) | Clones::Blocked(what) | Clones::Failed(what) => what,
        };
    }
    let step = match &open.state {
        RolloutState::Progressing(state) => state.step as usize,
        RolloutState::Homing(state) => state.step as usize,
        RolloutState::Preparing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Reverting(_) => usize::MAX - 1,
    };
    for plan in open.workloads.iter().take(step + 1) {
        let seen = writing::seen(world, &stage.environment, plan);
        let key = plan.workload.key();
        match (workload::standing(world, seen, plan, writing), seen) {
            (Standing::Wanted, Some(seen)) => match health::judge(world, seen, open.started_at) {
                Judgement::Coming(what) | Judgement::Failed(what) => return what,
                Judgement::Complete => {}
            },
            (Standing::Missing, _) | (_, None) => return format!("{key} does not exist"),
            (Standing::ContainerMissing(name), _) => {
                return format!("ContainerNotFound: {key} has no container {name}");
            }
            (Standing::Unknown(image), _) => return rollout::unknown(&plan.workload, &image),
            (Standing::Unwritten, Some(seen)) => {
                return refusal(world, &stage.environment).unwrap_or_else(|| health::beginning(seen));
            }
            (Standing::Foreign(foreign), _) => return foreign.what,
        }
    }
    String::new()
}

/// Why the server refuses our writes there, if it does, and what a person can do about it.
pub fn refusal(world: &World<'_>, environment: &str) -> Option<String> {
    let said = world.place(environment)?.refusal.as_deref()?;
    let namespace = world.namespace(environment).unwrap_or(environment);
    Some(if said.contains(" is forbidden: User ") {
        format!(
            "forbidden: Windlass has no right to write in namespace {namespace}; list it in the chart's targetNamespaces"
        )
    } else {
        format!("refused in namespace {namespace}: {said}")
    })
}
