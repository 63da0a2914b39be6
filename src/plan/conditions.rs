//! Conditions as kstatus reads them: waiting for people, time or evidence is Ready; Reconciling only while we change
//! the cluster; Stalled only when someone must act.

use crate::api::checkpoint::HoldKind;
use crate::api::conditions::find;
use crate::api::stage::Stage;
use crate::api::{Cause, Condition, Outcome, RolloutState, StageStatus, Time};
use crate::observe::Access;

use super::draft::{Draft, clip};
use super::reference::{self, Problem};
use super::world::{World, user_of};
use super::{build_suite, fight, head, interrupt, job, pin};

/// What is missing and does not come by itself: no time is given.
const FINAL: &[&str] = &[
    "NamespaceTaken",
    "WorkloadClaimed",
    "WorkloadPaused",
    "UpdateStrategy",
    "CannotClone",
    "CloneNameTaken",
    "GatewayApiMissing",
    "ServiceNotRoutable",
    "TrackLabelMissing",
    "ServiceNameTaken",
    "RouteNameTaken",
    "RouteShadowed",
    "RouteContested",
];

/// What an object's conditions are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing to do but wait for people, time or evidence; or finished.
    Ready { reason: String, message: String },
    /// The cluster is being changed.
    Reconciling { reason: String, message: String },
    /// Someone must act.
    Stalled { reason: String, message: String },
}

/// Ready, Reconciling and Stalled from one standing; a condition whose status stays keeps its time.
pub fn of(standing: Standing, old: &[Condition], generation: i64, now: Time) -> Vec<Condition> {
    let (ready, reconciling, stalled, reason, message) = match standing {
        Standing::Ready { reason, message } => ("True", "False", "False", reason, message),
        Standing::Reconciling { reason, message } => ("False", "True", "False", reason, message),
        Standing::Stalled { reason, message } => ("False", "False", "True", reason, message),
    };
    let make = |r#type, status: &str| condition(old, r#type, status, &reason, &message, generation, now);
    vec![make("Ready", ready), make("Reconciling", reconciling), make("Stalled", stalled)]
}

/// One condition; it keeps its time while its status stays.
pub fn condition(
    old: &[Condition],
    r#type: &str,
    status: &str,
    reason: &str,
    message: &str,
    generation: i64,
    now: Time,
) -> Condition {
    let before = find(old, r#type).filter(|c| c.status == status);
    Condition {
        r#type: r#type.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: clip(message, 1024),
        observed_generation: generation,
        last_transition_time: before.map_or(now, |c| c.last_transition_time),
    }
}

/// The condition that tells of a GitOps tool which carries an image in git, until Windlass writes it.
const GUARDED: &str = "ImagesGuarded";

/// The pipeline's own conditions.
pub fn settle(world: &World<'_>, draft: &mut Draft) {
    let generation = world.snap.pipeline.metadata.generation.unwrap_or_default();
    let old = std::mem::take(&mut draft.status.conditions);
    let missing = missing(world, draft);
    let (status, reason, message) = match &missing {
        Some(problem) => ("False", problem.reason, problem.message.as_str()),
        None => ("True", "Found", ""),
    };
    let resolved = condition(&old, "Resolved", status, reason, message, generation, world.now);
    let standing = pipeline(world, draft, missing.as_ref().map(|p| (p, resolved.last_transition_time)));
    let mut conditions = of(standing, &old, generation, world.now);
    conditions.push(resolved);
    if let Some((status, reason, message)) = delivered(world, draft) {
        conditions.push(condition(&old, "Delivered", status, reason, &message, generation, world.now));
    }
    if let Some((is_guarded, text)) = fight::outlook(world, draft) {
        let (status, reason) = if is_guarded { ("True", "FieldGuard") } else { ("False", fight::UNGUARDED) };
        if !is_guarded && find(&old, GUARDED).is_none_or(|c| c.status != status) {
            draft.warn("", fight::UNGUARDED, text.clone());
        }
        conditions.push(condition(&old, GUARDED, status, reason, &text, generation, world.now));
    }
    draft.status.conditions = conditions;
    draft.status.observed_generation = generation;
}

/// The first named thing that is not there.
fn missing(world: &World<'_>, draft: &Draft) -> Option<Problem> {
    world.spec.stages.iter().find_map(|stage| {
        reference::problem(world, &stage.environment).or_else(|| {
            let is_adopted = draft.stage(&stage.environment).is_some_and(|s| s.adopted.is_some());
            let mut sources = stage.jobs().filter(|_| is_adopted);
            let why = sources.find_map(|source| job::cannot_make(world, &stage.environment, source))?;
            Some(Problem {
                reason: "CronJobMissing",
                message: format!("{} in {}", why, stage.environment),
                remedy: String::new(),
            })
        })
    })
}

fn pipeline(world: &World<'_>, draft: &Draft, missing: Option<(&Problem, Time)>) -> Standing {
    if let Some(stalled) = misconfigured(world, draft) {
        return stalled;
    }
    if let Some((problem, since)) = missing {
        let (reason, message) = (problem.reason.to_owned(), problem.message.clone());
        let is_final = FINAL.contains(&problem.reason);
        return if is_final || world.is_due(since.plus(world.snap.settings.reference_grace)) {
            Standing::Stalled { reason, message }
        } else {
            Standing::Reconciling { reason, message }
        };
    }
    if let Some(stalled) = stalled(world, draft) {
        return stalled;
    }
    let stages = &draft.status.stages;
    if let Some((stage, what)) = stages.iter().find_map(|s| changing(world, s).map(|what| (s, what))) {
        return Standing::Reconciling { reason: what.into(), message: format!("{}: {what}", stage.environment) };
    }
    if let Some((stage, hold)) = stages.iter().find_map(|s| s.held.as_ref().map(|h| (s, h))) {
        let message = format!("{}: {}", stage.environment, hold.message);
        return Standing::Ready { reason: hold.kind.reason().into(), message };
    }
    let ready = |reason: &str, message: String| Standing::Ready { reason: reason.into(), message };
    match world.spec.pins.first() {
        _ if world.spec.suspend => ready("Suspended", "suspended".into()),
        Some(pin) => ready("Pinned", format!("{}: {}", pin.environment, pin::text(pin))),
        None => ready("Ready", String::new()),
    }
}

/// What someone must act on, though nothing that is named is missing.
fn stalled(world: &World<'_>, draft: &Draft) -> Option<Standing> {
    let stages = &draft.status.stages;
    let is_open = |s: &&StageStatus| s.rollout.is_some();
    if let Some(message) = stages.iter().filter(is_open).find_map(|s| interrupt::refusal(world, &s.environment)) {
        return Some(Standing::Stalled { reason: "Refused".into(), message });
    }
    if let Some((stage, alert)) = stages.iter().find_map(|s| s.alert.as_ref().map(|a| (s, a))) {
        let message = format!("{}: {}", stage.environment, alert.message);
        return Some(Standing::Stalled { reason: alert.reason.clone(), message });
    }
    let contested = |s: &StageStatus| {
        let hold = s.held.as_ref().filter(|hold| hold.kind == HoldKind::ImageContested)?;
        Some(format!("{}: {}", s.environment, hold.message))
    };
    if let Some(message) = stages.iter().find_map(contested) {
        return Some(Standing::Stalled { reason: HoldKind::ImageContested.reason().into(), message });
    }
    if let Some(message) = stages.iter().find_map(|stage| pin::unmet(world, stage)) {
        return Some(Standing::Stalled { reason: "PinNotMet".into(), message });
    }
    if let Some(message) = head_failure(world, draft) {
        return Some(Standing::Stalled { reason: "HeadFailed".into(), message });
    }
    let why = world.snap.no_release.as_ref()?;
    head::missing_release(world, draft.status.head.as_ref())?;
    let message = clip(&format!("the Release for spec.release cannot be made: {why}"), 512);
    Some(Standing::Stalled { reason: "HeadRefused".into(), message })
}

/// What only an edit of the pipeline can mend.
fn misconfigured(world: &World<'_>, draft: &Draft) -> Option<Standing> {
    let stalled = |reason: &str, message: String| Some(Standing::Stalled { reason: reason.into(), message });
    if let Some(head) = &world.spec.release {
        match head::build_of(world, head) {
            Err(why) => return stalled("HeadInvalid", why),
            Ok(row) => {
                if let Some(why) = head::problem(world, draft, head, &row) {
                    return stalled("VersionReused", why);
                }
            }
        }
    }
    let is_required = |name: &&str| world.policy(name).is_some_and(|policy| policy.require_upstream);
    let names = world.spec.stages.iter().map(|stage| stage.environment.as_str());
    let name = names.filter(|name| world.spec.is_first(name)).find(is_required)?;
    stalled("UpstreamRequired", format!("spec.stages: {name} may not be a first stage (policy.requireUpstream)"))
}

/// What is being changed in the cluster there, if anything is.
fn changing(world: &World<'_>, stage: &StageStatus) -> Option<&'static str> {
    match stage.rollout.as_ref().map(|r| &r.state) {
        Some(RolloutState::Preparing(state)) if state.paused.is_none() => Some("Preparing"),
        Some(RolloutState::Progressing(state)) if state.paused.is_none() => Some("Progressing"),
        Some(RolloutState::Stepping(state)) if state.paused.is_none() && state.since.is_none() => Some("Progressing"),
        Some(RolloutState::Homing(_)) => Some("Homing"),
        Some(RolloutState::Reverting(_)) => Some("Reverting"),
        Some(
            RolloutState::Preparing(_)
            | RolloutState::Progressing(_)
            | RolloutState::Stepping(_)
            | RolloutState::Verifying(_)
            | RolloutState::Delivered(_),
        )
        | None => {
            let is_granted =
                world.place(&stage.environment).is_some_and(|p| matches!(p.access, Access::Granted { .. }));
            (is_granted && stage.adopted.is_none()).then_some("Adopting")
        }
    }
}

/// How the head ended where it was taken back, and is not tried again.
fn head_failure(world: &World<'_>, draft: &Draft) -> Option<String> {
    let spec = world.spec.release.as_ref()?;
    let head = draft.status.head.as_ref().filter(|h| h.version == spec.version)?;
    if let Some(decision) = world.withdrawal(&head.release, &head.build) {
        return Some(format!("{} was withdrawn by {}", spec.version, user_of(decision)));
    }
    let uid = world.release(&head.release).map(|known| known.uid).unwrap_or_default();
    if let Some(why) = build_suite::failure(world, uid, &head.build) {
        return Some(format!("{}: {why}", spec.version));
    }
    // where a pin says what runs, it is not the head that failed
    let goes_by_it = |stage: &&StageStatus| pin::against(world, &stage.environment, &head.release).is_none();
    draft.status.stages.iter().filter(goes_by_it).find_map(|stage| {
        let is_there = stage.rollout.as_ref().is_some_and(|r| r.release == head.release)
            || stage.current.as_ref().is_some_and(|c| c.build == head.build);
        let last = stage.history.iter().rev().find(|e| e.outcome.is_terminal() && e.release == head.release)?;
        let is_back =
            matches!(last.outcome, Outcome::Reverted | Outcome::ImageOnly | Outcome::Failed | Outcome::Aborted);
        let is_moved = last.cause == Some(Cause::HeadMovedBack);
        (is_back && !is_there && !is_moved)
            .then(|| format!("{}: {} was taken back: {}", stage.environment, spec.version, last.reason))
    })
}

/// Whether the head is delivered at the end of its way; nothing where no head is set.
fn delivered(world: &World<'_>, draft: &Draft) -> Option<(&'static str, &'static str, String)> {
    let spec = world.spec.release.as_ref()?;
    let head = draft.status.head.as_ref().filter(|h| h.version == spec.version);
    let ends = world.spec.ends();
    let is_live = |end: &&&Stage| {
        let stage = draft.stage(&end.environment);
        stage.zip(head).is_some_and(|(stage, h)| is_delivered(stage, &h.release, &h.build))
    };
    let names = || ends.iter().map(|end| end.environment.as_str()).collect::<Vec<_>>().join(" and ");
    Some(match (ends.iter().find(|end| !is_live(end)), head_failure(world, draft)) {
        (None, _) => ("True", "Delivered", format!("{} is live and proven in {}", spec.version, names())),
        (Some(_), Some(why)) => ("False", "HeadFailed", why),
        (Some(end), None) => {
            ("Unknown", "UnderWay", format!("{} is not delivered to {} yet", spec.version, end.environment))
        }
    })
}

/// Whether that build of that release is live and proven in the stage.
pub fn is_delivered(stage: &StageStatus, release: &str, build: &crate::api::BuildHash) -> bool {
    match &stage.rollout {
        Some(rollout) if matches!(rollout.state, RolloutState::Delivered(_) | RolloutState::Homing(_)) => {
            rollout.release == release && rollout.build == *build
        }
        Some(_) => false,
        None => {
            stage.current.as_ref().is_some_and(|c| c.release == release && c.build == *build && c.healthy)
                && stage.foreign().is_none()
        }
    }
}

/// Since when a condition has that status, if it has.
pub fn since(conditions: &[Condition], r#type: &str, status: &str) -> Option<Time> {
    find(conditions, r#type).filter(|c| c.status == status).map(|c| c.last_transition_time)
}
