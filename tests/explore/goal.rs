//! The goal states: what must be so once a world has come to rest with faults and people off.

use std::sync::Arc;

use windlass::api::{
    Decision, DecisionPhase, DecisionType, Outcome, Rollout, RolloutState, RunPhase, Span, StageStatus,
};
use windlass::observe::Claim;
use windlass::plan::{Step as Do, plan};

use crate::build_tests;
use crate::people::pin_of;
use crate::safety::{Holds, broken, holds, stored};
use crate::transition::{is_withdrawn, wanted_soak, wants_approval};
use crate::world::{STAGES, World, build_of, hash_of, image, serves};

/// L1: nothing is written at rest, a day later either.
pub fn stays(world: &World) -> Holds {
    let Some(snapshot) = world.snapshot() else { return Ok(()) };
    let later = plan(&snapshot, world.now.plus(Span::seconds(24 * 3600)));
    let is_still = later.step == Do::Effects(Vec::new());
    holds(is_still || world.operator.late.is_some(), "L1", || format!("a day later it writes: {:?}", later.step))
}

/// L1, L2, L3, L5, and what must have been let go.
pub fn reached(world: &World) -> Holds {
    let left = world.places.iter().find_map(|p| p.jobs.values().next());
    holds(left.is_none(), "L6", || format!("a Job of ours is left: {left:?}"))?;
    crate::clones::none_left(world)?;
    crate::routes::none_left(world)?;
    crate::locks::none_left(world)?;
    if world.pipeline.is_none() {
        return Ok(());
    }
    let is_barred =
        |uid: Option<&String>| (0..2).any(|at| barred(world, at).is_some_and(|r| Some(&r.release_uid) == uid));
    let is_kept = |r: &&std::sync::Arc<windlass::api::Release>| {
        r.metadata.deletion_timestamp.is_some() && !is_barred(r.metadata.uid.as_ref())
    };
    holds(world.releases.iter().find(is_kept).is_none(), "L6", || "a deleted Release is kept".into())?;
    for at in 0..2 {
        if let Some(stage) = stored(world, at) {
            of_stage(world, at, stage)?;
        }
    }
    decisions(world)?;
    let is_open = |p: Option<RunPhase>| {
        !matches!(p, Some(RunPhase::Passed | RunPhase::Failed | RunPhase::Errored | RunPhase::Aborted))
    };
    let of_stages = world.runs.iter().filter(|r| STAGES.contains(&r.spec.environment.as_str()));
    let open = of_stages.into_iter().find(|r| is_open(r.status.as_ref().and_then(|s| s.phase)));
    holds(open.is_none(), "L3", || format!("a TestRun has no end: {:?}", open.map(|r| &r.metadata.name)))?;
    Ok(())
}

/// The one rollout that may stay: its way home is barred, a person was told, and its clone answers.
fn barred(world: &World, at: usize) -> Option<&Rollout> {
    let stage = stored(world, at)?;
    let is_told = stage.alert.as_ref().is_some_and(|alert| alert.reason == "HomecomingFailed");
    let is_ill = !world.places[at].workloads.values().all(|w| serves(w));
    let home = stage.rollout.as_ref().filter(|r| matches!(r.state, RolloutState::Homing(_)));
    home.filter(|_| is_told && is_ill)
}

fn of_stage(world: &World, at: usize, stage: &StageStatus) -> Holds {
    let name = STAGES[at];
    if barred(world, at).is_some() {
        return Ok(());
    }
    holds(stage.rollout.is_none(), "L3", || format!("{name}: a rollout is open at rest"))?;
    holds(stage.bans.is_empty(), "L2", || format!("{name}: a ban has no object"))?;
    let is_external = stage.foreign().is_some();
    let is_going = world.pipeline.as_ref().is_some_and(|p| p.metadata.deletion_timestamp.is_some());
    // one on its way out takes nothing in; its own small reconciler lets it go, which is no part of this world
    let stands = |e: &std::sync::Arc<windlass::api::Environment>| e.metadata.deletion_timestamp.is_none();
    let is_free = world.places[at].environment.as_ref().is_some_and(stands) && !is_going && stage.adopted.is_some();
    if is_external || !is_free || !world.stage_names().contains(&name) {
        return Ok(());
    }
    let has_alert = stage.alert.is_some();
    for (key, workload) in &world.places[at].workloads {
        let current = stage.current.as_ref().map(|c| world.image_of(&c.build));
        let is_ours = !matches!(workload.claim, Claim::Other(_));
        let is_so = current.is_none_or(|c| c == image(workload));
        holds(is_so || !is_ours || has_alert, "L1", || {
            format!("{name} {key}: runs {:?}, not {current:?}", image(workload))
        })?;
        let fails = workload.pods.iter().any(|p| p.trouble.is_some());
        let ill = world.ghost.ill[at].iter().find(|(_, build)| *build == image(workload));
        // what was left to another pipeline is adopted as it stands
        let is_adopted = stage.current.as_ref().is_some_and(|c| c.attempt.is_empty());
        holds(!fails || has_alert || ill.is_none() || is_adopted, "L2", || {
            format!("{name} {key}: its pods fail since its rollout, and it stays")
        })?;
        let is_bad = world.ghost.condemned[at].contains(&image(workload));
        // a status that was lost took the alert with it
        holds(!is_bad || has_alert || is_adopted, "L2", || {
            format!("{name} {key}: {:?} failed and stays", image(workload))
        })?;
    }
    goes_by_its_pin(world, at, stage)?;
    advances(world, at, stage)
}

/// L7: a pinned stage runs what it is pinned to, where that was delivered there and may run.
fn goes_by_its_pin(world: &World, at: usize, stage: &StageStatus) -> Holds {
    let Some(pin) = pin_of(world, at) else { return Ok(()) };
    let is_bad = |build| world.ghost.condemned[at].contains(&build) || is_withdrawn(world, pin, build);
    let kept = stage.previous.iter().find(|live| live.release == pin && live.healthy);
    let is_wanted = kept.is_some_and(|live| !is_bad(world.image_of(&live.build)));
    let runs = stage.current.as_ref().map(|live| live.release.as_str());
    holds(!is_wanted, "L7", || format!("{} is pinned to {pin}, and runs {runs:?}", STAGES[at]))
}

/// L5: a release whose gates are open does not wait.
fn advances(world: &World, at: usize, stage: &StageStatus) -> Holds {
    let Some(pipeline) = &world.pipeline else { return Ok(()) };
    let spec = &pipeline.spec.stages[at];
    let is_complete = world.places[at].workloads.len() == pipeline.spec.workloads.len();
    let is_ours = world.places[at].workloads.values().all(|w| !matches!(w.claim, Claim::Other(_)));
    let is_shut = world.places[at].environment.as_ref().is_some_and(|e| !e.spec.windows.is_empty());
    if is_shut
        || world.bars(at)
        || wants_approval(world, at) && world.operator.guarded.is_none()
        || world.is_frozen(at)
        || stage.held.is_some()
        || pin_of(world, at).is_some()
        || pipeline.spec.suspend
        || spec.is_manual()
        || !is_complete
        || !is_ours
    {
        return Ok(());
    }
    let head = pipeline.spec.release.as_ref().and_then(|h| h.created_at);
    for release in &world.releases {
        let build = build_of(release);
        let created = release.spec.build.created_at;
        let name = release.metadata.name.as_deref().unwrap_or("");
        let uid = release.metadata.uid.as_deref().unwrap_or("");
        let is_banned = world.decisions.iter().any(|d| {
            d.spec.r#type == DecisionType::Ban
                && d.spec.environment.as_deref() == Some(STAGES[at])
                && d.spec.build_hash.as_ref() == Some(&hash_of(build))
        });
        let is_proven = world.is_first(at) || has_ended_well(world, at - 1, uid, build);
        let mark = stage.high_water.as_ref().map(|m| m.created_at).max(world.ghost.mark[at]);
        let may = !release.spec.paused
            && !world.is_beyond(at, release)
            && build.0 <= 4
            && mark.is_none_or(|m| created > m)
            && head.is_none_or(|h| created <= h)
            && !is_banned
            && !is_withdrawn(world, name, build)
            && is_proven
            && soaks(world, at, build)
            && build_tests::let_in(world, at, uid, &hash_of(build).0)
            && (!wants_approval(world, at) || is_approved(world, at, uid));
        holds(!may, "L5", || format!("{name} could enter {} and does not", STAGES[at]))?;
    }
    Ok(())
}

/// At rest it has soaked, if it runs in the stage before and nobody has put anything else there.
fn soaks(world: &World, at: usize, build: crate::world::Image) -> bool {
    let runs = |stage: &StageStatus| stage.current.as_ref().is_some_and(|live| live.build == hash_of(build));
    wanted_soak(world, at) == Span::default()
        || stored(world, at - 1).is_some_and(|stage| runs(stage) && stage.foreign().is_none())
}

/// The last word that was taken about it is an approval.
fn is_approved(world: &World, at: usize, uid: &str) -> bool {
    let is_taken = |d: &&Arc<Decision>| {
        let status = d.status.as_ref();
        d.spec.environment.as_deref() == Some(STAGES[at])
            && status.is_some_and(|s| s.phase == Some(DecisionPhase::Applied) && s.release_uid.as_deref() == Some(uid))
            && matches!(d.spec.r#type, DecisionType::Approve | DecisionType::Reject)
    };
    let last = world.decisions.iter().filter(is_taken).max_by_key(|d| d.metadata.creation_timestamp.clone());
    last.is_some_and(|d| d.spec.r#type == DecisionType::Approve)
}

/// Proven, as the suites said and as history tells: a run that was deleted before anyone read it proves nothing.
fn has_ended_well(world: &World, at: usize, uid: &str, build: crate::world::Image) -> bool {
    let ghost = &world.ghost;
    let attempts = ghost.exposed[at].iter().filter(|e| e.1 == uid && e.2 == build).map(|e| &e.0);
    let entries = || stored(world, at).into_iter().flat_map(|s| &s.history);
    let is_good = |a: &String| {
        entries().any(|e| e.attempt == *a && matches!(e.outcome, Outcome::Delivered | Outcome::Superseded))
    };
    let is_fresh = ghost.is_fresh(at, uid, build, &world.template(at));
    is_fresh && ghost.is_proven(at, uid, build, &world.suites(at)) && attempts.into_iter().any(is_good)
}

/// Every Decision has its answer, but for what stands; a lifted ban is gone.
fn decisions(world: &World) -> Holds {
    for decision in &world.decisions {
        let spec = &decision.spec;
        let phase = decision.status.as_ref().and_then(|s| s.phase);
        // these wait for a workload that is gone
        let at = STAGES.iter().position(|s| spec.environment.as_deref() == Some(s)).unwrap_or(0);
        let wanted = world.pipeline.as_ref().map_or(0, |p| p.spec.workloads.len());
        let waits = matches!(spec.r#type, DecisionType::Adopt | DecisionType::Restore)
            && world.places[at].workloads.len() < wanted;
        let may_stand =
            waits || matches!(spec.r#type, DecisionType::Promote | DecisionType::Retry | DecisionType::Override);
        let is_adopted = spec.environment.as_ref().is_none_or(|e| {
            let stage = world.status().and_then(|s| s.stages.iter().find(|s| s.environment == *e));
            stage.is_none_or(|s| s.adopted.is_some())
        });
        let is_answered = !matches!(phase, None | Some(DecisionPhase::Pending));
        holds(is_answered || may_stand || !is_adopted, "L3", || format!("{:?} has no answer", spec.r#type))?;
        let lifts = spec.r#type == DecisionType::Unban && phase == Some(DecisionPhase::Applied);
        let hash = decision.status.as_ref().and_then(|s| s.build_hash.as_ref());
        let older = world.decisions.iter().find(|b| {
            b.spec.r#type == DecisionType::Ban
                && b.spec.environment == spec.environment
                && b.spec.build_hash.as_ref() == hash
                && b.metadata.creation_timestamp < decision.metadata.creation_timestamp
        });
        if lifts && older.is_some() {
            return broken("L1", "a ban was lifted and its object stays");
        }
    }
    Ok(())
}
