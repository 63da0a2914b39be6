//! What a workload of an idle stage has become: not ours any more, re-created, or of another template.

use super::{HEALTH_LOST, current_row};
use crate::api::checkpoint::{SeenWorkload, StageStatus};
use crate::api::pipeline::WorkloadRef;
use crate::api::{HistoryEntry, Outcome};
use crate::observe::Workload;
use crate::plan::draft::{self, Draft, clip};
use crate::plan::mutant::{Mutant, is};
use crate::plan::workload::{self, ForeignWrite};
use crate::plan::world::World;
use crate::plan::{again, fight};

/// How a workload of an idle stage differs from what the checkpoint says.
#[derive(Debug, PartialEq, Eq)]
pub enum Drift {
    None,
    /// Its UID or template is new: to be recorded.
    Record {
        restored: bool,
    },
    /// It does not run the current build because it was re-created, or because a write of an earlier rollout arrived late:
    /// an effect puts it back.
    ToRestore,
    /// Someone else wrote an image.
    Foreign(ForeignWrite),
}

/// Compares a workload of an idle stage with the checkpoint.
pub fn drift(world: &World<'_>, draft: &Draft, stage: &StageStatus, workload: &WorkloadRef, seen: &Workload) -> Drift {
    let row = current_row(world, draft, stage);
    let known = stage.workloads.iter().find(|w| w.workload == workload.key());
    let is_new = known.is_none_or(|k| k.uid != seen.uid);
    let difference = row.and_then(|row| workload::foreign(world, seen, workload, row));
    let is_late = || row.is_some_and(|row| workload::is_late_write(world, seen, workload, row));
    // a rollout that ended without a way back may have left other images than the current build's
    let is_as_left = || known.is_some_and(|known| draft::is_as_recorded(known, seen));
    let is_held = stage.foreign().is_some();
    let is_bad = || super::is_bad(world, stage);
    match difference {
        Some(_) if is_held => Drift::None,
        // what the spec names only since is no drift: the next rollout writes it
        Some(_) if is_new && known.is_some() || is(Mutant::PersonRestored) => Drift::ToRestore,
        Some(_) if is_new => Drift::None,
        Some(_) if !is_as_left() && is_late() => Drift::ToRestore,
        Some(foreign) if !is_as_left() && !is_bad() && fight::is_put_right(&stage.reasserted, seen, &foreign) => {
            Drift::ToRestore
        }
        Some(foreign) if !is_as_left() => Drift::Foreign(foreign),
        None if is_new => Drift::Record { restored: known.is_some() },
        Some(_) | None if known.is_some_and(|k| k.fingerprint != seen.fingerprint) => Drift::Record { restored: false },
        Some(_) | None => Drift::None,
    }
}

/// Takes down how the workload is seen now, and what has changed.
pub fn record(
    world: &World<'_>,
    draft: &mut Draft,
    index: usize,
    workload: &WorkloadRef,
    seen: &Workload,
    restored: bool,
) {
    let Some(stage) = draft.status.stages.get(index) else { return };
    let key = workload.key();
    let old = stage.workloads.iter().find(|w| w.workload == key).cloned();
    let now = now(world, draft, stage, workload, seen, old.as_ref());
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    // defaults of an upgraded server change the raw template at an unchanged generation: nobody's act
    let is_silent = old.as_ref().is_none_or(|o| o.uid == seen.uid && o.generation == seen.generation);
    stage.workloads.retain(|w| w.workload != key);
    stage.workloads.push(now);
    stage.workloads.sort_by(|a, b| a.workload.cmp(&b.workload));
    if is_silent {
        return;
    }
    let (outcome, reason) = if restored {
        (Outcome::Restored, format!("{key} was re-created and got its build back"))
    } else {
        (Outcome::ConfigChanged, format!("the template of {key} changed"))
    };
    if !restored {
        again::make_stale(world, stage);
    }
    let bake = world.stage(&stage.environment).map(|s| s.bake());
    stage.watch_until = bake.map(|bake| world.now.plus(bake));
    // it was said of the template before
    stage.alert.take_if(|alert| alert.reason == HEALTH_LOST);
    let current = stage.current.as_ref();
    stage.history.push(HistoryEntry {
        release: current.map(|c| c.release.clone()).unwrap_or_default(),
        build: current.map(|c| c.build.short().to_owned()).unwrap_or_default(),
        attempt: String::new(),
        outcome,
        cause: None,
        reason: clip(&reason, 100),
        at: world.now,
    });
    let release = current.map(|c| c.release.clone()).unwrap_or_default();
    let text = format!("{}: {reason}", stage.environment);
    draft.tell(&release, if restored { "Restored" } else { "ConfigChanged" }, text);
}

/// The workload as it is seen now. A container that the spec names only since is left out until it runs what is current.
fn now(
    world: &World<'_>,
    draft: &Draft,
    stage: &StageStatus,
    workload: &WorkloadRef,
    seen: &Workload,
    old: Option<&SeenWorkload>,
) -> SeenWorkload {
    let mut now = draft::seen_workload(workload, seen);
    let row = current_row(world, draft, stage);
    let others = row.map(|row| workload::writes(world, seen, workload, row.into())).unwrap_or_default();
    let is_known = |name: &str| old.is_some_and(|old| old.images.iter().any(|image| image.container == name));
    now.images.retain(|i| is_known(&i.container) || !others.iter().any(|(name, _)| *name == i.container));
    now
}
