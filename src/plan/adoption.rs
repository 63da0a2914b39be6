//! First sight of a stage: what runs is recorded before anything is written (walk 1).

use crate::api::build::{BuildHash, BuildRow, FoundImage};
use crate::api::checkpoint::{Hold, HoldKind, StageStatus};
use crate::api::rollout::{Prepared, Rollout};
use crate::api::{Cause, HistoryEntry, Live, Outcome, RolloutState};
use crate::observe::{Claim, Workload};

use super::draft::{self, Draft};
use super::mutant::{Mutant, is};
use super::world::{Known, World, order};
use super::{build, ending, health, rollout, strategy, traffic, workload};

/// Gives each stage of the spec its checkpoint, in the spec's order, and adopts those that can be seen.
pub fn adopt(world: &World<'_>, draft: &mut Draft) {
    if draft.status.adopted.is_none() {
        draft.status.adopted = Some(world.now);
    }
    arrange(world, draft);
    for index in 0..draft.status.stages.len() {
        leave_to_other(world, draft, index);
        leave_place(world, draft, index);
        adopt_stage(world, draft, index);
    }
}

/// Stages in the order of the spec; one that is not in it any more stays until its rollout has ended and its clones are gone.
fn arrange(world: &World<'_>, draft: &mut Draft) {
    let mut old = std::mem::take(&mut draft.status.stages);
    for stage in &world.spec.stages {
        let known = old.iter().position(|s| s.environment == stage.environment).map(|at| old.remove(at));
        draft.status.stages.push(
            known.unwrap_or_else(|| StageStatus { environment: stage.environment.clone(), ..StageStatus::default() }),
        );
    }
    draft.status.stages.extend(
        old.into_iter().filter(|s| s.rollout.is_some() || !s.bans.is_empty() || has_left(world, &s.environment)),
    );
}

/// Whether anything that Windlass made for the exposure of builds is still there.
pub fn has_left(world: &World<'_>, environment: &str) -> bool {
    strategy::has_clones(world, environment)
        || strategy::lock::is_left(world, environment)
        || traffic::route::is_left(world, environment)
}

/// A workload that another pipeline has claimed is no longer what this one recorded: once the claim is void, what runs
/// then is adopted anew. The mark and the evidence stay.
fn leave_to_other(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get(index).filter(|s| s.adopted.is_some()) else { return };
    let environment = stage.environment.clone();
    let Some(other) = world.spec.workloads.iter().find_map(|w| world.claimant(&stage.environment, &w.key())) else {
        return;
    };
    let why = format!("WorkloadClaimed: by pipeline {other}");
    // what is still ours goes back first
    let is_part_ours = |rollout: &Rollout| {
        rollout.workloads.iter().any(|plan| world.claimant(&environment, &plan.workload.key()).is_none())
    };
    let is_ill = stage.rollout.as_ref().is_some_and(|r| rollout::is_ill(world, stage, r));
    let is_apart = stage.rollout.as_ref().is_some_and(Rollout::is_apart);
    match stage.rollout.as_ref().map(|r| (&r.state, is_part_ours(r))) {
        Some((RolloutState::Reverting(_), true)) => return,
        Some((
            RolloutState::Preparing(_)
            | RolloutState::Progressing(_)
            | RolloutState::Stepping(_)
            | RolloutState::Verifying(_)
            | RolloutState::Homing(_),
            true,
        )) => {
            return ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
        }
        Some((RolloutState::Delivered(_), true)) if is_apart => {
            return ending::go_back(world, draft, index, Cause::Inconclusive, &why, None);
        }
        Some((RolloutState::Delivered(_), _)) if !is_apart && !is_ill => {
            ending::settle(world, draft, index, Outcome::Delivered, &why)
        }
        Some(_) | None => {}
    }
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    leave(world, stage, Cause::Inconclusive, &why);
    let text = format!("{environment}: left to pipeline {other}, which has claimed a workload there");
    draft.warn("", "WorkloadClaimed", text);
}

/// An Environment that was made again and points elsewhere: what was recorded is of another place, and what runs in this
/// one is adopted. The mark and the evidence stay.
fn leave_place(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index).filter(|s| s.adopted.is_some()) else { return };
    let (environment, now) = (stage.environment.clone(), world.namespace(&stage.environment).map(str::to_owned));
    let Some((now, before)) = now.zip(stage.namespace.clone()).filter(|(now, before)| now != before) else { return };
    let why = format!("the Environment points at {now}, and no longer at {before}");
    leave(world, stage, Cause::EnvironmentDeleted, &why);
    (stage.alert, stage.watch_until) = (None, None);
    stage.previous.clear();
    stage.workloads.clear();
    stage.readable = None;
    draft.warn("", "EnvironmentMoved", format!("{environment}: {why}; what runs there is adopted"));
}

/// What runs there is not what was recorded; whatever was under way is over.
fn leave(world: &World<'_>, stage: &mut StageStatus, cause: Cause, why: &str) {
    if let Some(rollout) = stage.rollout.take() {
        ending::close(world, stage, &rollout, Outcome::Aborted, Some(cause), why);
    }
    (stage.adopted, stage.current) = (None, None);
    stage.reasserted.clear();
    // a person's hold is lifted by a person
    stage.held.take_if(|held| held.kind != HoldKind::Revert);
}

fn adopt_stage(world: &World<'_>, draft: &mut Draft, index: usize) {
    let is_live =
        draft.status.stages.iter().any(|s| s.rollout.is_some() || s.history.iter().any(|e| e.outcome.is_terminal()));
    let Some(stage) = draft.status.stages.get_mut(index).filter(|s| s.adopted.is_none()) else { return };
    if is(Mutant::AdoptionAfter) && !stage.history.iter().any(|e| e.outcome.is_terminal()) {
        return;
    }
    let Some(seen) = all_seen(world, &stage.environment) else { return };
    stage.adopted = Some(world.now);
    stage.namespace = world.namespace(&stage.environment).map(str::to_owned);
    stage.workloads = draft::seen_workloads(world, &stage.environment);
    let (live, row) = found(world, stage, &seen);
    if let Some(live) = &live {
        let known = world.release(&live.release);
        let is_above = |k: &&Known<'_>| stage.high_water.as_ref().is_none_or(|mark| order(&k.mark, mark).is_gt());
        if let Some(known) = known.filter(is_above) {
            stage.high_water = Some(known.mark.clone());
        }
        stage.history.push(HistoryEntry {
            release: live.release.clone(),
            build: live.build.short().to_owned(),
            attempt: String::new(),
            outcome: Outcome::Adopted,
            cause: None,
            reason: if known.is_some() { "ran already".into() } else { "revision 0, as found".into() },
            at: world.now,
        });
    }
    if !is_live {
        stage.held = adoption_hold(world, stage, live.as_ref());
    }
    stage.current = live;
    if let Some(row) = row {
        draft.keep(&row);
    }
}

/// Every workload of the spec in that environment, if all exist with the containers that are named, and none is another
/// pipeline's.
fn all_seen<'a>(world: &World<'a>, environment: &str) -> Option<Vec<&'a Workload>> {
    world.namespace(environment)?;
    let place = world.place(environment)?;
    let seen = |w: &crate::api::pipeline::WorkloadRef| {
        let is_free = |s: &&std::sync::Arc<Workload>| !s.deleting && !matches!(s.claim, Claim::Other(_));
        let seen = place.workloads.get(&w.key()).filter(is_free)?;
        w.containers.iter().all(|c| seen.images.contains_key(&c.name)).then_some(seen.as_ref())
    };
    world.spec.workloads.iter().map(seen).collect()
}

/// What runs: the newest release whose images all stand in the templates, else revision 0. A placeholder is neither.
fn found(world: &World<'_>, stage: &StageStatus, seen: &[&Workload]) -> (Option<Live>, Option<BuildRow>) {
    let row = found_row(world, seen);
    if build::has_placeholder(&row) {
        return (None, None);
    }
    let healthy = seen.iter().all(|w| health::is_serving(w));
    let template = draft::template(world, &stage.environment);
    let is_running = |k: &&Known<'_>| {
        k.build.as_ref().is_ok_and(|r| {
            !build::has_tags(r) && world.spec.workloads.iter().zip(seen).all(|(w, s)| workload::runs(world, s, w, r))
        })
    };
    let known = world.releases.iter().rev().find(is_running);
    let row = known.and_then(|k| k.build.as_ref().ok()).cloned().unwrap_or(row);
    let live = Live {
        release: known.map(|k| k.mark.release.clone()).unwrap_or_default(),
        release_uid: known.map(|k| k.uid.to_owned()).unwrap_or_default(),
        version: known.map(|k| k.mark.version.clone()).unwrap_or_default(),
        build: row.hash.clone(),
        schema: known.and_then(|k| k.release.spec.build.schema).map(|schema| schema.version),
        created_at: known.map(|k| k.mark.created_at),
        attempt: String::new(),
        since: world.now,
        healthy,
        prepared: Prepared::default(),
        template,
    };
    (Some(live), Some(row))
}

/// Each managed container's image as it stands in the templates: revision 0, or what a person set.
pub fn found_row(world: &World<'_>, seen: &[&Workload]) -> BuildRow {
    let mut found = Vec::new();
    for (workload, seen) in world.spec.workloads.iter().zip(seen) {
        for container in &workload.containers {
            let image = seen.images.get(&container.name).cloned().unwrap_or_default();
            found.push(FoundImage { workload: workload.key(), container: container.name.clone(), image });
        }
    }
    let keys: Vec<(String, &str)> =
        found.iter().map(|f| (format!("{}/{}", f.workload, f.container), f.image.as_str())).collect();
    let hash = BuildHash::of(keys.iter().map(|(key, image)| (key.as_str(), *image)));
    BuildRow { hash, images: Vec::new(), found }
}

/// More than one release above what runs, at first sight: a person must say which one is meant.
fn adoption_hold(world: &World<'_>, stage: &StageStatus, live: Option<&Live>) -> Option<Hold> {
    let current = live.and_then(|l| world.release(&l.release)).map(|k| &k.mark);
    let mut way = world.spec.upstream(&stage.environment);
    way.push(world.stage(&stage.environment)?);
    let is_above = |k: &&Known<'_>| {
        let hash = &k.hash;
        // what cannot be delivered is no candidate, and its place in the order may be a slip of the pen
        k.build.is_ok()
            && current.is_none_or(|c| order(&k.mark, c).is_gt())
            // a ban in a stage before keeps it from here as well
            && !way.iter().any(|s| world.bans(&s.environment, hash).next().is_some())
            && world.withdrawal(k.name(), hash).is_none()
    };
    let above: Vec<&Known<'_>> = world.releases.iter().filter(is_above).collect();
    let newest = above.last().filter(|_| above.len() > 1)?;
    let names: Vec<&str> = above.iter().rev().take(5).map(|k| k.name()).collect();
    let more =
        if above.len() > names.len() { format!(" and {} more", above.len() - names.len()) } else { String::new() };
    let message = format!(
        "{} releases stood above what ran at first sight ({}{more}); a Decision Promote names the one that is meant",
        above.len(),
        names.join(", ")
    );
    Some(Hold { kind: HoldKind::AdoptionHold, message, by: None, since: world.now, newest: Some(newest.mark.clone()) })
}

/// All the workloads of the stage, for those who record what is found later.
pub fn found_now(world: &World<'_>, environment: &str) -> Option<BuildRow> {
    all_seen(world, environment).map(|seen| found_row(world, &seen))
}
