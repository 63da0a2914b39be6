//! What one stage of a new checkpoint means: a rollout that opens, turns back or ends, a build that is condemned. Judged,
//! then written into the ghost history.

use windlass::api::{
    Cause, DecisionPhase, DecisionType, Live, Outcome, PipelineStatus, Rollout, RolloutState, Span, StageStatus, Time,
};

use windlass::observe::Workload;

use crate::ghost::note;
use crate::safety::{Holds, condemnation, holds, inconclusive, is_forward, restored};
use crate::world::{Frozen, Image, STAGES, World, image, image_in, serves};
use crate::{build_tests, checks, clones, coverage, fights, hooks, people};

/// Judges the change of one stage and records it.
pub fn judge(world: &mut World, new: &PipelineStatus, at: usize, before: &StageStatus, stage: &StageStatus) -> Holds {
    coverage::stage(before, stage);
    checks::well(world, at, before, stage)?;
    adopted(world, at, before, stage);
    for entry in &stage.history[before.history.len()..] {
        restored(world, new, at, stage, entry.outcome)?;
        settled(world, at, before, entry.outcome)?;
        hooks::undone(world, before, entry.outcome)?;
    }
    for ban in stage.bans.iter().filter(|b| !before.bans.contains(b)) {
        let build = world.image_of(&ban.build);
        condemnation(world, at, before, &ban.attempt, build)?;
        note(&mut world.ghost().condemned[at], build);
        void(world, at, build);
    }
    let is_same = |a: &Rollout, b: &Rollout| a.attempt == b.attempt;
    let known = before.rollout.as_ref().zip(stage.rollout.as_ref()).is_some_and(|(a, b)| is_same(a, b));
    if let Some(rollout) = &stage.rollout {
        #[allow(clippy::collapsible_match, reason = "one arm for each state")]
        match &rollout.state {
            RolloutState::Reverting(state) => {
                if !known || before.rollout.as_ref().is_some_and(is_forward) {
                    inconclusive(world, at, before, state.ending.cause)?;
                    checks::has_leave(world, at, before, state.ending.cause, &state.ending.message)?;
                    turned(world, new, at, rollout)?;
                }
            }
            _ if !known => opened(world, at, before, stage, rollout)?,
            _ => {}
        }
    }
    blamed(world, at, before, stage)?;
    fights::told(world, at, before, stage)?;
    exposed(world, at, before, stage)?;
    proven(world, at, before, stage)?;
    record(world, new, at, before, stage);
    Ok(())
}

/// S14: what is recorded healthy at its end does not fail at that moment.
fn settled(world: &World, at: usize, before: &StageStatus, outcome: Outcome) -> Holds {
    let Some(rollout) = before.rollout.as_ref().filter(|_| !world.is_stale()) else { return Ok(()) };
    if !matches!(outcome, Outcome::Delivered | Outcome::Superseded) {
        return Ok(());
    }
    let is_home = !rollout.strategy.clones() || world.places[at].clones.is_empty();
    holds(is_home, "L6", || format!("{}: it is settled, and its clone is there", STAGES[at]))?;
    let build = world.image_of(&rollout.build);
    let fails = |w: &Workload| image(w) == build && w.pods.iter().any(|p| p.trouble.is_some());
    // a homecoming goes on for as long as it takes
    let is_ill = world.places[at].workloads.values().any(|w| fails(w));
    holds(!is_ill, "S14", || format!("{build:?} is recorded healthy in {} while its pods fail", STAGES[at]))
}

/// First sight, or sight after the status was lost: the mark is what runs, and what a person wrote is taken as it is.
fn adopted(world: &mut World, at: usize, before: &StageStatus, stage: &StageStatus) {
    if before.adopted.is_some() || stage.adopted.is_none() {
        return;
    }
    let mark = stage.current.as_ref().and_then(|c| world.release(&c.release)).map(|r| r.spec.build.created_at);
    fights::forget(world, at);
    let ghost = world.ghost();
    ghost.mark[at] = mark;
    ghost.by_hand.retain(|h| usize::from(h.place) != at);
}

/// S5, S18, and holds: what may start.
fn opened(world: &mut World, at: usize, before: &StageStatus, stage: &StageStatus, rollout: &Rollout) -> Holds {
    let name = STAGES[at];
    let build = world.image_of(&rollout.build);
    let Some(release) = world.release(&rollout.release).cloned() else { return Ok(()) };
    let created = release.spec.build.created_at;
    let is_above = world.ghost.mark[at].is_none_or(|mark| created > mark);
    let is_asked = world.ghost.asked[at].contains(&rollout.release)
        || is_interrupted(stage, rollout)
        || is_again(world, at, stage, rollout);
    holds(is_above || is_asked, "S18", || format!("{} enters {name}, not above the mark, unasked", rollout.release))?;
    holds(!world.ghost.condemned[at].contains(&build), "S5", || {
        format!("{build:?} failed in {name} and starts again")
    })?;
    if !world.is_first(at) && !world.operator.is_late && world.operator.lag.is_none() {
        let is_proven = world.ghost.is_proven(at - 1, &rollout.release_uid, build, &world.suites(at - 1));
        holds(is_proven, "S1", || format!("{build:?} starts in {name}, unproven upstream"))?;
        let template = world.template(at - 1);
        let is_fresh = world.ghost.is_fresh(at - 1, &rollout.release_uid, build, &template);
        holds(is_fresh || !is_whole(world, at - 1), "S1", || format!("{build:?} starts in {name} on stale evidence"))?;
        let is_ripe = has_soaked(world, at, &rollout.release_uid, build);
        holds(is_ripe, "S1", || format!("{build:?} starts in {name} before it has soaked"))?;
    }
    let is_shut = world.places[at].environment.as_ref().is_some_and(|e| !e.spec.windows.is_empty());
    let is_overridden = !rollout.overridden.is_empty();
    let is_unasked = is_overridden && !world.ghost.overridden[at].contains(&rollout.release);
    holds(!is_unasked, "S10", || format!("{} enters {name} by an Override that nobody made", rollout.release))?;
    let is_shut = (is_shut || world.is_frozen(at)) && !is_overridden;
    let is_fresh = !world.operator.is_late && world.operator.lag.is_none();
    holds(!is_shut || !is_fresh || is_again(world, at, stage, rollout), "S10", || {
        format!("{} starts in {name}, which is shut or frozen", rollout.release)
    })?;
    let is_guarded = world.operator.guarded.is_some();
    let is_approved = is_guarded && is_overridden
        || world.operator.guarded.is_some() && world.ghost.approved[at].contains(&rollout.release_uid);
    holds(
        !wants_approval(world, at) || is_approved || !is_fresh || is_again(world, at, stage, rollout),
        "S30",
        || format!("{} starts in {name} without the approval that is asked for", rollout.release),
    )?;
    let is_bad = is_withdrawn(world, &rollout.release, build);
    // a late checkpoint of an old leader (S12, with leader terms) opens what the next pass withdraws before it is exposed
    let is_late = world.operator.is_late;
    holds(!is_bad || is_late, "S18", || format!("{} was withdrawn and enters {name}", rollout.release))?;
    let is_fresh = !world.operator.is_late && !matches!(world.operator.lag, Some(Frozen::Pipeline(_)));
    let head = world.pipeline.as_ref().and_then(|p| p.spec.release.as_ref()?.created_at).filter(|_| is_fresh);
    holds(head.is_none_or(|h| created <= h), "S18", || format!("{} is above the head", rollout.release))?;
    if is_fresh && world.operator.lag.is_none() && !is_again(world, at, stage, rollout) {
        build_tests::opened(world, at, rollout)?;
    }
    let pin = people::pin_of(world, at).filter(|_| is_fresh);
    let is_meant = pin.is_none_or(|pin| pin == rollout.release);
    holds(is_meant, "S35", || format!("{} enters {name}, which is pinned to {pin:?}", rollout.release))?;
    let is_held = before.held.is_some() && stage.held.is_some();
    holds(!is_held, "S18", || format!("{} enters {name}, which is held", rollout.release))?;
    holds(!world.bars(at), "S30", || {
        format!("{} starts in {name} without the suite, or the check, that its owner asks for", rollout.release)
    })?;
    let is_beyond = world.is_beyond(at, &release);
    holds(!is_beyond, "S18", || format!("{} enters {name}, which is behind its last stage", rollout.release))?;
    let has_place = world.places[at].environment.as_ref().is_some_and(|e| {
        let is_limited = e.spec.policy.as_ref().is_some_and(|p| p.max_concurrent_rollouts.is_some());
        !is_limited || e.status.as_ref().is_some_and(|s| s.grants.iter().any(|grant| grant.pipeline == "shop"))
    });
    holds(has_place || !is_fresh || is_overridden || is_again(world, at, stage, rollout), "S10", || {
        format!("{} starts in {name} without a place", rollout.release)
    })?;
    let ghost = world.ghost();
    ghost.mark[at] = ghost.mark[at].max(Some(created));
    ghost.asked[at].retain(|r| *r != rollout.release);
    ghost.overridden[at].retain(|r| *r != rollout.release);
    Ok(())
}

/// An attempt of that build in the stage before began as long ago as it has to soak there, and was fully exposed.
fn has_soaked(world: &World, at: usize, release_uid: &str, build: Image) -> bool {
    let soak = wanted_soak(world, at);
    soak == Span::default()
        || world.ghost.exposed[at - 1].iter().any(|(attempt, uid, image)| {
            // of attempts that began at once the stamps are a millisecond apart
            uid == release_uid && *image == build && world.now.plus(Span::seconds(1)).since(begun(attempt)) >= soak
        })
}

/// How long a build must have run in the stage before.
pub fn wanted_soak(world: &World, at: usize) -> Span {
    let stage = world.pipeline.as_ref().and_then(|p| p.spec.stage(STAGES[at]));
    let soak = stage.and_then(|s| s.promotion.as_ref()?.soak);
    soak.max(world.policy(at).and_then(|policy| policy.min_soak)).unwrap_or_default()
}

/// Somebody must approve what enters there.
pub fn wants_approval(world: &World, at: usize) -> bool {
    let stage = world.pipeline.as_ref().and_then(|p| p.spec.stage(STAGES[at]));
    stage.and_then(|s| s.promotion.as_ref()).is_some_and(|promotion| promotion.approvals.is_some())
        || world.policy(at).is_some_and(|policy| policy.approvals.is_some())
}

/// When an attempt began, as its stamp says.
fn begun(stamp: &str) -> Time {
    let (date, time) = (&stamp[..8], &stamp[9..18]);
    let (day, clock) = ((&date[..4], &date[4..6], &date[6..]), (&time[..2], &time[2..4], &time[4..6], &time[6..]));
    let text = format!("{}-{}-{}T{}:{}:{}.{}Z", day.0, day.1, day.2, clock.0, clock.1, clock.2, clock.3);
    serde_json::from_value(text.into()).unwrap()
}

/// All workloads of a stage are there: what is not has no template.
fn is_whole(world: &World, at: usize) -> bool {
    let wanted = world.pipeline.as_ref().map_or(0, |p| p.spec.workloads.len());
    world.places[at].workloads.len() == wanted
}

/// Its last attempt was overtaken by a change of the template.
fn is_interrupted(stage: &StageStatus, rollout: &Rollout) -> bool {
    let last = stage.history.iter().rev().find(|e| e.outcome.is_terminal());
    last.is_some_and(|e| e.release == rollout.release && e.cause == Some(Cause::Interrupted))
}

/// It runs there, and the template has changed since it was proven.
fn is_again(world: &World, at: usize, stage: &StageStatus, rollout: &Rollout) -> bool {
    let is_shaken = |attempt: &String| world.ghost.shaken[at].contains(attempt);
    let mut own = stage.history.iter().filter(|e| e.release == rollout.release && e.outcome.is_terminal());
    own.any(|e| is_shaken(&e.attempt))
}

/// S14: where it goes back to. The evidence for what it leaves counts no more.
fn turned(world: &mut World, new: &PipelineStatus, at: usize, rollout: &Rollout) -> Holds {
    let Some(target) = &rollout.target else { return Ok(()) };
    let image = image_in(Some(new), &target.build);
    let name = STAGES[at];
    holds(world.ghost.healthy[at].contains(&image), "S14", || format!("{name} goes back to {image:?}, never healthy"))?;
    let is_bad = is_withdrawn(world, &target.release, image) || world.ghost.condemned[at].contains(&image);
    holds(!is_bad, "S14", || format!("{name} goes back to {image:?}, which is banned or withdrawn"))?;
    let build = image_in(Some(new), &rollout.build);
    void(world, at, build);
    if let RolloutState::Reverting(state) = &rollout.state
        && state.ending.cause == Cause::Failed
    {
        note(&mut world.ghost().condemned[at], build);
    }
    Ok(())
}

/// S31: nobody is said to have written an image who did not.
fn blamed(world: &World, at: usize, before: &StageStatus, stage: &StageStatus) -> Holds {
    let is_so = |s: &StageStatus| s.foreign().is_some();
    let is_by_hand = world.ghost.by_hand.iter().any(|h| usize::from(h.place) == at);
    let is_true = is_so(before) || !is_so(stage) || is_by_hand || fights::is_there(world, at);
    let said = || stage.held.as_ref().map(|h| h.message.clone()).unwrap_or_default();
    holds(is_true, "S31", || format!("{} is held, and nobody wrote an image: {}", STAGES[at], said()))
}

/// S1: fully exposed means that every workload serves the new build.
fn exposed(world: &World, at: usize, before: &StageStatus, stage: &StageStatus) -> Holds {
    let is_so = |s: &StageStatus| s.rollout.as_ref().is_some_and(|r| r.exposed_at.is_some());
    let Some(rollout) = stage.rollout.as_ref().filter(|_| !world.is_stale() && is_so(stage) && !is_so(before)) else {
        return Ok(());
    };
    let build = world.image_of(&rollout.build);
    let all = if rollout.is_apart() {
        clones::serve_in_full(world, at, rollout)
    } else {
        world.places[at].workloads.values().all(|w| image(w) == build && serves(w))
    };
    holds(all, "S1", || format!("{build:?} is called fully exposed in {} and does not serve", STAGES[at]))
}

/// S1, S13: nothing is called delivered whose suites have not all passed in that attempt, or while its pods fail.
fn proven(world: &World, at: usize, before: &StageStatus, stage: &StageStatus) -> Holds {
    let is_so = |s: &StageStatus| matches!(s.rollout.as_ref().map(|r| &r.state), Some(RolloutState::Delivered(_)));
    if world.is_stale() || is_so(before) || !is_so(stage) {
        return Ok(());
    }
    let rollout = stage.rollout.iter().map(|r| (r.attempt.as_str(), world.suites(at)));
    for (attempt, suites) in rollout {
        let has_passed = |suite: &String| world.ghost.has_passed(at, attempt, suite);
        let silent = suites.iter().find(|suite| !has_passed(suite));
        holds(silent.is_none(), "S1", || format!("{} is called delivered without suite {silent:?}", STAGES[at]))?;
    }
    if let Some(rollout) = &stage.rollout {
        checks::proven(world, at, rollout)?;
        hooks::concluded(world, at, rollout)?;
    }
    let is_of_template = stage.rollout.as_ref().is_none_or(|r| clones::are_of_template(world, at, r));
    holds(is_of_template, "S2", || format!("{}: proven in a clone of another template", STAGES[at]))?;
    let carriers = stage.rollout.as_ref().map(|r| clones::carriers(world, at, r)).unwrap_or_default();
    let ill = carriers.into_iter().find(|w| w.pods.iter().any(|p| p.trouble.is_some()));
    holds(ill.is_none(), "S13", || format!("{} is called delivered and {:?} fails", STAGES[at], ill.map(|i| &i.name)))
}

fn void(world: &mut World, at: usize, build: Image) {
    let ghost = world.ghost();
    let attempts: Vec<String> = ghost.exposed[at].iter().filter(|e| e.2 == build).map(|e| e.0.clone()).collect();
    attempts.into_iter().for_each(|attempt| note(&mut ghost.void[at], attempt));
}

/// Whether a person declared the release or its build bad, as far as the operator can have seen it.
pub fn is_withdrawn(world: &World, release: &str, build: Image) -> bool {
    if world.operator.is_late || matches!(world.operator.lag, Some(Frozen::Decisions(_))) {
        return false;
    }
    world.decisions.iter().any(|d| {
        let names = d.spec.release.as_deref();
        let of_build = names.and_then(|n| world.release(n)).map(|r| crate::world::build_of(r));
        d.spec.r#type == DecisionType::Withdraw
            && d.status.as_ref().and_then(|s| s.phase) != Some(DecisionPhase::Refused)
            && (names == Some(release) || of_build == Some(build))
    })
}

fn record(world: &mut World, new: &PipelineStatus, at: usize, before: &StageStatus, stage: &StageStatus) {
    let Some(current) = &stage.current else { return };
    let key = |l: &Live| (l.build.clone(), l.attempt.clone(), l.healthy);
    if before.current.as_ref().map(key) != Some(key(current)) {
        let pair = (image_in(Some(new), &current.build), world.template(at));
        note(&mut world.ghost().records[at], pair);
    }
}
