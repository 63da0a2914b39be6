//! How much of a release is exposed, and what its present step waits for.

use crate::api::release::ShareStatus;
use crate::api::rollout::{Rollout, Stepping};
use crate::api::{RolloutState, Span, StageStatus};
use crate::plan::check::{self, Checks};
use crate::plan::draft::Draft;
use crate::plan::traffic::replicas;
use crate::plan::world::World;
use crate::plan::writing::seen;
use crate::plan::{interrupt, rollout as states, strategy, summary};

/// The share of a rollout whose build runs in clones; none of any other.
pub(super) fn of(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> Option<ShareStatus> {
    if !rollout.is_apart() || matches!(rollout.state, RolloutState::Preparing(_)) {
        return None;
    }
    let steps = rollout.strategy.steps().len();
    let (step, since) = match &rollout.state {
        RolloutState::Stepping(state) => (state.step as usize, state.since),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_)
        | RolloutState::Reverting(_) => (steps, rollout.exposed_at),
    };
    let pause = states::pause_of(&rollout.strategy, u32::try_from(step).unwrap_or(u32::MAX));
    Some(ShareStatus {
        step: format!("{}/{}", step + 1, steps + 1),
        asked: strategy::asked(rollout),
        real: since.and_then(|_| real(world, stage, rollout)),
        until: since.filter(|_| step < steps && pause.millis() > 0).map(|since| since.plus(pause)),
    })
}

/// The share that the route gives, or the largest that any of its clones has: so many users may meet the new build.
fn real(world: &World<'_>, stage: &StageStatus, rollout: &Rollout) -> Option<u32> {
    if rollout.traffic.is_some() {
        return stage.routed.as_ref().map(|routed| routed.weight);
    }
    let shares = rollout.cloned().filter_map(|plan| {
        let stable = seen(world, &stage.environment, plan)?;
        let clone = strategy::clone(world, &stage.environment, &plan.workload)?;
        Some(replicas::share(clone.wanted, stable.wanted))
    });
    shares.max()
}

fn pause(draft: &Draft, index: usize, state: &Stepping) -> Span {
    let rollout = draft.rollout(index);
    rollout.map_or(Span::seconds(0), |rollout| states::pause_of(&rollout.strategy, state.step))
}

/// What a step does, in words.
pub(super) fn message(
    world: &World<'_>,
    draft: &Draft,
    index: usize,
    state: &Stepping,
    share: Option<&ShareStatus>,
) -> String {
    let Some(share) = share else { return String::new() };
    let step = format!("step {} ({} %)", share.step, share.asked);
    let mut waits = interrupt::progress_text(world, draft, index);
    if let (Checks::Open(why), true, Some(since)) =
        (check::judge(world, draft, index, state.since.unwrap_or(world.now)), waits.is_empty(), state.since)
        && world.is_due(since.plus(pause(draft, index, state)))
    {
        waits = why;
    }
    if let Some(open) = draft.rollout(index).filter(|rollout| rollout.is_testing()).and_then(summary::open_tests) {
        waits = open;
    }
    match (state.since, share.until) {
        (Some(_), Some(until)) if waits.is_empty() && !state.skipped => format!("{step} is watched until {until}"),
        _ if waits.is_empty() => step,
        _ => format!("{step}: {waits}"),
    }
}
