//! The revert brake: health that is lost in many bakes at once says more about what measures it, or about the place, than
//! about the builds. A pipeline states in its own checkpoint that it wants to go back; the Environment's own pass lets
//! so many through, first come first served, and leaves the rest. Reverts that people ask for, and those of builds that
//! were not delivered yet, need no leave.

use crate::api::environment::{Brake, EnvironmentStatus, RevertGrant};
use crate::api::rollout::{Baking, RevertRequest};
use crate::api::{DeliveryPipeline, RolloutState, Span, StageStatus, Time};
use crate::observe::EnvironmentView;

use super::draft::clip;
use super::mutant::{Mutant, is};
use super::world::World;

/// Reverts are counted over so long where the Environment's owner says nothing.
const WITHIN: Span = Span::seconds(600);
/// So many are let through then, however few pipelines there are.
const LEAST: usize = 2;
/// The list of them is no longer.
const MOST: usize = 100;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Granted,
    /// Not answered yet.
    Asked,
    /// The brake holds it.
    Held,
}

/// Whether a delivered build whose health was lost may go back now.
pub fn leave(world: &World<'_>, environment: &str, attempt: &str, since: Time) -> Leave {
    let name = world.snap.pipeline.metadata.name.as_deref().unwrap_or("");
    let Some(found) = world.place(environment).and_then(|place| place.environment.as_deref()) else {
        return Leave::Granted;
    };
    let status = found.status.as_ref();
    let is_ours = |grant: &RevertGrant| grant.pipeline == name && grant.attempt == attempt;
    let is_granted = status.is_some_and(|s| s.reverts.iter().any(is_ours));
    let brake = status.and_then(|s| s.brake.as_ref());
    if is_granted || found.metadata.deletion_timestamp.is_some() || is(Mutant::BrakeIgnored) {
        Leave::Granted
    } else if brake.is_some_and(|b| b.held.iter().any(|held| held == name)) {
        Leave::Held
    } else if world.is_due(since.plus(world.snap.settings.reference_grace)) {
        // nobody answers: that must not keep a broken build
        Leave::Granted
    } else {
        Leave::Asked
    }
}

/// What a request waits for, in words.
pub fn waits(world: &World<'_>, environment: &str) -> String {
    let found = world.place(environment).and_then(|place| place.environment.as_deref());
    let is_held = found.and_then(|e| e.status.as_ref()).is_some_and(|s| s.brake.is_some());
    if is_held {
        format!("the revert brake of Environment {environment} holds it; a Decision Revert goes back all the same")
    } else {
        "about to go back".to_owned()
    }
}

/// What is let through and what is held, as the Environment's status has it from now on.
pub fn grants(
    view: &EnvironmentView,
    name: &str,
    old: &EnvironmentStatus,
    now: Time,
) -> (Vec<RevertGrant>, Option<Brake>) {
    let policy = view.environment.spec.policy.as_ref().and_then(|policy| policy.revert_brake);
    let within = policy.and_then(|brake| brake.within).unwrap_or(WITHIN);
    let most = policy.and_then(|brake| brake.reverts).map(|most| most as usize);
    let most = most.unwrap_or_else(|| LEAST.max(view.pipelines.len() / 10)).min(MOST);
    let mut requests: Vec<(Time, RevertGrant)> =
        view.pipelines.iter().filter_map(|pipeline| request(pipeline, name, now)).collect();
    requests.sort_by(|a, b| (a.0, &a.1.pipeline).cmp(&(b.0, &b.1.pipeline)));
    let is_asked = |grant: &RevertGrant| requests.iter().any(|(_, r)| is_same(r, grant));
    let mut granted: Vec<RevertGrant> =
        old.reverts.iter().filter(|grant| now.since(grant.at) < within || is_asked(grant)).cloned().collect();
    let mut open: Vec<RevertGrant> = requests.into_iter().map(|(_, request)| request).collect();
    open.retain(|request| !granted.iter().any(|grant| is_same(grant, request)));
    // once it holds, it holds until nothing is left to hold: what was let through has shown nothing
    let room = most.saturating_sub(granted.len());
    let room = if old.brake.is_some() && !open.is_empty() { 0 } else { room.min(open.len()) };
    let held: Vec<String> = open.split_off(room).into_iter().map(|request| request.pipeline).take(200).collect();
    granted.extend(open);
    let since = old.brake.as_ref().map_or(now, |brake| brake.since);
    let brake = (!held.is_empty()).then(|| Brake { since, message: message(&held), held });
    (granted, brake)
}

fn message(held: &[String]) -> String {
    let names = held.join(", ");
    clip(
        &format!(
            "health was lost in too many bakes at once, so {} stay as they are: {names}; look at what measures it, then let those go back that are bad, by a Decision Revert",
            held.len()
        ),
        512,
    )
}

fn is_same(a: &RevertGrant, b: &RevertGrant) -> bool {
    a.pipeline == b.pipeline && a.attempt == b.attempt
}

/// What a pipeline asks for in that environment, and since when.
fn request(pipeline: &DeliveryPipeline, environment: &str, now: Time) -> Option<(Time, RevertGrant)> {
    let stage = pipeline.status.as_ref()?.stage(environment)?;
    let rollout = stage.rollout.as_ref()?;
    let asked = asked(stage)?;
    let pipeline = pipeline.metadata.name.clone()?;
    Some((asked.since, RevertGrant { pipeline, attempt: rollout.attempt.clone(), at: now }))
}

/// Whether the brake holds what the stage asks for.
pub fn is_held(world: &World<'_>, stage: &StageStatus) -> bool {
    let is_its = |request: &RevertRequest| {
        let attempt = stage.rollout.as_ref().map_or("", |rollout| &*rollout.attempt);
        leave(world, &stage.environment, attempt, request.since) == Leave::Held
    };
    asked(stage).is_some_and(is_its)
}

/// The request that a stage states, if it does.
pub fn asked(stage: &StageStatus) -> Option<&RevertRequest> {
    match &stage.rollout.as_ref()?.state {
        RolloutState::Delivered(Baking { revert, .. }) => revert.as_ref(),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Homing(_)
        | RolloutState::Verifying(_)
        | RolloutState::Reverting(_) => None,
    }
}
