//! One release in one stage: under way, live, waiting behind its gates, or ended.

use crate::api::release::{GateStatus, ReleaseStage, ReleaseStatus};
use crate::api::rollout::{Baking, Rollout};
use crate::api::{HistoryEntry, Live, Outcome, Phase, RolloutState, StageStatus, Time};
use crate::plan::check::{self, Checks};
use crate::plan::draft::{Draft, clip};
use crate::plan::gate::{Candidate, GATES, State};
use crate::plan::world::{Known, World, created, user_of};
use crate::plan::{brake, freeze, hook, interrupt, record, summary};

use super::{earlier, share};

/// Where the release stands in the stage; `old` is what its status said before.
pub(super) fn stage(
    world: &World<'_>,
    draft: &Draft,
    index: usize,
    known: &Known<'_>,
    old: &ReleaseStatus,
) -> Option<ReleaseStage> {
    let stage = draft.status.stages.get(index)?;
    let before = old.stages.iter().find(|s| s.environment == stage.environment);
    let told = before.map(|b| b.decisions.as_slice()).unwrap_or_default();
    let decisions = record::of(world, draft, &stage.environment, known, told);
    let now = standing(world, draft, index, stage, known, before);
    let earlier = earlier::of(world, stage, known, before, &now.attempt);
    let now = match earlier::as_last(before, &now.attempt) {
        Some(before) => standing(world, draft, index, stage, known, Some(&before)),
        None => now,
    };
    Some(ReleaseStage { decisions, earlier, ..now })
}

fn standing(
    world: &World<'_>,
    draft: &Draft,
    index: usize,
    stage: &StageStatus,
    known: &Known<'_>,
    before: Option<&ReleaseStage>,
) -> ReleaseStage {
    let rollout = stage.rollout.as_ref().filter(|r| r.release == known.name() && r.release_uid == known.uid);
    if let Some(rollout) = rollout {
        return under_way(world, draft, index, stage, rollout, before);
    }
    let current = stage.current.as_ref().filter(|c| c.release == known.name() && known.hash == c.build);
    if let Some(current) = current.filter(|_| !is_replaced(stage)) {
        return live(world, stage, current, before);
    }
    let spec = world.stage(&stage.environment);
    if let Some(candidate) = spec.and_then(|spec| Candidate::of(world, draft, index, spec, known)) {
        return waiting(world, stage, &candidate, before);
    }
    ended(world, stage, known, before)
}

/// A newer one is delivered there, though its bake goes on.
fn is_replaced(stage: &StageStatus) -> bool {
    stage.rollout.as_ref().is_some_and(|r| matches!(r.state, RolloutState::Delivered(_) | RolloutState::Homing(_)))
}

pub(super) fn blank(environment: &str, phase: Phase) -> ReleaseStage {
    ReleaseStage {
        environment: environment.to_owned(),
        phase,
        reason: String::new(),
        message: String::new(),
        attempt: String::new(),
        gates: Vec::new(),
        exposure: None,
        tests: Vec::new(),
        hooks: Vec::new(),
        decisions: Vec::new(),
        earlier: Vec::new(),
        started_at: None,
        exposed_at: None,
        delivered_at: None,
        finished_at: None,
    }
}

/// What an attempt left in the old status, or nothing if that was another attempt.
fn carried(before: Option<&ReleaseStage>, environment: &str, phase: Phase, attempt: &str) -> ReleaseStage {
    match before.filter(|b| b.attempt == attempt && !attempt.is_empty()) {
        Some(before) => {
            let (reason, message, gates) = (String::new(), String::new(), Vec::new());
            ReleaseStage { phase, reason, message, gates, exposure: None, ..before.clone() }
        }
        None => ReleaseStage { attempt: attempt.to_owned(), ..blank(environment, phase) },
    }
}

fn under_way(
    world: &World<'_>,
    draft: &Draft,
    index: usize,
    stage: &StageStatus,
    rollout: &Rollout,
    before: Option<&ReleaseStage>,
) -> ReleaseStage {
    let environment = &stage.environment;
    let mut out = carried(before, environment, Phase::Progressing, &rollout.attempt);
    out.started_at = Some(rollout.started_at);
    out.exposed_at = rollout.exposed_at;
    if !rollout.suites.is_empty() {
        out.tests = rollout.suites.iter().map(|s| summary::of(world, environment, rollout, s)).collect();
    }
    out.hooks = rollout.hooks.iter().filter_map(summary::of_hook).collect();
    out.exposure = share::of(world, stage, rollout);
    match &rollout.state {
        RolloutState::Preparing(state) => {
            out.phase = Phase::Preparing;
            out.message = interrupt::progress_text(world, draft, index);
            say_halted(&mut out, world, stage, state.paused);
        }
        RolloutState::Stepping(state) => {
            out.message = share::message(world, draft, index, state, out.exposure.as_ref());
            say_halted(&mut out, world, stage, state.paused);
        }
        RolloutState::Homing(state) => {
            out.phase = Phase::Delivered;
            out.reason = "Homing".into();
            out.message = format!("the workloads are rolled to it; {}", interrupt::progress_text(world, draft, index));
            if let Some(frozen) = freeze::stops(world, stage) {
                out.message = format!("{frozen}; {}", out.message);
            }
            out.delivered_at = Some(state.delivered);
        }
        RolloutState::Progressing(state) => {
            out.message = interrupt::progress_text(world, draft, index);
            say_halted(&mut out, world, stage, state.paused);
        }
        RolloutState::Verifying(_) => {
            out.phase = Phase::Verifying;
            out.message = proof_text(world, draft, index, environment, rollout);
        }
        RolloutState::Delivered(state) => {
            out.phase = Phase::Delivered;
            out.reason = "Baking".into();
            out.message = bake_text(world, draft, index, environment, state);
            out.delivered_at = Some(state.since);
        }
        RolloutState::Reverting(state) => {
            out.phase = Phase::Reverting;
            out.reason = format!("{:?}", state.ending.cause);
            out.message.clone_from(&state.ending.message);
            if let Some(hook) = hook::text(world, environment, rollout) {
                out.message = format!("{}; {hook}", out.message);
            }
        }
    }
    out.message = clip(&out.message, 512);
    out
}

/// Nothing more of it is exposed, because it is paused or its environment is frozen.
fn say_halted(out: &mut ReleaseStage, world: &World<'_>, stage: &StageStatus, paused: Option<Time>) {
    if paused.is_none() {
        return;
    }
    let frozen = freeze::stops(world, stage);
    out.reason = if frozen.is_some() { "Frozen".into() } else { "Paused".into() };
    out.message = format!("{}; {}", frozen.as_deref().unwrap_or("paused"), out.message);
}

/// What is still to come before it is proven.
fn proof_text(world: &World<'_>, draft: &Draft, index: usize, environment: &str, rollout: &Rollout) -> String {
    let since = rollout.exposed_at.unwrap_or(rollout.started_at);
    let checks = || match check::judge(world, draft, index, since) {
        Checks::Open(why) | Checks::Failed(why) => why,
        Checks::Passed => interrupt::progress_text(world, draft, index),
    };
    let waits = hook::text(world, environment, rollout).or_else(|| summary::open_tests(rollout)).unwrap_or_else(checks);
    interrupt::refusal(world, environment).unwrap_or(waits)
}

/// What its bake waits for, or what its way back waits for.
fn bake_text(world: &World<'_>, draft: &Draft, index: usize, environment: &str, state: &Baking) -> String {
    match &state.revert {
        Some(request) => format!("{}; {}", request.reason, brake::waits(world, environment)),
        None => {
            let remark = check::remark(world, draft, index).map(|remark| format!("; {remark}")).unwrap_or_default();
            format!("health is judged until {}{remark}", state.until)
        }
    }
}

fn live(world: &World<'_>, stage: &StageStatus, current: &Live, before: Option<&ReleaseStage>) -> ReleaseStage {
    let last = stage.history.iter().rev().find(|e| e.release == current.release && e.outcome.is_terminal());
    let phase = match (current.healthy, last.map(|e| e.outcome)) {
        (true, _) => Phase::Delivered,
        (false, Some(Outcome::Unverified)) => Phase::Unverified,
        (false, _) => Phase::Failed,
    };
    let mut out = carried(before, &stage.environment, phase, &current.attempt);
    summary::finish(world, stage, &current.release_uid, &mut out);
    if phase == Phase::Delivered {
        out.delivered_at = out.delivered_at.or(Some(current.since));
    } else if let Some(last) = last {
        out.message.clone_from(&last.reason);
    }
    out.finished_at = last.filter(|e| e.attempt == current.attempt).map(|e| e.at).or(out.finished_at);
    if let Some(hold) = stage.foreign() {
        out.reason = hold.kind.reason().into();
        out.message.clone_from(&hold.message);
    }
    if let Some(decision) = world.withdrawal(&current.release, &current.build) {
        out.phase = Phase::Withdrawn;
        out.message = format!("withdrawn by {}, and there is no build to go back to", user_of(decision));
    }
    out
}

fn waiting(
    world: &World<'_>,
    stage: &StageStatus,
    candidate: &Candidate<'_, '_>,
    before: Option<&ReleaseStage>,
) -> ReleaseStage {
    let mut out = blank(&stage.environment, Phase::Waiting);
    let old = before.map(|b| b.gates.as_slice()).unwrap_or_default();
    for (at, gate) in GATES.iter().enumerate() {
        let (state, reason, change) = match gate.state(candidate) {
            State::Open => ("Open", String::new(), String::new()),
            State::Closed(closed) => ("Closed", clip(&closed.reason, 512), clip(&closed.change, 512)),
            State::Overridden(by, closed) => {
                let reason = format!("by {}: {}; {}", user_of(by), by.spec.reason, closed.reason);
                ("Overridden", clip(&reason, 512), String::new())
            }
        };
        let before = old.get(at).filter(|g| g.gate == gate.name).or_else(|| old.iter().find(|g| g.gate == gate.name));
        let is_same = |g: &&GateStatus| g.state == state && g.reason == reason;
        let since = before.filter(is_same).map_or(world.now, |g| g.since);
        out.gates.push(GateStatus {
            gate: gate.name.into(),
            state: state.into(),
            reason,
            source: (gate.source)(candidate).into(),
            since,
            change,
        });
    }
    let first = out.gates.iter().find(|g| g.state == "Closed").map(|g| g.reason.clone());
    out.message = first.unwrap_or_else(|| match &stage.rollout {
        Some(rollout) => format!("{} to finish in {}", rollout.version, stage.environment),
        None if stage.adopted.is_none() => format!("{} has not been seen yet", stage.environment),
        None => "a newer release enters".into(),
    });
    out
}

/// The cause of an end: as the release was told while it went back, where the line of history had to be shortened.
pub(super) fn fuller(before: Option<&ReleaseStage>, last: &HistoryEntry) -> String {
    let told = before.filter(|b| b.attempt == last.attempt).map(|b| b.message.as_str());
    let is_more = |text: &&str| last.reason.strip_suffix('…').is_some_and(|short| text.starts_with(short));
    told.filter(is_more).unwrap_or(&last.reason).to_owned()
}

/// It is no candidate any more: what history says of it, or that a newer one has started.
fn ended(world: &World<'_>, stage: &StageStatus, known: &Known<'_>, before: Option<&ReleaseStage>) -> ReleaseStage {
    // a Release of this name that was deleted has had attempts of its own; they began before this one was made
    let made = created(&known.release.metadata).stamp();
    let is_told = |e: &HistoryEntry| before.is_some_and(|b| b.attempt == e.attempt);
    let is_its =
        |e: &&HistoryEntry| e.release == known.name() && e.outcome.is_terminal() && (e.attempt >= made || is_told(e));
    let last = stage.history.iter().rev().find(is_its);
    let phase = match last.map(|e| e.outcome) {
        Some(Outcome::Reverted | Outcome::ImageOnly | Outcome::Aborted) => Phase::Reverted,
        Some(Outcome::Failed) => Phase::Failed,
        Some(
            Outcome::Delivered
            | Outcome::Superseded
            | Outcome::Unverified
            | Outcome::Adopted
            | Outcome::ConfigChanged
            | Outcome::Restored,
        )
        | None => Phase::Superseded,
    };
    let attempt = last.map_or_else(|| before.map(|b| b.attempt.clone()).unwrap_or_default(), |e| e.attempt.clone());
    let mut out = carried(before, &stage.environment, phase, &attempt);
    if last.is_none() && attempt.is_empty() {
        out = blank(&stage.environment, phase);
    }
    summary::finish(world, stage, known.uid, &mut out);
    // the line of history goes before the release does
    let is_end = |b: &&ReleaseStage| matches!(b.phase, Phase::Reverted | Phase::Failed) && b.attempt == attempt;
    if let Some(before) = before.filter(is_end).filter(|_| last.is_none() && !attempt.is_empty()) {
        let (phase, reason, message) = (before.phase, before.reason.clone(), before.message.clone());
        out = ReleaseStage { phase, reason, message, ..out };
    }
    if let Some(last) = last {
        out.finished_at = Some(last.at);
        out.message = fuller(before, last);
        if phase != Phase::Superseded {
            out.reason = last.cause.map_or_else(|| format!("{:?}", last.outcome), |cause| format!("{cause:?}"));
        }
    }
    if out.phase == Phase::Superseded {
        out.message = String::new();
    }
    if let Some(decision) = world.withdrawal(known.name(), &known.hash) {
        out.phase = Phase::Withdrawn;
        out.message = format!("withdrawn by {}", user_of(decision));
    }
    out
}
