//! The projection of the checkpoint on one Release: where it stands in each stage, what it waits for, and why it ended.

mod earlier;
mod share;
mod stage;

use crate::api::checkpoint::Mark;
use crate::api::release::{ReleaseStage, ReleaseStatus};
use crate::api::stage::Stage;
use crate::api::{Cause, Origin, Phase, RunPhase, StageStatus};

use super::conditions::{self, Standing};
use super::draft::{Draft, clip};
use super::mutant::{Mutant, is};
use super::world::{Known, World, order};
use super::{build_suite, head, origin, reach};
use stage::stage;

/// A suite about the build itself failed.
const BUILD_TEST_FAILED: &str = "BuildTestFailed";

/// The whole status of a release.
pub fn status(world: &World<'_>, draft: &Draft, known: &Known<'_>) -> ReleaseStatus {
    let old = known.release.status.clone().unwrap_or_default();
    let generation = known.release.metadata.generation.unwrap_or_default();
    // behind the stage in which it ends there is nothing to tell, unless it was there before
    let is_to_tell = |s: &ReleaseStage| !s.attempt.is_empty() || !reach::is_beyond(world, known, &s.environment);
    let stages = (0..draft.status.stages.len()).filter_map(|i| stage(world, draft, i, known, &old));
    let mut stages: Vec<ReleaseStage> = stages.filter(is_to_tell).collect();
    earlier::trim(&mut stages);
    let furthest = stages.iter().rposition(|s| s.phase != Phase::Waiting && !s.attempt.is_empty()).or_else(|| {
        let last = stages.iter().rposition(|s| !matches!(s.phase, Phase::Waiting | Phase::Superseded));
        last.or(if stages.is_empty() { None } else { Some(0) })
    });
    let here = furthest.and_then(|i| stages.get(i));
    let standing = standing(world, head::mark(draft).as_ref(), known, &stages, here);
    let (is_delivered, delivered) = delivered(world, draft, known, &stages, here);
    let mut conditions = conditions::of(standing.clone(), &old.conditions, generation, world.now);
    let (status, reason, message) = delivered;
    conditions.push(conditions::condition(
        &old.conditions,
        "Delivered",
        status,
        &reason,
        &message,
        generation,
        world.now,
    ));
    let ends = reach::ends(world, known).unwrap_or_default();
    let build_tests = build_suite::summaries(world, known);
    let of_stages = stages.iter().rev().map(|s| s.tests.as_slice());
    let tests = of_stages.chain([build_tests.as_slice()]).find(|tests| !tests.is_empty()).map(|tests| {
        let passed = tests.iter().filter(|t| t.phase == RunPhase::Passed).count();
        format!("{passed}/{}", tests.len())
    });
    let waiting = waiting_for(&stages, here, &standing);
    ReleaseStatus {
        observed_generation: generation,
        build_hash: Some(known.hash.clone()),
        phase: here.map(|s| s.phase),
        stage: here.map(|s| s.environment.clone()),
        waiting_for: waiting.map(|w| clip(&w, 512)),
        tests,
        by: by(known),
        origin: origin(world, draft, known, old.origin),
        delivered_at: if is_delivered {
            let is_end = |s: &&ReleaseStage| ends.iter().any(|end| end.environment == s.environment);
            stages.iter().filter(is_end).filter_map(|s| s.delivered_at).max().or(old.delivered_at)
        } else {
            old.delivered_at
        },
        conditions,
        build_tests,
        stages,
    }
}

/// The person who asked for it, else who wrote its commit.
fn by(known: &Known<'_>) -> Option<String> {
    let author = || known.release.spec.build.source.as_ref().and_then(|source| source.author.clone());
    known.requester().map(str::to_owned).or_else(author)
}

/// The head that asks for it comes before the manifest by which it came once.
fn origin(world: &World<'_>, draft: &Draft, known: &Known<'_>, before: Option<Origin>) -> Option<Origin> {
    match draft.status.head.as_ref().filter(|head| head.release == known.name()) {
        Some(head) => head.origin.clone(),
        None => before.or_else(|| origin::of(world, &known.release.metadata)),
    }
}

/// Whether a stage's end is a failure of the release, rather than a person's wish or a newer release.
fn is_bad(stage: &ReleaseStage) -> bool {
    let is_failure = |cause: Cause| stage.reason == format!("{cause:?}");
    match stage.phase {
        Phase::Failed | Phase::Withdrawn => true,
        Phase::Reverted => {
            is_failure(Cause::Failed) || is_failure(Cause::EvidenceWithdrawn) || is_failure(Cause::Inconclusive)
        }
        Phase::Waiting
        | Phase::Preparing
        | Phase::Progressing
        | Phase::Verifying
        | Phase::Delivered
        | Phase::Unverified
        | Phase::Reverting
        | Phase::Superseded => false,
    }
}

fn standing(
    world: &World<'_>,
    head: Option<&Mark>,
    known: &Known<'_>,
    stages: &[ReleaseStage],
    here: Option<&ReleaseStage>,
) -> Standing {
    let ready = |reason: &str, message: &str| Standing::Ready { reason: reason.into(), message: message.into() };
    // above the head nothing is wanted
    let is_wanted = |k: &&Known<'_>| head.is_none_or(|head| order(&k.mark, head).is_le());
    let is_newest = world.releases.iter().rev().find(is_wanted).is_some_and(|newest| newest.uid == known.uid);
    if let Err(why) = &known.build
        && (is_untried(stages) || is_newest && stages.iter().any(|s| s.phase == Phase::Waiting))
    {
        return Standing::Stalled { reason: "InvalidBuild".into(), message: why.clone() };
    }
    if let Err(why) = reach::ends(world, known)
        && (is_untried(stages) || is_newest && stages.iter().any(|s| s.phase == Phase::Waiting))
    {
        return Standing::Stalled { reason: "InvalidLastStage".into(), message: why };
    }
    if let Some(changing) = stages.iter().find(|s| is_changing(s)) {
        return Standing::Reconciling {
            reason: format!("{:?}", changing.phase),
            message: format!("{}: {}", changing.environment, changing.message),
        };
    }
    if let Some(message) = build_suite::failure(world, known.uid, &known.hash) {
        let reason = BUILD_TEST_FAILED.to_owned();
        return if is_newest { Standing::Stalled { reason, message } } else { Standing::Ready { reason, message } };
    }
    if let Some(bad) = stages.iter().rev().find(|s| is_bad(s)) {
        let reason = if bad.phase == Phase::Reverted { "Reverted".to_owned() } else { format!("{:?}", bad.phase) };
        let message = format!("{}: {}", bad.environment, bad.message);
        return if is_newest { Standing::Stalled { reason, message } } else { Standing::Ready { reason, message } };
    }
    match here {
        Some(here) => ready(&format!("{:?}", here.phase), &here.message),
        None => ready("Waiting", "its pipeline has no stages in sight yet"),
    }
}

/// It has not entered any stage, and none has passed it by. What was delivered under an earlier spec.images is history.
fn is_untried(stages: &[ReleaseStage]) -> bool {
    stages.iter().all(|s| s.phase == Phase::Waiting)
}

fn is_changing(stage: &ReleaseStage) -> bool {
    match stage.phase {
        Phase::Preparing | Phase::Progressing => !["Paused", "Frozen"].contains(&stage.reason.as_str()),
        Phase::Reverting => true,
        Phase::Verifying => is(Mutant::WaitReconciles),
        Phase::Waiting
        | Phase::Delivered
        | Phase::Unverified
        | Phase::Reverted
        | Phase::Superseded
        | Phase::Withdrawn
        | Phase::Failed => false,
    }
}

type DeliveredCondition = (&'static str, String, String);

/// The goal itself: live and proven at the end of its way.
fn delivered(
    world: &World<'_>,
    draft: &Draft,
    known: &Known<'_>,
    stages: &[ReleaseStage],
    here: Option<&ReleaseStage>,
) -> (bool, DeliveredCondition) {
    let ends = reach::ends(world, known).unwrap_or_default();
    let is_there = |stage: &StageStatus| conditions::is_delivered(stage, known.name(), &known.hash);
    let is_live = |end: &&Stage| draft.stage(&end.environment).is_some_and(is_there);
    if !ends.is_empty() && ends.iter().all(is_live) {
        return (true, ("True", "Delivered".into(), "live and proven at the end of its way".into()));
    }
    let is_over =
        |s: &&ReleaseStage| matches!(s.phase, Phase::Reverted | Phase::Superseded | Phase::Withdrawn | Phase::Failed);
    let ended = stages
        .iter()
        .rev()
        .find(|s| is_bad(s))
        .or_else(|| stages.last().filter(is_over))
        .or_else(|| here.filter(is_over));
    if let Some(why) = build_suite::failure(world, known.uid, &known.hash) {
        return (false, ("False", BUILD_TEST_FAILED.into(), why));
    }
    match (ended, &known.build) {
        (None, Err(why)) => (false, ("False", "InvalidBuild".into(), why.clone())),
        (Some(ended), _) => {
            (false, ("False", format!("{:?}", ended.phase), format!("{}: {}", ended.environment, ended.message)))
        }
        (None, Ok(_)) => (false, ("Unknown", "UnderWay".into(), String::new())),
    }
}

fn waiting_for(stages: &[ReleaseStage], here: Option<&ReleaseStage>, standing: &Standing) -> Option<String> {
    if let Standing::Stalled { reason, message } = standing
        && reason == "InvalidBuild"
    {
        return Some(message.clone());
    }
    if let Some(moving) = stages
        .iter()
        .find(|s| matches!(s.phase, Phase::Preparing | Phase::Progressing | Phase::Verifying | Phase::Reverting))
    {
        return Some(moving.message.clone());
    }
    if let Some(bad) = stages.iter().rev().find(|s| is_bad(s)) {
        return Some(bad.message.clone());
    }
    // the cause of an end, also where a person wished it, before what later stages lack because of it
    if let Some(end) =
        here.filter(|h| matches!(h.phase, Phase::Reverted | Phase::Unverified | Phase::Failed | Phase::Withdrawn))
    {
        return Some(end.message.clone());
    }
    stages.iter().find(|s| s.phase == Phase::Waiting).map(|open| open.message.clone())
}
