//! Someone else wrote an image: the stage is held, until a person takes the image as it is or has ours put back.

use super::{PREVIOUS, close, name_of, settle};
use crate::api::checkpoint::{Hold, HoldKind, StageStatus};
use crate::api::rollout::Prepared;
use crate::api::{BuildRow, Cause, HistoryEntry, Live, Outcome, RolloutState};
use crate::plan::draft::{self, Draft, clip};
use crate::plan::workload::ForeignWrite;
use crate::plan::world::World;
use crate::plan::{adoption, build, fight, idle, revert};

/// Someone else wrote an image: nothing more is written until a person says Adopt or Restore.
pub fn foreign(world: &World<'_>, draft: &mut Draft, index: usize, found: &ForeignWrite) {
    let what = &found.what;
    let (kind, remedy) = draft.status.stages.get(index).map_or_else(external, |stage| remedy(stage, found));
    let is_delivered = |s: &StageStatus| {
        s.rollout.as_ref().is_some_and(|r| matches!(r.state, RolloutState::Delivered(_)) && !r.is_apart())
    };
    if draft.status.stages.get(index).is_some_and(is_delivered) {
        settle(world, draft, index, Outcome::Delivered, "someone else wrote an image during the bake");
    }
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let rollout = stage.rollout.take();
    if let Some(rollout) = &rollout {
        close(world, stage, rollout, Outcome::Aborted, None, &format!("{}: {what}", kind.reason()));
    }
    // the hold that stood before, or was to come, comes back with Adopt and Restore
    let before = stage.held.take();
    let coming = rollout.as_ref().and_then(|r| match &r.state {
        RolloutState::Reverting(state) => state.hold_by.clone(),
        RolloutState::Preparing(_)
        | RolloutState::Progressing(_)
        | RolloutState::Stepping(_)
        | RolloutState::Verifying(_)
        | RolloutState::Delivered(_)
        | RolloutState::Homing(_) => None,
    });
    let by = coming.or_else(|| before.as_ref().and_then(|h| h.by.clone()));
    let newest = before.and_then(|h| h.newest);
    let message = clip(&format!("{what}; {remedy}"), 512);
    stage.held = Some(Hold { kind, message: message.clone(), by, since: world.now, newest });
    if let Some(rollout) = &rollout {
        super::back::tell_undone(world, draft, index, rollout);
    }
    let Some(stage) = draft.status.stages.get(index) else { return };
    let release =
        rollout.map_or_else(|| stage.current.as_ref().map(|c| c.release.clone()).unwrap_or_default(), |r| r.release);
    let text = format!("{}: {message}", stage.environment);
    draft.warn(&release, kind.reason(), text);
}

/// What it is called, and what people can do: a fight only where ours was put back before.
fn remedy(stage: &StageStatus, found: &ForeignWrite) -> (HoldKind, String) {
    let Some(tool) = found.tool.as_ref().filter(|_| fight::line(&stage.reasserted, &found.workload).is_some()) else {
        return external();
    };
    let remedy = format!(
        "again, within an hour of ours being put back: let {tool} ignore the image, or put the field guard in force (README), \
         then decide Restore; or Adopt, to take it as it is"
    );
    (HoldKind::ImageContested, remedy)
}

fn external() -> (HoldKind, String) {
    let remedy = "a Decision Adopt takes it as it is, Restore puts ours back; for a GitOps tool, let it ignore the image (README)";
    (HoldKind::ExternalChange, remedy.to_owned())
}

/// What someone else wrote becomes what runs: no evidence, the mark unchanged, the hold ends.
pub fn adopt_found(world: &World<'_>, stage: &mut StageStatus, row: &BuildRow, user: &str) {
    let live = found_live(world, stage, row);
    if let Some(before) = stage.current.replace(live).filter(|b| b.healthy && b.build != row.hash) {
        stage.previous.retain(|p| p.build != before.build);
        stage.previous.insert(0, before);
        stage.previous.truncate(PREVIOUS);
    }
    stage.held = stage.held.take().and_then(|hold| under(world, hold));
    stage.reasserted.clear();
    stage.workloads = draft::seen_workloads(world, &stage.environment);
    stage.history.push(HistoryEntry {
        release: String::new(),
        build: row.hash.short().to_owned(),
        attempt: String::new(),
        outcome: Outcome::Adopted,
        cause: None,
        reason: clip(&format!("images as they are, adopted by {user}"), 100),
        at: world.now,
    });
}

/// A workload was re-created under a build that is banned or withdrawn: what runs now is taken as it is. Where that is a
/// placeholder, it goes back to a healthy build; without one a person must look.
pub fn adopt_instead(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let Some(row) = adoption::found_now(world, &stage.environment) else { return };
    let (name, environment) = (stage.current.as_ref().map(name_of).unwrap_or_default(), stage.environment.clone());
    if build::has_placeholder(&row) {
        let why = format!("a workload was re-created with a placeholder, and {name} is banned or withdrawn");
        let leaving = stage.current.as_ref().map(|c| c.build.clone()).unwrap_or_default();
        let hook = stage.current.as_ref().map(|c| c.prepared.hold.as_str()).filter(|hook| !hook.is_empty());
        if let Some(hook) = hook {
            let text = format!("{why}; hook {hook} has no way back; decide Revert to go back all the same");
            return draft::alert(stage, world, super::held::REVERT_HELD, &text);
        }
        return match revert::default_target(world, stage, &leaving) {
            Some(target) => revert::open(world, draft, index, target, Cause::Failed, &why, None),
            None => draft::alert(stage, world, "NoRevertTarget", &why),
        };
    }
    adopt_found(world, stage, &row, &format!("Windlass, as {name} is banned or withdrawn"));
    draft.keep(&row);
    let text = format!("{environment}: a workload was re-created; {name} is banned or withdrawn, so its images stay");
    draft.tell("", "Adopted", text);
}

/// Images that are no release, as something that runs.
pub fn found_live(world: &World<'_>, stage: &StageStatus, row: &BuildRow) -> Live {
    Live {
        release: String::new(),
        release_uid: String::new(),
        version: String::new(),
        build: row.hash.clone(),
        schema: None,
        created_at: None,
        attempt: String::new(),
        since: world.now,
        healthy: idle::serves(world, stage),
        prepared: Prepared::default(),
        template: draft::template(world, &stage.environment),
    }
}

/// The hold that stood before someone else wrote an image, if one did.
pub fn under(world: &World<'_>, hold: Hold) -> Option<Hold> {
    let Hold { kind: _, message: _, by, since: _, newest } = hold;
    let kind = match (&by, &newest) {
        (_, Some(_)) => HoldKind::AdoptionHold,
        (Some(_), None) => HoldKind::Revert,
        (None, None) => return None,
    };
    let message = by.as_ref().map_or_else(
        || {
            "several releases stood above what ran at first sight; a Decision Promote names the one that is meant"
                .to_owned()
        },
        |by| format!("held by {by}"),
    );
    Some(Hold { kind, message, by, since: world.now, newest })
}
