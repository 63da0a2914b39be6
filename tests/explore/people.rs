//! What people and others outside do: releases, Decisions, pauses, the head, deletions, and the status lost.

use std::sync::Arc;

use windlass::api::conditions::find;
use windlass::api::decision::Skippable;
use windlass::api::freeze::Freeze;
use windlass::api::labels::ROLLOUT_FINALIZER;
use windlass::api::pipeline::{Head, Pin};
use windlass::api::release::ImageRef;
use windlass::api::window::Window;
use windlass::api::{
    Decision, DecisionSpec, DecisionType, EnvironmentSpec, EnvironmentStatus, PipelineStatus, RolloutState, Time,
};
use windlass::observe::{Access, EnvironmentView, Freezing, Settings};
use windlass::plan::Action;

use crate::budget::{Budget, Kind};
use crate::ghost::{Said, note};
use crate::safety::{Broken, stored};
use crate::server::{add_decision, carry_out, drop_release};
use crate::step::{Step, spend};
use crate::world::{Frozen, Image, STAGES, World, Write, build_of, created_at, release_name};

/// A release that no scenario makes.
const NOBODY: u8 = 8;

pub fn possible(world: &World, budget: &Budget, steps: &mut Vec<Step>) {
    let Some(pipeline) = &world.pipeline else { return };
    if pipeline.metadata.deletion_timestamp.is_some() {
        return;
    }
    let names = || world.releases.iter().filter_map(|r| r.metadata.name.clone());
    let next = (1..=4).find(|n| world.release(&release_name(*n)).is_none());
    if let Some(next) = next.filter(|_| budget.has(Kind::NewRelease)) {
        steps.push(Step::NewRelease(next));
    }
    if budget.has(Kind::Pause) {
        steps.extend(names().map(Step::Pause));
    }
    if budget.has(Kind::Suspend) {
        steps.push(Step::Suspend);
    }
    if budget.has(Kind::Lower) {
        steps.push(Step::Lower);
    }
    if budget.has(Kind::Window) {
        steps.push(Step::Window(1));
    }
    if budget.has(Kind::Freeze) {
        steps.push(Step::Freeze(1));
    }
    if budget.has(Kind::Annotate) {
        steps.push(Step::Annotate(1));
    }
    if budget.has(Kind::Policies) {
        steps.push(Step::Policies);
    }
    if budget.has(Kind::Head) {
        let heads = [None, Some(1), Some(2), Some(3)].into_iter();
        let now = pipeline.spec.release.as_ref().map(|h| h.version.clone());
        steps.extend(heads.filter(|h| h.map(|n| format!("{n}.0.0")) != now).map(Step::Head));
    }
    if budget.has(Kind::Pin) {
        let pins = [None, Some(1), Some(2), Some(3)].into_iter();
        let now = pin_of(world, 1);
        steps.extend(pins.filter(|p| p.map(release_name).as_deref() != now).map(Step::Pin));
    }
    if budget.has(Kind::Wipe) && world.status().is_some() {
        steps.push(Step::Wipe);
    }
    if budget.has(Kind::ReleaseGone) {
        steps.extend(
            world
                .releases
                .iter()
                .filter(|r| r.metadata.deletion_timestamp.is_none())
                .filter_map(|r| r.metadata.name.clone().map(Step::ReleaseGone)),
        );
    }
    if budget.has(Kind::ReleaseBack) && world.ghost.deleted_releases > 0 {
        let gone = (1..=2).filter(|n| world.release(&release_name(*n)).is_none());
        steps.extend(gone.map(Step::ReleaseBack));
    }
    if budget.has(Kind::PipelineGone) {
        steps.push(Step::PipelineGone);
    }
    if budget.has(Kind::EnvironmentGone) {
        steps.extend((0..2).filter(|at| world.places[*at].environment.is_some()).map(Step::EnvironmentGone));
    }
    if budget.has(Kind::StageGone) && pipeline.spec.stages.len() > 1 {
        steps.push(Step::StageGone);
    }
    decisions(world, budget, steps);
}

fn decisions(world: &World, budget: &Budget, steps: &mut Vec<Step>) {
    use DecisionType as D;
    let numbers: Vec<u8> = (1..=4).filter(|n| world.release(&release_name(*n)).is_some()).collect();
    let staged = [
        (Kind::Abort, D::Abort),
        (Kind::Revert, D::Revert),
        (Kind::Unhold, D::Unhold),
        (Kind::Adopt, D::Adopt),
        (Kind::Restore, D::Restore),
    ];
    for (_, kind) in staged.iter().filter(|(k, _)| budget.has(*k)) {
        steps.extend((0..2).map(|at| Step::Decide(*kind, None, Some(at))));
    }
    for (_, kind) in [(Kind::Promote, D::Promote), (Kind::Retry, D::Retry), (Kind::Unban, D::Unban)]
        .iter()
        .filter(|(k, _)| budget.has(*k))
    {
        steps.extend(numbers.iter().flat_map(|n| (0..2).map(|at| Step::Decide(*kind, Some(*n), Some(at)))));
    }
    let words = [(Kind::Approve, D::Approve), (Kind::Reject, D::Reject), (Kind::Override, D::Override)];
    for (_, kind) in words.iter().filter(|(k, _)| budget.has(*k)) {
        steps.extend(numbers.iter().chain(&[NOBODY]).map(|n| Step::Decide(*kind, Some(*n), Some(1))));
    }
    if budget.has(Kind::Withdraw) {
        steps.extend(numbers.iter().chain(&[NOBODY]).map(|n| Step::Decide(D::Withdraw, Some(*n), None)));
    }
}

/// Whether the Environment's own pass would write something that matters here: its finalizer.
pub fn has_environment_pass(world: &World, at: usize) -> bool {
    !environment_actions(world, at).is_empty()
}

fn environment_actions(world: &World, at: usize) -> Vec<Action> {
    let place = &world.places[at];
    let Some(environment) = place.environment.clone() else { return Vec::new() };
    let is_going = environment.metadata.deletion_timestamp.is_some();
    let told = |s: &EnvironmentStatus| {
        let frozen = find(&s.conditions, "Frozen").map(|c| c.status.clone());
        (s.reverts.len(), s.brake.clone(), s.freeze.clone(), s.grants.len(), frozen)
    };
    let before = environment.status.as_ref().map(told).unwrap_or_default();
    // in most worlds nobody wants anything of it, and to ask takes longer than to see that
    let is_limited = world.policy(at).is_some_and(|policy| policy.max_concurrent_rollouts.is_some());
    let is_asked = stored(world, at)
        .is_some_and(|s| matches!(s.rollout.as_ref().map(|r| &r.state), Some(RolloutState::Delivered(_))));
    if !(is_going || is_limited || is_asked || world.is_frozen(at)) && before == told(&EnvironmentStatus::default()) {
        return Vec::new();
    }
    let pipelines = world.pipeline.iter().cloned().collect();
    let (freezes, decisions) = (place.freezes.clone(), Vec::new());
    let view = EnvironmentView {
        environment: Arc::clone(&environment),
        access: place.access.clone(),
        pipelines,
        freezes,
        decisions,
    };
    let (mut actions, _, _) = windlass::plan::environment(&view, Settings::default(), world.now);
    // what is shown to people alone is left out: it would double the states
    actions.retain(|a| match a {
        Action::Finalizer { .. } => is_going,
        Action::EnvironmentStatus { status, .. } => told(status) != before,
        _ => false,
    });
    actions
}

/// Does a step of people, or of what surrounds the operator.
pub fn act(world: &mut World, step: &Step) -> Result<(), Broken> {
    match step {
        Step::EnvironmentPass(at) => {
            for action in environment_actions(world, *at) {
                carry_out(world, &Write::Effect(action))?;
            }
        }
        Step::Lag(cache) => {
            spend(world, Kind::Lag);
            world.operator.lag = match cache {
                0 => world.pipeline.clone().map(Frozen::Pipeline),
                1 => Some(Frozen::Releases(world.releases.clone())),
                2 => Some(Frozen::Runs(world.runs.clone())),
                3 => Some(Frozen::Decisions(world.decisions.clone())),
                _ => Some(Frozen::Workloads(world.places.clone())),
            };
        }
        Step::CatchUp => world.operator.lag = None,
        Step::NoBans(refused) => {
            if *refused {
                spend(world, Kind::NoBans);
            }
            world.operator.no_bans = *refused;
        }
        Step::RunGone(name) => {
            spend(world, Kind::RunGone);
            let run = world.runs.iter().find(|r| r.metadata.name.as_ref() == Some(name)).cloned();
            let spec = run.map(|r| r.spec.clone());
            let at = spec.as_ref().and_then(|spec| STAGES.iter().position(|s| *s == spec.environment));
            if let (Some(at), Some(spec)) = (at, spec) {
                forget(world, at, &spec.attempt, &spec.suite);
            }
            world.runs.retain(|r| r.metadata.name.as_ref() != Some(name));
        }
        Step::NewRelease(number) | Step::ReleaseBack(number) => {
            let is_new = matches!(step, Step::NewRelease(_));
            spend(world, if is_new { Kind::NewRelease } else { Kind::ReleaseBack });
            // a third release has the build of the first under another version
            world.add_release(*number, if *number == 3 && world.budget.shares { 1 } else { *number });
        }
        Step::Pause(name) => {
            spend(world, Kind::Pause);
            let version = Some(world.next_version());
            if let Some(release) = world.releases.iter_mut().find(|r| r.metadata.name.as_ref() == Some(name)) {
                let release = Arc::make_mut(release);
                release.spec.paused = !release.spec.paused;
                release.metadata.generation = release.metadata.generation.map(|g| g + 1);
                release.metadata.resource_version = version;
            }
        }
        Step::Suspend => {
            spend(world, Kind::Suspend);
            edit_pipeline(world, |p| p.spec.suspend = !p.spec.suspend);
        }
        Step::Lower => {
            spend(world, Kind::Lower);
            edit_pipeline(world, |p| p.spec.stages.iter_mut().skip(1).for_each(|stage| stage.promotion = None));
        }
        Step::Window(at) => {
            spend(world, Kind::Window);
            edit_environment(world, *at, |spec| spec.windows = if spec.windows.is_empty() { shut() } else { vec![] });
        }
        Step::Freeze(at) => {
            spend(world, Kind::Freeze);
            let freeze = Freeze { reason: "audit".into(), until: None };
            edit_environment(world, *at, |spec| spec.freeze = spec.freeze.is_none().then_some(freeze));
        }
        Step::Annotate(at) => {
            spend(world, Kind::Annotate);
            let asked = Freezing { source: "the namespace".into(), reason: "audit".into(), until: None };
            let freezes = &mut Arc::make_mut(&mut world.places[*at]).freezes;
            *freezes = if freezes.is_empty() { vec![asked] } else { vec![] };
        }
        Step::Policies => {
            spend(world, Kind::Policies);
            world.operator.guarded = if world.operator.guarded.is_some() { None } else { Some(world.now) };
        }
        Step::Head(head) => move_head(world, *head),
        Step::Pin(release) => {
            spend(world, Kind::Pin);
            let pin = release.map(|number| Pin {
                environment: STAGES[1].to_owned(),
                release: release_name(number),
                reason: "the fair".into(),
            });
            edit_pipeline(world, |p| p.spec.pins = pin.into_iter().collect());
        }
        Step::Decide(kind, release, stage) => decide(world, *kind, *release, *stage),
        Step::Wipe => wipe(world),
        Step::ReleaseGone(_) | Step::PipelineGone | Step::EnvironmentGone(_) | Step::StageGone => remove(world, step),
        _ => {}
    }
    Ok(())
}

/// Windows that never open.
fn shut() -> Vec<Window> {
    serde_json::from_value(serde_json::json!([{"deny": "0 0 * * *", "for": "744h"}])).unwrap()
}

/// The release that the stage is pinned to.
pub fn pin_of(world: &World, at: usize) -> Option<&str> {
    let pipeline = world.pipeline.as_ref()?;
    pipeline.spec.pins.iter().find(|pin| pin.environment == STAGES[at]).map(|pin| pin.release.as_str())
}

fn edit_environment(world: &mut World, at: usize, edit: impl FnOnce(&mut EnvironmentSpec)) {
    let version = Some(world.next_version());
    let Some(environment) = &mut Arc::make_mut(&mut world.places[at]).environment else { return };
    let environment = Arc::make_mut(environment);
    edit(&mut environment.spec);
    environment.metadata.generation = environment.metadata.generation.map(|g| g + 1);
    environment.metadata.resource_version = version;
}

/// What a run or a Job said last and nobody has latched is gone with it; its first word may be on its way to the checkpoint.
pub fn forget(world: &mut World, at: usize, attempt: &str, suite: &str) {
    let open = stored(world, at).and_then(|s| s.rollout.as_ref()).filter(|r| r.attempt == attempt);
    let is_open = open.is_some_and(|r| crate::hooks::is_open(r, suite));
    let is_its = |s: &Said| s.attempt == attempt && s.suite == suite;
    let ghost = world.ghost();
    ghost.said.retain(|s| !(is_its(s) && is_open && !s.first));
    ghost.said.iter_mut().filter(|s| is_its(s) && s.first).for_each(|s| s.passed = true);
}

fn edit_pipeline(world: &mut World, change: impl FnOnce(&mut windlass::api::DeliveryPipeline)) {
    let version = Some(world.next_version());
    if let Some(pipeline) = world.pipeline.as_mut().map(Arc::make_mut) {
        change(pipeline);
        pipeline.metadata.generation = pipeline.metadata.generation.map(|g| g + 1);
        pipeline.metadata.resource_version = version;
    }
}

fn move_head(world: &mut World, head: Option<u8>) {
    spend(world, Kind::Head);
    let spec = head.map(|number| Head {
        version: format!("{number}.0.0"),
        images: vec![ImageRef { name: "app".into(), r#ref: Image(number).text() }],
        created_at: Some(created_at(number)),
        source: None,
        schema: None,
        requested_by: None,
    });
    edit_pipeline(world, |p| p.spec.release = spec);
    if let Some(number) = head {
        for at in 0..2 {
            note(&mut world.ghost().asked[at], release_name(number));
        }
    }
}

/// What it takes of the budget.
const fn kind_of(kind: DecisionType) -> Kind {
    match kind {
        DecisionType::Promote => Kind::Promote,
        DecisionType::Approve => Kind::Approve,
        DecisionType::Reject => Kind::Reject,
        DecisionType::Override => Kind::Override,
        DecisionType::Revert => Kind::Revert,
        DecisionType::Unhold => Kind::Unhold,
        DecisionType::Retry => Kind::Retry,
        DecisionType::Unban => Kind::Unban,
        DecisionType::Withdraw => Kind::Withdraw,
        DecisionType::Adopt => Kind::Adopt,
        DecisionType::Restore => Kind::Restore,
        DecisionType::Abort | DecisionType::Ban | DecisionType::Freeze | DecisionType::Unfreeze => Kind::Abort,
    }
}

fn decide(world: &mut World, kind: DecisionType, release: Option<u8>, stage: Option<usize>) {
    spend(world, kind_of(kind));
    // the server keeps whole seconds, and the second of the adoption counts as before it
    let adopted = world.status().and_then(|s| s.adopted);
    // a word about a release comes later than the release
    if adopted == Some(world.now)
        || matches!(kind, DecisionType::Approve | DecisionType::Reject | DecisionType::Override)
    {
        world.now = Time::from_millis(world.now.millis() + 1000);
    }
    let release = release.map(release_name);
    let is_over = kind == DecisionType::Override;
    let gates = if is_over { vec![Skippable::Window, Skippable::Freeze, Skippable::Approvals] } else { Vec::new() };
    let spec = DecisionSpec {
        r#type: kind,
        pipeline: Some("shop".into()),
        release: release.clone(),
        environment: stage.map(|at| STAGES[at].to_owned()),
        to: None,
        reason: String::new(),
        // who asked for a release does not approve it
        user: Some(if matches!(kind, DecisionType::Approve | DecisionType::Reject) { "ann" } else { "joe" }.into()),
        groups: Vec::new(),
        gates,
        until: None,
        build_hash: None,
        attempt: None,
    };
    let name = format!("decision-{}-{kind:?}", world.budget.total);
    add_decision(world, &name, Decision::new(&name, spec));
    let known = release.as_deref().and_then(|name| world.release(name));
    let build = known.map(|r| build_of(r));
    let uid = known.and_then(|r| r.metadata.uid.clone());
    let is_guarded = world.operator.guarded.is_some();
    let Some(at) = stage else { return };
    let ghost = world.ghost();
    match (kind, release, build) {
        (DecisionType::Promote | DecisionType::Retry, Some(name), _) => note(&mut ghost.asked[at], name),
        (DecisionType::Override, Some(name), _) => note(&mut ghost.overridden[at], name),
        (DecisionType::Approve, ..) if is_guarded => ghost.approved[at].extend(uid),
        (DecisionType::Reject, ..) => ghost.approved[at].retain(|known| Some(known) != uid.as_ref()),
        (DecisionType::Unban, _, Some(build)) => ghost.condemned[at].retain(|b| *b != build),
        (DecisionType::Adopt | DecisionType::Restore, ..) => {
            let here = ghost.by_hand.iter_mut().filter(|h| usize::from(h.place) == at);
            here.for_each(|h| h.binds = false);
            crate::fights::decided(world, at);
        }
        _ => {}
    }
}

/// The status is lost. A ban that stood in it alone is lost with it.
fn wipe(world: &mut World) {
    spend(world, Kind::Wipe);
    world.operator.is_lost = world.operator.late.is_some();
    edit_pipeline(world, |p| p.status = None::<PipelineStatus>);
    for (at, stage) in STAGES.iter().enumerate() {
        let banned = |build: &Image| {
            world.decisions.iter().any(|d| {
                d.spec.r#type == DecisionType::Ban
                    && d.spec.environment.as_deref() == Some(*stage)
                    && d.spec.build_hash.as_ref() == Some(&crate::world::hash_of(*build))
            })
        };
        let kept: Vec<Image> = world.ghost.condemned[at].iter().copied().filter(banned).collect();
        let ghost = world.ghost();
        ghost.condemned[at] = kept;
        ghost.ill[at].clear();
        ghost.asked[at].clear();
        ghost.mark[at] = None;
    }
}

fn remove(world: &mut World, step: &Step) {
    let is_kept = |meta: &kube::api::ObjectMeta| {
        meta.finalizers.as_ref().is_some_and(|f| f.iter().any(|f| f == ROLLOUT_FINALIZER))
    };
    let (now, version) = (world.now, Some(world.next_version()));
    let mark = |meta: &mut kube::api::ObjectMeta| {
        meta.deletion_timestamp = Some(now.into());
        meta.resource_version = version.clone();
    };
    match step {
        Step::ReleaseGone(name) => {
            spend(world, Kind::ReleaseGone);
            if world.release(name).is_some_and(|r| is_kept(&r.metadata)) {
                let release = world.releases.iter_mut().find(|r| r.metadata.name.as_ref() == Some(name));
                release.into_iter().for_each(|r| mark(&mut Arc::make_mut(r).metadata));
            } else {
                drop_release(world, name);
            }
        }
        Step::PipelineGone => {
            spend(world, Kind::PipelineGone);
            match world.pipeline.as_mut().map(Arc::make_mut) {
                Some(pipeline) if is_kept(&pipeline.metadata) => mark(&mut pipeline.metadata),
                _ => world.pipeline = None,
            }
        }
        Step::EnvironmentGone(at) => {
            spend(world, Kind::EnvironmentGone);
            let place = Arc::make_mut(&mut world.places[*at]);
            match place.environment.as_mut().map(Arc::make_mut) {
                Some(environment) if is_kept(&environment.metadata) => mark(&mut environment.metadata),
                _ => (place.environment, place.access) = (None, Access::Missing),
            }
        }
        Step::StageGone => {
            spend(world, Kind::StageGone);
            edit_pipeline(world, |p| p.spec.stages.truncate(1));
        }
        _ => {}
    }
}
