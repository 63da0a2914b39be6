//! One workload in a rollout: which images it runs, and who wrote them.

use std::collections::BTreeMap;

use crate::api::build::FoundImage;
use crate::api::checkpoint::Reasserted;
use crate::api::labels::MANAGER;
use crate::api::pipeline::{ContainerRef, WorkloadRef};
use crate::api::rollout::RolloutWorkload;
use crate::api::{BuildRow, Time};
use crate::observe::{Claim, ImageWriter, OldPod, Workload};

use super::mutant::{Mutant, is};
use super::world::World;
use super::{build, fight};

/// Which images a workload runs, seen from a rollout between two builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does not exist, is being deleted, or belongs to another pipeline.
    Missing,
    /// A container of the plan is not in the template.
    ContainerMissing(String),
    /// No image can be told for a container: the pipeline was edited meanwhile.
    Unknown(String),
    /// The images that are wanted.
    Wanted,
    /// Not yet the wanted images: write them.
    Unwritten,
    /// Someone else wrote an image.
    Foreign(ForeignWrite),
}

/// An image that is not ours, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignWrite {
    /// In words.
    pub what: String,
    /// The GitOps tool, where it wrote all that is not ours.
    pub tool: Option<String>,
    /// Kind and name of the workload.
    pub workload: String,
}

/// What a rollout wants of a workload, and what may stand there before.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    pub wanted: &'a BuildRow,
    /// The builds that may stand there before our write; if none is given, anything may.
    pub before: [Option<&'a BuildRow>; 2],
    /// The value of `windlass.dev/attempt` that our write leaves.
    pub marker: &'a str,
    /// Since when we may have written: what a person wrote later is not ours to overwrite.
    pub since: Time,
    /// All workloads were seen under the wanted images: anything else is someone's doing.
    pub is_written: bool,
    /// On the way back: what was found in containers that were not managed before is restored.
    pub is_back: bool,
    /// What tools wrote, and is put right.
    pub reasserted: &'a [Reasserted],
}

/// The images of a build, but for containers that keep what was found in them.
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    pub row: &'a BuildRow,
    pub found: &'a [FoundImage],
}

impl<'a> From<&'a BuildRow> for Images<'a> {
    fn from(row: &'a BuildRow) -> Self {
        Self { row, found: &[] }
    }
}

impl Images<'_> {
    /// The image of a container; none if nothing tells it.
    fn of(self, world: &World<'_>, workload: &str, container: &ContainerRef) -> Option<String> {
        let found = self.found.iter().find(|f| f.container == container.name);
        found.map(|f| f.image.clone()).or_else(|| build::image_of(world.spec, self.row, workload, container))
    }
}

impl<'a> Writing<'a> {
    /// What is wanted of that workload.
    pub fn images(&self, plan: &'a RolloutWorkload) -> Images<'a> {
        Images { row: self.wanted, found: if self.is_back { &plan.found } else { &[] } }
    }
}

/// Which images the workload runs. `plan` tells the UID under which it was seen last.
pub fn standing(world: &World<'_>, seen: Option<&Workload>, plan: &RolloutWorkload, writing: Writing<'_>) -> Standing {
    let Some(seen) = seen.filter(|w| !w.deleting && !matches!(w.claim, Claim::Other(_))) else {
        return Standing::Missing;
    };
    if let Some(absent) = plan.workload.containers.iter().find(|c| !seen.images.contains_key(&c.name)) {
        return Standing::ContainerMissing(absent.name.clone());
    }
    let wanted = writing.images(plan);
    if let Some(image) = unknown(world, &plan.workload, wanted) {
        return Standing::Unknown(image);
    }
    let Some(odd) = foreign(world, seen, &plan.workload, wanted) else { return Standing::Wanted };
    if seen.uid != plan.uid {
        return Standing::Unwritten;
    }
    let mut before = writing.before.into_iter().flatten().peekable();
    let is_of = |images: Images<'_>| runs(world, seen, &plan.workload, images);
    let is_as_before =
        before.peek().is_none() || before.any(|row| is_of(row.into()) || is_of(Images { row, found: &plan.found }));
    // `kubectl rollout undo` puts the old annotations back with the old images: the marker alone would not show it
    let is_a_persons = plan.workload.containers.iter().any(|c| {
        let is_later =
            |w: &ImageWriter| !w.is_tool && w.manager != MANAGER && w.at.is_some_and(|at| at > writing.since);
        seen.image_writers.get(&c.name).is_some_and(is_later)
    });
    let is_ours = seen.attempt.as_deref() == Some(writing.marker) || writing.is_written;
    let is_foreign = (is_ours || is_a_persons || !is_as_before)
        && !is_late_write(world, seen, &plan.workload, wanted)
        && !fight::is_put_right(writing.reasserted, seen, &odd);
    if is_foreign {
        if is(Mutant::ForeignOverwritten) { Standing::Unwritten } else { Standing::Foreign(odd) }
    } else {
        Standing::Unwritten
    }
}

/// The image name of which neither the pipeline nor the build tells anything, if there is one.
pub fn unknown<'r>(world: &World<'_>, workload: &WorkloadRef, images: impl Into<Images<'r>>) -> Option<String> {
    let (key, images) = (workload.key(), images.into());
    let container = workload.containers.iter().find(|c| images.of(world, &key, c).is_none());
    container.map(|c| c.image_name.clone())
}

/// Whether the managed containers that exist run their images of that build.
pub fn runs<'r>(world: &World<'_>, seen: &Workload, workload: &WorkloadRef, images: impl Into<Images<'r>>) -> bool {
    writes(world, seen, workload, images.into()).is_empty()
}

fn said(seen: &Workload, workload: &WorkloadRef, container: &str) -> String {
    let writer = seen.image_writers.get(container).map_or("someone", |w| w.manager.as_str());
    let image = seen.images.get(container).map_or("", String::as_str);
    format!("{} container {container}: {writer} set {image}", workload.key())
}

/// What of it is not, and who wrote that. Under the field guard no tool writes, whatever the server calls the
/// writer: Flux takes over what `kubectl` wrote. And what Windlass has never written is a tool's own.
pub fn foreign<'r>(
    world: &World<'_>,
    seen: &Workload,
    workload: &WorkloadRef,
    images: impl Into<Images<'r>>,
) -> Option<ForeignWrite> {
    let others = writes(world, seen, workload, images.into());
    let writer = |name: &String| seen.image_writers.get(name);
    // containers that we have written differ as well, in the middle of a rollout
    let is_theirs = |name: &&String| writer(name).is_none_or(|writer| writer.manager != MANAGER);
    let theirs: Vec<&String> = others.iter().map(|(name, _)| name).filter(is_theirs).collect();
    let shown = theirs.first().copied().or(others.first().map(|(name, _)| name))?;
    let is_tools = !world.snap.is_guarded && seen.attempt.is_some() && !theirs.is_empty();
    let is_tool = |name: &&String| writer(name).is_some_and(|writer| writer.is_tool);
    let tool = writer(shown).filter(|_| is_tools && theirs.iter().all(is_tool)).map(|writer| writer.manager.clone());
    Some(ForeignWrite { what: said(seen, workload, shown), tool, workload: workload.key() })
}

/// Whether all images that differ from that build were written by us: by a rollout that is over, whose write arrived when
/// nobody waited for it any more.
pub fn is_late_write<'r>(
    world: &World<'_>,
    seen: &Workload,
    workload: &WorkloadRef,
    images: impl Into<Images<'r>>,
) -> bool {
    let others = writes(world, seen, workload, images.into());
    let is_by_us = |name: &String| seen.image_writers.get(name).is_some_and(|w| w.manager == MANAGER);
    seen.attempt.is_some() && !others.is_empty() && others.iter().all(|(name, _)| is_by_us(name))
}

/// The broken pod of a StatefulSet that keeps the images that stand in its template from its pods: its controller waits
/// for each pod to become ready before it replaces the next, and this one never will. The highest that is not ready and of
/// the build that is left; none while one above it, that was deleted before, is on its way.
pub fn broken_pod<'w>(
    world: &World<'_>,
    seen: &'w Workload,
    workload: &WorkloadRef,
    left: Images<'_>,
) -> Option<&'w OldPod> {
    let count = i32::try_from(seen.pods.len() + seen.old_pods.len()).unwrap_or(i32::MAX);
    if seen.observed_generation < seen.generation || count < seen.wanted {
        return None;
    }
    let broken = seen.old_pods.iter().filter(|p| !p.ready && !p.going && is_of(world, &p.images, workload, left));
    let highest = broken.max_by_key(|pod| ordinal(&pod.name))?;
    let is_above = |name: &str| ordinal(name) > ordinal(&highest.name);
    let is_moving = seen.old_pods.iter().any(|p| is_above(&p.name) && p.going)
        || seen.pods.iter().any(|p| is_above(&p.name) && (p.going || !p.ready));
    (!is_moving).then_some(highest)
}

/// Whether these are that build's images, of all containers that it names.
fn is_of(world: &World<'_>, images: &BTreeMap<String, String>, workload: &WorkloadRef, build: Images<'_>) -> bool {
    let key = workload.key();
    workload.containers.iter().all(|container| {
        let (wanted, actual) = (build.of(world, &key, container), images.get(&container.name));
        wanted.zip(actual).is_some_and(|(wanted, actual)| build::is_same_image(actual, &wanted))
    })
}

/// `db-12` → 12.
fn ordinal(pod: &str) -> u32 {
    pod.rsplit_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// The image writes that bring a workload to these images: only containers that exist and differ.
pub fn writes(world: &World<'_>, seen: &Workload, workload: &WorkloadRef, images: Images<'_>) -> Vec<(String, String)> {
    let key = workload.key();
    let wanted = |c| Some((c, images.of(world, &key, c)?));
    let pairs = workload.containers.iter().filter_map(wanted);
    pairs
        .filter(|(c, image)| seen.images.get(&c.name).is_some_and(|actual| !build::is_same_image(actual, image)))
        .map(|(c, image)| (c.name.clone(), image))
        .collect()
}
