//! The git head, `spec.release`: an upper bound while it is set, a delivery when it moves up, a wish to go back when it
//! moves down (walk 4).

use crate::api::build::hex;
use crate::api::checkpoint::{HeadStatus, Mark};
use crate::api::pipeline::Head;
use crate::api::release::Build;
use crate::api::{BuildHash, BuildRow, ReleaseSpec, Time};

use super::draft::Draft;
use super::world::World;
use super::{build, origin};

/// Follows the head: records where it stands and where a moved one may go below the mark.
pub fn follow(world: &World<'_>, draft: &mut Draft) {
    let Some(head) = &world.spec.release else {
        draft.status.head = None;
        return;
    };
    let Ok(row) = build_of(world, head) else { return };
    if problem(world, draft, head, &row).is_some() {
        return;
    }
    use_up_exemptions(draft);
    let known = draft.status.head.as_ref();
    if known.is_some_and(|k| k.version == head.version) {
        return;
    }
    let release = release_name(world, &head.version);
    let existing = world.release(&release).map(|k| k.mark.created_at);
    let remembered = || remembered(draft, &release, &row.hash);
    let order = existing.or(head.created_at).or_else(remembered).unwrap_or(world.now);
    let is_moved = known.is_some();
    let exempt = if is_moved { world.spec.stages.iter().map(|s| s.environment.clone()).collect() } else { Vec::new() };
    let origin = origin::of(world, &world.snap.pipeline.metadata);
    let version = head.version.clone();
    draft.status.head = Some(HeadStatus { version, build: row.hash, release, order, origin, exempt });
}

/// When a build that runs or ran here was made: its Release may be gone, and it is not newer for that.
fn remembered(draft: &Draft, release: &str, build: &BuildHash) -> Option<Time> {
    let lives = draft.status.stages.iter().flat_map(|s| s.current.iter().chain(&s.previous));
    lives.filter(|l| l.release == release && l.build == *build).find_map(|l| l.created_at)
}

/// Where the head runs, its exemption from the mark has served: a person's Revert later is not undone by it.
fn use_up_exemptions(draft: &mut Draft) {
    let Some(head) = &mut draft.status.head else { return };
    let stages = &draft.status.stages;
    head.exempt.retain(|environment| {
        let stage = stages.iter().find(|s| s.environment == *environment);
        !stage.is_some_and(|s| s.rollout.is_none() && s.current.as_ref().is_some_and(|c| c.build == head.build))
    });
}

/// The head's build, or what is wrong with it, naming the field.
pub fn build_of(world: &World<'_>, head: &Head) -> Result<BuildRow, String> {
    build::resolve(&world.spec.images, &head.images, "spec.release.images")
}

/// Why the head cannot be followed: its version stands for another build already.
pub fn problem(world: &World<'_>, draft: &Draft, head: &Head, row: &BuildRow) -> Option<String> {
    let refuse = |what: &str| {
        Some(format!(
            "spec.release: version {} was {what} with other images; give the new build a new version",
            head.version
        ))
    };
    if let Some(known) = &draft.status.head
        && known.version == head.version
        && known.build != row.hash
    {
        return refuse("seen");
    }
    let release = world.release(&release_name(world, &head.version))?;
    if release.hash != row.hash {
        return refuse("released");
    }
    (release.release.spec.build.schema != head.schema).then(|| {
        format!("spec.release: version {} was released with another schema; give it a new version", head.version)
    })
}

/// The head's place in the order of releases, if one is set and followed.
pub fn mark(draft: &Draft) -> Option<Mark> {
    let head = draft.status.head.as_ref()?;
    Some(Mark { created_at: head.order, version: head.version.clone(), release: head.release.clone() })
}

/// The Release that is to exist for the head and does not yet.
pub fn missing_release(world: &World<'_>, head: Option<&HeadStatus>) -> Option<(String, ReleaseSpec)> {
    let (status, spec) = (head?, world.spec.release.as_ref()?);
    if status.version != spec.version || world.release(&status.release).is_some() {
        return None;
    }
    let build = Build {
        version: spec.version.clone(),
        created_at: status.order,
        images: spec.images.clone(),
        source: spec.source.clone(),
        schema: spec.schema,
    };
    let pipeline = world.snap.pipeline.metadata.name.clone().unwrap_or_default();
    Some((
        status.release.clone(),
        ReleaseSpec { pipeline, build, last_stage: None, paused: false, requested_by: spec.requested_by.clone() },
    ))
}

/// `<pipeline>-<version>` where that is a legal name of at most 52 characters, else with ten digits of the version's hash.
fn release_name(world: &World<'_>, version: &str) -> String {
    let pipeline = world.snap.pipeline.metadata.name.as_deref().unwrap_or("");
    let plain = format!("{pipeline}-{version}");
    let is_legal = plain.len() <= 52
        && plain.split('.').all(|part| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        });
    if is_legal { plain } else { format!("{pipeline}-{}", hex(version, 10)) }
}
