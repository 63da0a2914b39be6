//! What has been reached: states, arcs, gates, causes, outcomes, holds, decisions and their answers, kinds of event.
//! What is missing at the end is a failure.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, Hash, RandomState};

use windlass::api::{DecisionStatus, DecisionType, ReleaseStatus, Rollout, RolloutState, StageStatus};

thread_local! {
    static REACHED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    static KNOWN: RefCell<(RandomState, HashSet<u64>)> = RefCell::default();
}

/// Almost all of it was reached before, so its name is made only where the key is new.
fn reach(key: impl Hash, name: impl FnOnce() -> String) {
    let is_new = KNOWN.with_borrow_mut(|(state, known)| known.insert(state.hash_one(key)));
    if is_new {
        REACHED.with_borrow_mut(|set| set.insert(name()));
    }
}

pub fn reach_kind(kind: crate::budget::Kind) {
    reach(("event", kind), || format!("event {kind:?}"));
}

pub fn take() -> BTreeSet<String> {
    KNOWN.take();
    REACHED.take()
}

fn word(rollout: Option<&Rollout>) -> &'static str {
    match rollout.map(|r| &r.state) {
        None => "idle",
        Some(RolloutState::Preparing(p)) if p.paused.is_some() => "Waiting",
        Some(RolloutState::Preparing(_)) => "Preparing",
        Some(RolloutState::Progressing(p)) if p.paused.is_some() => "Paused",
        Some(RolloutState::Progressing(_)) => "Progressing",
        Some(RolloutState::Stepping(s)) if s.paused.is_some() => "Held",
        Some(RolloutState::Stepping(_)) => "Stepping",
        Some(RolloutState::Homing(_)) => "Homing",
        Some(RolloutState::Verifying(_)) => "Verifying",
        Some(RolloutState::Delivered(_)) => "Delivered",
        Some(RolloutState::Reverting(_)) => "Reverting",
    }
}

/// What one stage of a new checkpoint reaches.
pub fn stage(before: &StageStatus, stage: &StageStatus) {
    let (from, to) = (word(before.rollout.as_ref()), word(stage.rollout.as_ref()));
    if from != to {
        reach(("arc", from, to), || format!("arc {from} → {to}"));
    }
    if let Some(RolloutState::Reverting(state)) = stage.rollout.as_ref().map(|r| &r.state) {
        reach(("cause", state.ending.cause), || format!("cause {:?}", state.ending.cause));
    }
    if let Some(hold) = &stage.held {
        reach(("hold", hold.kind), || format!("hold {:?}", hold.kind));
    }
    if let Some(alert) = &stage.alert {
        reach(("alert", &alert.reason), || format!("alert {}", alert.reason));
    }
    for entry in &stage.history[before.history.len()..] {
        reach(("outcome", entry.outcome), || format!("outcome {:?}", entry.outcome));
    }
}

pub fn decision(kind: DecisionType, status: &DecisionStatus) {
    if let Some(phase) = status.phase {
        reach(("decision", kind, phase), || format!("decision {kind:?} {phase:?}"));
    }
}

pub fn release(status: &ReleaseStatus) {
    for stage in &status.stages {
        reach(("phase", stage.phase), || format!("phase {:?}", stage.phase));
        for gate in &stage.gates {
            reach(("gate", &gate.gate, &gate.state), || format!("gate {} {}", gate.gate, gate.state));
        }
    }
}

const ARCS: &[&str] = &[
    "idle → Progressing",
    "idle → Reverting",
    "idle → Preparing",
    "Preparing → Waiting",
    "Waiting → Preparing",
    "Waiting → Reverting",
    "Preparing → Progressing",
    "Preparing → Stepping",
    "Preparing → Reverting",
    "Progressing → Paused",
    "Paused → Progressing",
    "Progressing → Verifying",
    "Progressing → Delivered",
    "Progressing → Reverting",
    "Progressing → idle",
    "Paused → Reverting",
    "Verifying → Delivered",
    "Verifying → Reverting",
    "Verifying → idle",
    "Delivered → Reverting",
    "Delivered → Progressing",
    "Delivered → idle",
    "Reverting → idle",
    "Reverting → Progressing",
    "idle → Stepping",
    "Stepping → Held",
    "Held → Stepping",
    "Held → Reverting",
    "Stepping → Verifying",
    "Stepping → Delivered",
    "Stepping → Reverting",
    "Stepping → idle",
    "Delivered → Homing",
    "Homing → Reverting",
    "Homing → idle",
];
const PHASES: &[&str] = &[
    "Waiting",
    "Preparing",
    "Progressing",
    "Verifying",
    "Delivered",
    "Unverified",
    "Reverting",
    "Reverted",
    "Superseded",
    "Withdrawn",
    "Failed",
];
const CAUSES: &[&str] = &[
    "Failed",
    "Aborted",
    "Reverted",
    "Withdrawn",
    "Pinned",
    "HeadMovedBack",
    "EvidenceWithdrawn",
    "ReleaseDeleted",
    "PipelineDeleted",
    "EnvironmentDeleted",
    "StageRemoved",
    "Inconclusive",
    "Interrupted",
];
const OUTCOMES: &[&str] = &[
    "Adopted",
    "Delivered",
    "Superseded",
    "Unverified",
    "Reverted",
    "ImageOnly",
    "Failed",
    "Aborted",
    "ConfigChanged",
    "Restored",
];
const GATES: &[&str] = &[
    "build",
    "ban",
    "hold",
    "pin",
    "pause",
    "lastStage",
    "head",
    "mark",
    "tags",
    "checks",
    "buildTests",
    "evidence",
    "requiredSuites",
    "soak",
    "approvals",
    "promotion",
    "window",
    "freeze",
    "capacity",
    "schema",
    "place",
    "adoption",
];
const DECISIONS: &[&str] = &[
    "Promote", "Approve", "Reject", "Override", "Abort", "Revert", "Unhold", "Retry", "Unban", "Withdraw", "Adopt",
    "Restore",
];

/// Everything that must have been reached.
pub fn wanted() -> Vec<String> {
    let list = |word: &str, names: &[&str]| -> Vec<String> { names.iter().map(|n| format!("{word} {n}")).collect() };
    let mut all = list("arc", ARCS);
    all.extend(list("phase", PHASES));
    all.extend(list("cause", CAUSES));
    all.extend(list("outcome", OUTCOMES));
    all.extend(list("hold", &["Revert", "AdoptionHold", "ExternalChange", "Interrupted", "Irreversible"]));
    all.extend(list(
        "alert",
        &[
            "RevertFailed",
            "HealthLost",
            "EvidenceWithdrawn",
            "NoRevertTarget",
            "HomecomingFailed",
            "RevertHeld",
            "RevertHookFailed",
        ],
    ));
    for gate in GATES {
        all.push(format!("gate {gate} Open"));
        // a release below the mark is no candidate, unless someone asks for it, and then the gate is open; behind its last stage
        // there is nothing to tell of it
        if !["mark", "lastStage"].contains(gate) {
            all.push(format!("gate {gate} Closed"));
        }
    }
    for kind in DECISIONS {
        all.push(format!("decision {kind} Applied"));
        all.push(format!("decision {kind} Refused"));
    }
    all.extend(list("decision", &["Promote Pending", "Retry Pending", "Promote Expired", "Ban Applied"]));
    all.extend(crate::budget::Kind::ALL.iter().map(|k| format!("event {k:?}")));
    all
}
