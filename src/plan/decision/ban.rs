//! Unban and Withdraw: what is lifted from a build, and what is laid on it for ever.

use crate::api::checkpoint::StageStatus;
use crate::api::{BuildHash, Decision};
use crate::plan::draft::Draft;
use crate::plan::world::World;

use super::Answer;

pub(super) fn unban(world: &World<'_>, draft: &mut Draft, index: usize, decision: &Decision) -> Answer {
    let Some(stage) = draft.status.stages.get_mut(index) else { return Answer::Stands };
    let hash = match (&decision.spec.release, &decision.spec.to) {
        (Some(name), _) => world.release(name).map(|known| known.hash.clone()),
        (None, Some(to)) => banned_hash(world, stage, to),
        (None, None) => None,
    };
    let Some(hash) = hash else { return Answer::refused("no release or banned build of that name is known") };
    if !world.is_banned(stage, &hash) {
        return Answer::refused(format!("the build is not banned in {}", stage.environment));
    }
    stage.bans.retain(|b| b.build != hash);
    Answer::to_build("the ban is lifted; Promote or Retry brings the build", hash)
}

/// The banned build that `hash:…` or a release's name means.
fn banned_hash(world: &World<'_>, stage: &StageStatus, to: &str) -> Option<BuildHash> {
    if let Some(known) = world.release(to) {
        return Some(known.hash.clone());
    }
    let digits = to.strip_prefix("hash:")?;
    let recorded = world.decisions.iter().filter(|d| d.spec.environment.as_deref() == Some(stage.environment.as_str()));
    let hashes = recorded.filter_map(|d| d.spec.build_hash.as_ref()).chain(stage.bans.iter().map(|b| &b.build));
    hashes.into_iter().find(|h| h.0.starts_with(digits)).cloned()
}

/// Withdraw only has to be resolved to a build: what it does follows from the object being there.
pub(super) fn withdraw(world: &World<'_>, draft: &Draft, decision: &Decision) -> Answer {
    let name = decision.spec.release.as_deref().unwrap_or("");
    let live = |s: &StageStatus| {
        let lives = s.current.iter().chain(&s.previous).find(|l| l.release == name).map(|l| l.build.clone());
        lives.or_else(|| s.rollout.as_ref().filter(|r| r.release == name).map(|r| r.build.clone()))
    };
    let build =
        world.release(name).map(|known| known.hash.clone()).or_else(|| draft.status.stages.iter().find_map(live));
    match build {
        Some(build) => Answer::to_build(format!("{name} is delivered nowhere again"), build),
        None => Answer::refused(format!("spec.release: there is no release {name}")),
    }
}
