//! Which release enters a stage: the newest whose gates are all open. Its plan is frozen here.

use crate::api::checkpoint::StageStatus;
use crate::api::decision::{DecisionPhase, Skippable};
use crate::api::hook::HookPoint;
use crate::api::rollout::{Preparing, Rollout};
use crate::api::stage::Stage;
use crate::api::{BuildRow, Decision, Outcome, RolloutState};

use super::draft::Draft;
use super::gate::{self, Candidate};
use super::mutant::{Mutant, is};
use super::opening::{self, Subject};
use super::world::{Known, World, order};
use super::{capacity, check, decision, ending, hook, revert, strategy, suite};

/// Starts the newest release with open gates in each stage that is free.
pub fn start(world: &World<'_>, draft: &mut Draft) {
    if world.is_pipeline_deleted() {
        draft.status.stages.iter_mut().for_each(|stage| stage.asks = None);
        return;
    }
    for index in 0..draft.status.stages.len() {
        let asked = draft.status.stages.get_mut(index).and_then(|stage| stage.asks.take());
        let Some(stage) = draft.status.stages.get(index).filter(|s| is_free(s)) else { continue };
        if is_wavering(world, draft, index, stage) {
            continue;
        }
        let Some(spec) = world.stage(&stage.environment) else { continue };
        // what runs is judged to the end of its bake, and not while something else prepares
        if stage.rollout.is_some() && spec.hooks.as_ref().is_some_and(|hooks| !hooks.before.is_empty()) {
            continue;
        }
        if let Some(chosen) = choose(world, draft, index, spec) {
            enter(world, draft, index, spec, &chosen);
        } else if lacks_place(world, draft, index, spec)
            && let Some(stage) = draft.status.stages.get_mut(index)
        {
            stage.asks = capacity::asks(world, &stage.environment, asked);
        }
    }
}

/// Whether a release waits for nothing but a free place in the Environment.
fn lacks_place(world: &World<'_>, draft: &Draft, index: usize, spec: &Stage) -> bool {
    let mut candidates =
        world.releases.iter().rev().filter_map(|known| Candidate::of(world, draft, index, spec, known));
    capacity::limit(world, &spec.environment).is_some() && candidates.any(|candidate| gate::lacks_place(&candidate))
}

/// Nothing is under way, or what is under way only bakes and may give way to a newer release.
fn is_free(stage: &StageStatus) -> bool {
    match stage.rollout.as_ref().map(|r| &r.state) {
        None => stage.adopted.is_some() || is(Mutant::AdoptionAfter),
        // a build whose pods fail does not become a revert target: health decides first
        Some(RolloutState::Delivered(state)) => {
            let is_well = state.unhealthy.is_none() && state.revert.is_none();
            // what runs in a clone goes home first
            is_well && !stage.rollout.as_ref().is_some_and(Rollout::is_apart)
        }
        Some(
            RolloutState::Preparing(_)
            | RolloutState::Progressing(_)
            | RolloutState::Stepping(_)
            | RolloutState::Verifying(_)
            | RolloutState::Homing(_)
            | RolloutState::Reverting(_),
        ) => false,
    }
}

/// A build whose checks are bad just now does not become a revert target either.
fn is_wavering(world: &World<'_>, draft: &Draft, index: usize, stage: &StageStatus) -> bool {
    let exposed = stage.rollout.as_ref().and_then(|r| r.exposed_at);
    exposed.is_some_and(|since| check::is_wavering(world, draft, index, since))
}

/// The release that enters, and the Decisions by which it does.
struct Chosen<'w, 'a> {
    known: &'w Known<'a>,
    standing: Option<&'a Decision>,
    overrides: Vec<&'a Decision>,
    /// The gates that would have kept it out.
    skipped: Vec<Skippable>,
}

fn choose<'w, 'a>(world: &'w World<'a>, draft: &Draft, index: usize, spec: &'a Stage) -> Option<Chosen<'w, 'a>> {
    world.releases.iter().rev().find_map(|known| {
        let candidate = Candidate::of(world, draft, index, spec, known)?;
        let is_open = gate::first_closed(&candidate).is_none();
        is_open.then(|| {
            let skipped = gate::skipped(&candidate);
            Chosen { known, standing: candidate.standing, overrides: candidate.overrides, skipped }
        })
    })
}

/// Opens the rollout. What it will do is frozen: edits of the stage apply to the next one.
fn enter(world: &World<'_>, draft: &mut Draft, index: usize, spec: &Stage, chosen: &Chosen<'_, '_>) {
    let Chosen { known, standing, overrides, skipped: _ } = chosen;
    if draft.status.stages.get(index).is_some_and(|s| s.rollout.is_some()) {
        let why = format!("{} started during its bake", known.mark.version);
        ending::settle(world, draft, index, Outcome::Superseded, &why);
    }
    let Ok(row) = &known.build else { return };
    draft.keep(row);
    let Some(stage) = draft.status.stages.get(index) else { return };
    let rollout = opened(world, draft, stage, spec, row, chosen);
    let is_other = stage.current.as_ref().is_some_and(|current| current.build != row.hash);
    let is_rolled_instead = spec.strategy.clones() && !rollout.strategy.clones() && is_other;
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    stage.rollout = Some(rollout);
    stage.interrupted.take_if(|last| last.release_uid != known.uid);
    if !is(Mutant::MarkNotRaised) && stage.high_water.as_ref().is_none_or(|mark| order(&known.mark, mark).is_gt()) {
        stage.high_water = Some(known.mark.clone());
    }
    let environment = stage.environment.clone();
    if let Some(head) = draft.status.head.as_mut().filter(|h| h.release == known.mark.release) {
        head.exempt.retain(|e| *e != environment || is(Mutant::ExemptionStays));
    }
    let overrides = overrides.iter().filter(|_| !is(Mutant::OverrideStays));
    for used in standing.iter().chain(overrides) {
        decision::applied(draft, used, known, &format!("{} started in {environment}", known.mark.version));
    }
    draft.tell(known.name(), "Started", format!("{environment}: {} started", known.mark.version));
    if is_rolled_instead {
        let text = format!(
            "{environment}: {} is rolled, and not tried in a clone: the workload does not run the current build",
            known.mark.version
        );
        draft.warn(known.name(), "RolledInstead", text);
    }
}

/// The rollout as it begins.
fn opened(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    spec: &Stage,
    row: &BuildRow,
    Chosen { known, standing, overrides: _, skipped }: &Chosen<'_, '_>,
) -> Rollout {
    let deadline = world.now.plus(spec.progress_deadline());
    let subject = Subject {
        release: known.name().to_owned(),
        release_uid: known.uid.to_owned(),
        version: known.mark.version.clone(),
        build: row.hash.clone(),
    };
    let strategy = strategy::of(world, draft, stage, spec, &row.hash);
    let is_again = stage.current.as_ref().is_some_and(|current| current.build == row.hash);
    let hooks = hook::frozen(spec, is_again);
    let state = if hooks.iter().any(|hook| hook.point == HookPoint::Before) {
        RolloutState::Preparing(Preparing { deadline, paused: None })
    } else {
        opening::exposing(&strategy, deadline)
    };
    let target = revert::default_target(world, stage, &row.hash);
    Rollout {
        schema: known.release.spec.build.schema,
        decision: standing.and_then(|d| d.metadata.uid.clone()),
        overridden: skipped.clone(),
        traffic: world.spec.traffic.clone().filter(|_| strategy.clones()),
        strategy,
        suites: suite::frozen(&spec.tests, world.now),
        hooks,
        checks: spec.checks.clone(),
        ..opening::rollout(world, &draft.status, stage, spec, subject, target, state)
    }
}

/// The Decision Promote or Retry that stands for that release in that stage: the last one.
pub fn standing<'a>(world: &World<'a>, draft: &Draft, environment: &str, release: &str) -> Option<&'a Decision> {
    let names = |d: &&&Decision| {
        decision::is_standing(draft, d)
            && d.spec.environment.as_deref() == Some(environment)
            && d.spec.release.as_deref() == Some(release)
    };
    world.decisions.iter().rev().find(|d| names(d) && decision::is_open(world, draft, d)).copied()
}

/// Whether a phase is final.
pub const fn is_final(phase: Option<DecisionPhase>) -> bool {
    matches!(phase, Some(DecisionPhase::Applied | DecisionPhase::Refused | DecisionPhase::Expired))
}
