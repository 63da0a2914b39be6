//! What a stage's status says of the objects that go by the labels of pods: noted from the first look on, before anything
//! is cloned, and told once where the clone would be left out.

use crate::api::preflight::{MOST, Matches, Preflight, PreflightKind};
use crate::api::{Rollout, StageStatus};

use super::draft::{Draft, clip};
use super::world::World;

/// Bytes of what is told: an event takes 1,024.
const TOLD: usize = 900;

/// Notes what is seen; nothing where no clone is made. A namespace that may not be looked into leaves it as it was.
pub fn note(world: &World<'_>, draft: &mut Draft, index: usize) {
    let Some(stage) = draft.status.stages.get_mut(index) else { return };
    let environment = stage.environment.as_str();
    let is_open = |rollout: &Rollout| rollout.strategy.clones();
    let is_cloned = world.stage(environment).is_some_and(|spec| spec.strategy.clones());
    if !is_cloned && !stage.rollout.as_ref().is_some_and(is_open) {
        stage.preflight.clear();
    } else if world.namespace(environment).is_some()
        && let Some(place) = world.place(environment)
    {
        stage.preflight = place.preflight.iter().take(MOST).cloned().collect();
    }
}

/// Tells what has come to leave a clone out since the stored checkpoint.
pub fn tell(world: &World<'_>, draft: &mut Draft) {
    let stored = world.snap.pipeline.status.as_ref();
    let is_new = |stage: &StageStatus, entry: &Preflight| {
        let before = stored.and_then(|stored| stored.stage(&stage.environment));
        entry.matches == Matches::Stable && before.is_none_or(|before| !before.preflight.contains(entry))
    };
    let told: Vec<String> = draft
        .status
        .stages
        .iter()
        .filter_map(|stage| {
            let new: Vec<String> = stage.preflight.iter().filter(|entry| is_new(stage, entry)).map(in_words).collect();
            (!new.is_empty()).then(|| clip(&format!("{}: {}", stage.environment, new.join("; ")), TOLD))
        })
        .collect();
    for text in told {
        draft.warn("", "CloneLeftOut", text);
    }
}

fn in_words(entry: &Preflight) -> String {
    let Preflight { kind, name, workload, matches: _ } = entry;
    match kind {
        PreflightKind::HorizontalPodAutoscaler => {
            format!("{} {name} scales Deployment/{workload} and does not count its clone's pods", kind.as_str())
        }
        PreflightKind::Service | PreflightKind::PodDisruptionBudget | PreflightKind::NetworkPolicy => {
            format!("{} {name} matches pods of Deployment/{workload} and not its clone's", kind.as_str())
        }
    }
}
