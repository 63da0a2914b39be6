//! What the stored checkpoint asks for: image writes, Jobs, TestRuns, bans, statuses, finalizers. All of it follows from
//! the checkpoint and from what is seen, so a crash between any two leaves what the next pass finds and finishes.

use kube::{Resource, ResourceExt};

use crate::api::checkpoint::{PendingBan, StageStatus};
use crate::api::decision::{DecisionPhase, DecisionStatus, DecisionType};
use crate::api::labels::ROLLOUT_FINALIZER;
use crate::api::rollout::Rollout;
use crate::api::{Decision, DecisionSpec, RolloutState};

use super::action::{Action, Kind, Target};
use super::draft::{self, Draft};
use super::mutant::{Mutant, is};
use super::promotion::is_final;
use super::world::{World, phase_of};
use super::{build_suite, cleanup, decision, evidence, head, images, release, traffic, upstream};

/// All effects, in the order in which they are tried. What takes exposure from a clone comes first, of all stages. A finalizer
/// that is missing comes before what it guards: that may not start without, and may go back.
pub fn effects(world: &World<'_>, draft: &Draft) -> Vec<Action> {
    let guards = missing_finalizers(world, draft);
    let is_guarded = guards.is_empty();
    let (mut actions, mut writes) = (Vec::new(), Vec::new());
    for stage in &draft.status.stages {
        let mut all = Vec::new();
        images::writes(world, draft, stage, &mut all);
        let (cuts, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_cut);
        actions.extend(cuts);
        if is_guarded || stage.rollout.as_ref().is_some_and(|rollout| !is_forward(rollout)) {
            writes.extend(others);
        }
    }
    actions.extend(guards);
    for stage in &draft.status.stages {
        actions.extend(stage.bans.iter().map(|ban| create_ban(world, stage, ban)));
    }
    actions.extend(writes);
    if !is_guarded {
        return actions;
    }
    build_suite::effects(world, draft, &mut actions);
    for stage in &draft.status.stages {
        evidence::effects(world, draft, stage, &mut actions);
    }
    if !is(Mutant::UnbanLeaves) {
        lift_bans(world, draft, &mut actions);
    }
    if !world.is_pipeline_deleted()
        && let Some((name, spec)) = head::missing_release(world, draft.status.head.as_ref())
    {
        actions.push(Action::CreateRelease { name, spec: Box::new(spec) });
    }
    decision_statuses(world, draft, &mut actions);
    release_statuses(world, draft, &mut actions);
    cleanup::finalizers(world, draft, &mut actions);
    cleanup::retention(world, draft, &mut actions);
    actions
}

/// Whether it lowers what a clone gets, or leaves it: what raises it has something to confirm.
fn is_cut(action: &Action) -> bool {
    matches!(action, Action::PutRoute(put) if put.stands.is_some() && put.confirm.is_empty())
        || matches!(action, Action::ScaleClone(scale) if scale.confirm.is_empty())
}

/// An object as it was seen.
pub fn target<K: Resource>(kind: Kind, object: &K) -> Target {
    let meta = object.meta();
    Target {
        kind,
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
    }
}

/// Whether an object carries our finalizer.
pub fn is_guarded<K: Resource>(object: &K) -> bool {
    object.meta().finalizers.as_ref().is_some_and(|all| all.iter().any(|f| f == ROLLOUT_FINALIZER))
}

/// The pipeline, the Release and the Environment of an open rollout stay until it has ended.
fn missing_finalizers(world: &World<'_>, draft: &Draft) -> Vec<Action> {
    let mut out = Vec::new();
    let open = || draft.status.stages.iter().filter_map(|s| s.rollout.as_ref().map(|r| (s, r)));
    if open().next().is_some() || traffic::route::is_kept(world, draft) {
        guard(Kind::Pipeline, world.snap.pipeline.as_ref(), &mut out);
    }
    for (stage, rollout) in open() {
        if let Some(environment) = world.place(&stage.environment).and_then(|p| p.environment.as_deref()) {
            guard(Kind::Environment, environment, &mut out);
        }
        if let Some(known) = world.release(&rollout.release).filter(|k| k.uid == rollout.release_uid) {
            guard(Kind::Release, known.release, &mut out);
        }
    }
    out.dedup();
    out
}

fn guard<K: Resource>(kind: Kind, object: &K, out: &mut Vec<Action>) {
    // a finalizer cannot be added to what is being deleted
    if !is_guarded(object) && object.meta().deletion_timestamp.is_none() {
        let action = Action::Finalizer { target: target(kind, object), present: true };
        if !out.contains(&action) {
            out.push(action);
        }
    }
}

fn create_ban(world: &World<'_>, stage: &StageStatus, ban: &PendingBan) -> Action {
    let pipeline = world.snap.pipeline.name_any();
    let name = format!("{pipeline}.{}.{}.{}", stage.environment, ban.build.short(), ban.attempt);
    let spec = DecisionSpec {
        r#type: DecisionType::Ban,
        pipeline: Some(pipeline),
        release: (!ban.release.is_empty()).then(|| ban.release.clone()),
        environment: Some(stage.environment.clone()),
        to: None,
        reason: ban.reason.clone(),
        user: None,
        groups: Vec::new(),
        gates: Vec::new(),
        until: None,
        build_hash: Some(ban.build.clone()),
        attempt: Some(ban.attempt.clone()),
    };
    Action::CreateBan { name, spec }
}

/// An applied Unban takes the objects of the ban with it; only then does its own status say so.
fn lift_bans(world: &World<'_>, draft: &Draft, actions: &mut Vec<Action>) {
    for decision in &world.decisions {
        // one that something else keeps is deleted once
        let standing =
            lifted_by(world, draft, decision).into_iter().filter(|b| b.metadata.deletion_timestamp.is_none());
        for ban in standing {
            actions.push(Action::Delete { target: target(Kind::Decision, ban) });
        }
    }
}

fn lifted_by<'a>(world: &World<'a>, draft: &Draft, decision: &'a Decision) -> Vec<&'a Decision> {
    let is_unban = decision.spec.r#type == DecisionType::Unban;
    let build = draft
        .noted(decision)
        .filter(|n| is_unban && n.phase == DecisionPhase::Applied)
        .and_then(|n| n.build_hash.as_ref());
    match (build, decision.spec.environment.as_deref()) {
        (Some(build), Some(environment)) => world.bans(environment, build).collect(),
        _ => Vec::new(),
    }
}

fn decision_statuses(world: &World<'_>, draft: &Draft, actions: &mut Vec<Action>) {
    for decision in world.decisions.iter().filter(|d| !is_final(phase_of(d))) {
        if !lifted_by(world, draft, decision).is_empty() {
            continue;
        }
        let Some(status) = decision_status(world, draft, decision) else { continue };
        if decision.status.as_ref() != Some(&status) {
            actions.push(Action::DecisionStatus { target: target(Kind::Decision, *decision), status });
        }
    }
}

fn decision_status(world: &World<'_>, draft: &Draft, decision: &Decision) -> Option<DecisionStatus> {
    let say = |phase, reason: &str| draft::decision_status(decision, phase, reason);
    if decision.spec.r#type == DecisionType::Ban {
        return Some(say(DecisionPhase::Applied, "stands as long as this object"));
    }
    if draft.noted(decision).is_some() {
        return draft.status_of(decision);
    }
    if decision::is_expired(draft.status.adopted, decision) {
        return Some(say(
            DecisionPhase::Expired,
            "made before Windlass first saw the pipeline, or in that second; old decisions do not act again, so decide anew if it is still meant",
        ));
    }
    let environment = decision.spec.environment.as_deref()?;
    let waits = standing_reason(world, draft, environment, decision.spec.release.as_deref()?)?;
    Some(say(DecisionPhase::Pending, &waits))
}

/// What a standing Promote or Retry waits for.
fn standing_reason(world: &World<'_>, draft: &Draft, environment: &str, release: &str) -> Option<String> {
    let index = draft.status.stages.iter().position(|s| s.environment == environment)?;
    let spec = world.stage(environment)?;
    let candidate = super::gate::Candidate::of(world, draft, index, spec, world.release(release)?)?;
    let closed = super::gate::first_closed(&candidate);
    Some(closed.map_or_else(|| "stands until its turn comes".to_owned(), |c| format!("stands; waits: {}", c.reason)))
}

fn release_statuses(world: &World<'_>, draft: &Draft, actions: &mut Vec<Action>) {
    for known in &world.releases {
        let status = release::status(world, draft, known);
        if known.release.status.as_ref() != Some(&status) {
            actions
                .push(Action::ReleaseStatus { target: target(Kind::Release, known.release), status: Box::new(status) });
        }
    }
}

/// What must not have moved when exposure rises: the Environment, the pipeline, the Release, the runs that prove it.
pub fn confirm(world: &World<'_>, draft: &Draft, stage: &StageStatus, rollout: &Rollout) -> Vec<Target> {
    if is(Mutant::ConfirmDropped) {
        return Vec::new();
    }
    let mut out = vec![target(Kind::Pipeline, world.snap.pipeline.as_ref())];
    if let Some(environment) = world.place(&stage.environment).and_then(|p| p.environment.as_deref()) {
        out.push(target(Kind::Environment, environment));
    }
    if let Some(known) = world.release(&rollout.release) {
        out.push(target(Kind::Release, known.release));
    }
    let before = upstream::on_the_way(world, draft, &stage.environment);
    for (before, proof) in before.into_iter().flat_map(|b| b.proofs.iter().map(move |proof| (b, proof))) {
        let is_its = proof.release_uid == rollout.release_uid && proof.build == rollout.build && proof.void.is_none();
        let runs = world.snap.test_runs.iter().filter(|r| {
            is_its
                && r.spec.environment == before.environment
                && r.spec.attempt == proof.attempt
                && r.spec.release_uid == proof.release_uid
        });
        out.extend(runs.map(|r| target(Kind::TestRun, r.as_ref())));
    }
    let runs = build_suite::runs(world, &rollout.release_uid, &rollout.build);
    out.extend(runs.map(|run| target(Kind::TestRun, run)));
    out
}

/// Whether a rollout of that stage is on its way forward.
pub fn is_forward(rollout: &Rollout) -> bool {
    match rollout.state {
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_) => true,
        RolloutState::Reverting(_) => false,
    }
}
