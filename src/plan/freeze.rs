//! A freeze: nothing starts and no exposure rises until it ends. What is exposed stays, and every way back is open.
//!
//! The Environment's own pass gathers who asks for one into its status. Pipelines go by that, and by who asks for it at once. Each
//! notes in its checkpoint which freeze it has seen: a checkpoint is written after the effects of the pass before it, so none that
//! was planned earlier is under way then. When all have, the Environment says `Frozen`.

use std::cmp::Reverse;

use crate::api::decision::Skippable;
use crate::api::environment::Environment;
use crate::api::freeze::FreezeStatus;
use crate::api::pipeline::WorkloadRef;
use crate::api::{Condition, DeliveryPipeline, Rollout, Span, StageStatus, Time};
use crate::observe::{EnvironmentView, Freezing};

use super::conditions;
use super::draft::{Draft, clip};
use super::mutant::{Mutant, is};
use super::strategy;
use super::traffic::route;
use super::world::World;

pub use person::decided;

mod person;

/// Why nothing may start or rise in that environment, if that is so.
pub fn reason(world: &World<'_>, environment: &str) -> Option<String> {
    let place = world.place(environment)?;
    let environment = place.environment.as_ref()?;
    let told = told(environment).map(|freeze| Freezing {
        source: freeze.source.clone(),
        reason: freeze.reason.clone(),
        until: freeze.until,
    });
    let is_on = |asked: &Freezing| asked.until.is_none_or(|until| !world.is_due(until));
    let Freezing { source, reason, until } = asked(environment, &place.freezes).chain(told).find(is_on)?;
    (!is(Mutant::FreezeIgnored)).then(|| words(&source, &reason, until))
}

/// Why nothing more of what is under way there may be exposed, if that is so. A person may have let it pass.
pub fn stops(world: &World<'_>, stage: &StageStatus) -> Option<String> {
    reason(world, &stage.environment).filter(|_| !passes(stage))
}

/// A person lets what is under way there pass the freeze.
fn passes(stage: &StageStatus) -> bool {
    stage.rollout.as_ref().is_some_and(|rollout| rollout.overridden.contains(&Skippable::Freeze))
}

/// Whether nothing more of what is under way there may be exposed.
pub fn is_on(world: &World<'_>, stage: &StageStatus) -> bool {
    stops(world, stage).is_some()
}

/// Those who ask for one there, whether it is over or not.
fn asked<'a>(environment: &'a Environment, freezes: &'a [Freezing]) -> impl Iterator<Item = Freezing> + use<'a> {
    let own = environment.spec.freeze.as_ref();
    let own = own.map(|f| Freezing { source: "spec.freeze".to_owned(), reason: f.reason.clone(), until: f.until });
    own.into_iter().chain(freezes.iter().cloned())
}

/// Those of them that are not over.
fn standing(view: &EnvironmentView, now: Time) -> impl Iterator<Item = Freezing> + use<'_> {
    asked(&view.environment, &view.freezes).filter(move |asked| lasts(asked.until, now))
}

fn lasts(until: Option<Time>, now: Time) -> bool {
    until.is_none_or(|until| now < until)
}

/// Whether rolling that workload to what its rollout has proven exposes no more of it: its clone has every request, by a route.
pub fn lets_home(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, workload: &WorkloadRef) -> bool {
    let weight = || route::ours(world, &stage.environment).map_or(0, |route| route::weight(world, stage, route));
    !is_on(world, stage) || workload.is_cloned() && rollout.traffic.is_some() && weight() == strategy::FULL
}

/// A deadline that no freeze used up: where one has ended since, its span counts from there.
pub fn moved(stage: &StageStatus, deadline: Time, span: Span) -> Time {
    stage.thawed.map_or(deadline, |thawed| deadline.max(thawed.plus(span)))
}

/// The same of what is in force.
pub fn text(freeze: &FreezeStatus) -> String {
    words(&freeze.source, &freeze.reason, freeze.until)
}

fn words(source: &str, reason: &str, until: Option<Time>) -> String {
    let until = until.map_or(String::new(), |until| format!(" until {until}"));
    format!("frozen{until}: {reason} ({source})")
}

fn told(environment: &Environment) -> Option<&FreezeStatus> {
    environment.status.as_ref()?.freeze.as_ref()
}

/// Notes which freeze each stage has seen, and when it ended for what is under way.
pub fn note(world: &World<'_>, draft: &mut Draft) {
    for stage in &mut draft.status.stages {
        let Some(environment) = world.place(&stage.environment).and_then(|p| p.environment.as_ref()) else { continue };
        let is_on = reason(world, &stage.environment).is_some() || is(Mutant::FreezeIgnored);
        let before = stage.frozen;
        stage.frozen = told(environment).filter(|_| is_on).map(|freeze| freeze.since);
        if stage.rollout.is_none() {
            stage.thawed = None;
        } else if before.is_some() && !is_on && !passes(stage) {
            stage.thawed = Some(world.now);
        }
        // what was let pass one freeze is not let pass the next
        if !is_on && let Some(rollout) = &mut stage.rollout {
            rollout.overridden.retain(|gate| *gate != Skippable::Freeze);
        }
    }
}

/// What is in force in an Environment: what lasts longest. It keeps its time for as long as there is one without a gap.
pub fn of(view: &EnvironmentView, now: Time) -> Option<FreezeStatus> {
    let Freezing { source, reason, until } =
        standing(view, now).min_by_key(|asked| Reverse(asked.until.unwrap_or(Time::from_millis(i64::MAX))))?;
    // pipelines go on when one has run out, so what comes after it is another
    let before = told(&view.environment).filter(|before| lasts(before.until, now));
    let since = before.map_or(now, |before| before.since);
    Some(FreezeStatus { since, source: clip(&source, 100), reason: clip(&reason, 200), until })
}

/// The condition `Frozen`: true once no write that raises exposure is under way. None without a freeze.
pub fn condition(view: &EnvironmentView, name: &str, freeze: &FreezeStatus, generation: i64, now: Time) -> Condition {
    let old = view.environment.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    let has_seen = |pipeline: &&std::sync::Arc<DeliveryPipeline>| {
        let stage = pipeline.status.as_ref().and_then(|status| status.stage(name));
        stage.is_none_or(|stage| stage.frozen == Some(freeze.since)) || is(Mutant::FrozenHasty)
    };
    let (status, reason, message) = if view.pipelines.iter().all(|pipeline| has_seen(&pipeline)) {
        ("True", "Frozen", format!("{}{}", text(freeze), passing(view, name)))
    } else {
        ("False", "Pending", "a write that was planned before may be under way".to_owned())
    };
    conditions::condition(old, "Frozen", status, reason, &message, generation, now)
}

/// What goes on there all the same, because a person overrode the freeze for it.
fn passing(view: &EnvironmentView, name: &str) -> String {
    let open = view.pipelines.iter().filter_map(|p| p.status.as_ref()?.stage(name)?.rollout.as_ref());
    let passing = open.filter(|rollout| rollout.overridden.contains(&Skippable::Freeze));
    let names: Vec<&str> = passing.map(|rollout| rollout.release.as_str()).take(5).collect();
    if names.is_empty() { String::new() } else { format!("; by Override there goes on: {}", names.join(", ")) }
}
