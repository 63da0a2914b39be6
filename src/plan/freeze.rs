//! A freeze: nothing starts and no exposure rises until it ends. What is exposed stays, and every way back is open.
//!
//! The Environment's own pass gathers who asks for one into its status. Pipelines go by that, and by `spec.freeze` at once. Each
//! notes in its checkpoint which freeze it has seen: a checkpoint is written after the effects of the pass before it, so none that
//! was planned earlier is under way then. When all have, the Environment says `Frozen`.

use crate::api::environment::Environment;
use crate::api::freeze::FreezeStatus;
use crate::api::{Condition, DeliveryPipeline, Time};
use crate::observe::EnvironmentView;

use super::conditions;
use super::draft::{Draft, clip};
use super::mutant::{Mutant, is};
use super::world::World;

/// Why nothing may start or rise in that environment, if that is so.
pub fn reason(world: &World<'_>, environment: &str) -> Option<String> {
    let environment = world.place(environment)?.environment.as_ref()?;
    let asked = environment.spec.freeze.as_ref().map(|freeze| ("spec.freeze", &freeze.reason, freeze.until));
    let told = told(environment).map(|freeze| (freeze.source.as_str(), &freeze.reason, freeze.until));
    let is_on = |until: Option<Time>| until.is_none_or(|until| !world.is_due(until));
    let (source, reason, until) = [asked, told].into_iter().flatten().find(|(.., until)| is_on(*until))?;
    (!is(Mutant::FreezeIgnored)).then(|| words(source, reason, until))
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

/// Notes which freeze each stage has seen.
pub fn note(world: &World<'_>, draft: &mut Draft) {
    for stage in &mut draft.status.stages {
        let Some(environment) = world.place(&stage.environment).and_then(|p| p.environment.as_ref()) else { continue };
        let is_on = reason(world, &stage.environment).is_some() || is(Mutant::FreezeIgnored);
        stage.frozen = told(environment).filter(|_| is_on).map(|freeze| freeze.since);
    }
}

/// What is in force in an Environment. It keeps its time while who asks for it and why stay the same.
pub fn of(view: &EnvironmentView, now: Time) -> Option<FreezeStatus> {
    let asked = view.environment.spec.freeze.as_ref();
    let asked = asked.filter(|freeze| freeze.until.is_none_or(|until| now < until));
    let asked = asked.map(|freeze| ("spec.freeze".to_owned(), freeze.reason.clone(), freeze.until));
    let mut annotated = view.freezes.iter().map(|(namespace, reason)| {
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        (format!("namespace {namespace}"), clip(reason, 200), None)
    });
    let (source, reason, until) = asked.or_else(|| annotated.next())?;
    // pipelines go on when one has run out, so what comes after it is another
    let before = told(&view.environment).filter(|before| before.until.is_none_or(|until| now < until));
    let since = before.map_or(now, |before| before.since);
    Some(FreezeStatus { since, source, reason, until })
}

/// The condition `Frozen`: true once no write that raises exposure is under way. None without a freeze.
pub fn condition(view: &EnvironmentView, name: &str, freeze: &FreezeStatus, generation: i64, now: Time) -> Condition {
    let old = view.environment.status.as_ref().map(|s| s.conditions.as_slice()).unwrap_or_default();
    let has_seen = |pipeline: &&std::sync::Arc<DeliveryPipeline>| {
        let stage = pipeline.status.as_ref().and_then(|status| status.stage(name));
        stage.is_none_or(|stage| stage.frozen == Some(freeze.since))
    };
    let late = view.pipelines.iter().find(|pipeline| !has_seen(pipeline));
    let (status, reason, message) = match late {
        None => ("True", "Frozen", text(freeze)),
        Some(pipeline) => {
            let name = pipeline.metadata.name.as_deref().unwrap_or_default();
            ("False", "Pending", format!("a write of pipeline {name} may be under way"))
        }
    };
    conditions::condition(old, "Frozen", status, reason, &message, generation, now)
}
