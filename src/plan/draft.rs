//! The checkpoint that is being written: a copy of the stored one, changed step by step, and what there is to tell.

use crate::api::checkpoint::{Alert, DecisionNote, SeenImage, SeenWorkload, StageStatus};
use crate::api::decision::{DecisionPhase, DecisionStatus};
use crate::api::pipeline::WorkloadRef;
use crate::api::{BuildHash, BuildRow, Decision, PipelineStatus, Rollout};
use crate::observe::Workload;

use super::action::Note;
use super::world::World;

/// The next checkpoint in the making.
#[derive(Debug)]
pub struct Draft {
    pub status: PipelineStatus,
    pub notes: Vec<Note>,
}

impl Draft {
    pub fn of(world: &World<'_>) -> Self {
        let stored = world.snap.pipeline.status.clone().unwrap_or_default();
        let status = PipelineStatus { term: world.snap.term.as_ref().to_owned(), ..stored };
        Self { status, notes: Vec::new() }
    }

    pub fn stage(&self, environment: &str) -> Option<&StageStatus> {
        self.status.stage(environment)
    }

    /// The open rollout of a stage.
    pub fn rollout(&self, index: usize) -> Option<&Rollout> {
        self.status.stages.get(index)?.rollout.as_ref()
    }

    /// Tells a transition of a release.
    pub fn tell(&mut self, release: &str, reason: &str, message: impl Into<String>) {
        self.note(false, release, reason, message.into());
    }

    /// Tells a transition that wants attention.
    pub fn warn(&mut self, release: &str, reason: &str, message: impl Into<String>) {
        self.note(true, release, reason, message.into());
    }

    fn note(&mut self, warning: bool, release: &str, reason: &str, message: String) {
        let release = (!release.is_empty()).then(|| release.to_owned());
        self.notes.push(Note { release, warning, reason: reason.to_owned(), message });
    }

    /// Notes what became of a Decision; its own status follows as an effect.
    pub fn answer(&mut self, decision: &Decision, phase: DecisionPhase, reason: impl AsRef<str>) {
        self.answer_about(decision, phase, reason, None, None);
    }

    /// The same, with the release and build that it was about.
    pub fn answer_about(
        &mut self,
        decision: &Decision,
        phase: DecisionPhase,
        reason: impl AsRef<str>,
        release_uid: Option<&str>,
        build: Option<&BuildHash>,
    ) {
        let uid = decision.metadata.uid.clone().unwrap_or_default();
        self.status.decisions.push(DecisionNote {
            uid,
            phase,
            reason: clip(reason.as_ref(), 256),
            release_uid: release_uid.map(str::to_owned),
            build_hash: build.cloned(),
        });
    }

    /// What became of it, as the checkpoint has it.
    pub fn noted(&self, decision: &Decision) -> Option<&DecisionNote> {
        self.status.decisions.iter().find(|note| decision.metadata.uid.as_deref() == Some(note.uid.as_str()))
    }

    /// What its own status says of it, or will once it is written.
    pub fn status_of(&self, decision: &Decision) -> Option<DecisionStatus> {
        let noted = self.noted(decision).map(|note| status_as_noted(decision, note));
        noted.or_else(|| decision.status.clone())
    }

    /// Remembers a build's images.
    pub fn keep(&mut self, row: &BuildRow) {
        if !self.status.builds.iter().any(|known| known.hash == row.hash) {
            self.status.builds.push(row.clone());
        }
    }
}

/// The status of a Decision that does not name a release or a build.
pub fn decision_status(decision: &Decision, phase: DecisionPhase, reason: &str) -> DecisionStatus {
    DecisionStatus {
        observed_generation: decision.metadata.generation.unwrap_or_default(),
        phase: Some(phase),
        reason: Some(clip(reason, 512)),
        release_uid: None,
        build_hash: None,
    }
}

fn status_as_noted(decision: &Decision, note: &DecisionNote) -> DecisionStatus {
    let (release_uid, build_hash) = (note.release_uid.clone(), note.build_hash.clone());
    DecisionStatus { release_uid, build_hash, ..decision_status(decision, note.phase, &note.reason) }
}

/// Raises an alert on a stage, keeping its time if it stands already.
pub fn alert(stage: &mut StageStatus, world: &World<'_>, reason: &str, message: &str) {
    let since = stage.alert.as_ref().filter(|a| a.reason == reason).map_or(world.now, |a| a.since);
    stage.alert = Some(Alert { reason: reason.to_owned(), message: clip(message, 512), since });
}

/// The workloads of the spec as they are seen now.
pub fn seen_workloads(world: &World<'_>, environment: &str) -> Vec<SeenWorkload> {
    let Some(place) = world.place(environment) else { return Vec::new() };
    let seen = world.spec.workloads.iter().filter_map(|w| place.workloads.get(&w.key()).map(|seen| (w, seen)));
    seen.map(|(workload, seen)| seen_workload(workload, seen)).collect()
}

/// A workload as it is seen now.
pub fn seen_workload(workload: &WorkloadRef, seen: &Workload) -> SeenWorkload {
    SeenWorkload {
        workload: workload.key(),
        uid: seen.uid.clone(),
        fingerprint: seen.fingerprint.clone(),
        images: images(workload, seen),
        generation: seen.generation,
    }
}

/// The managed images of a workload.
fn images(workload: &WorkloadRef, seen: &Workload) -> Vec<SeenImage> {
    let managed = workload.containers.iter().filter_map(|c| Some((&c.name, seen.images.get(&c.name)?)));
    managed.map(|(container, image)| SeenImage { container: container.clone(), hash: hash(image) }).collect()
}

/// Whether all images that were recorded of a workload are still there.
pub fn is_as_recorded(known: &SeenWorkload, seen: &Workload) -> bool {
    known.images.iter().all(|i| seen.images.get(&i.container).is_none_or(|image| hash(image) == i.hash))
}

fn hash(image: &str) -> String {
    crate::api::build::hex(image, 16)
}

/// One fingerprint over the templates of all the workloads that are seen now.
pub fn template(world: &World<'_>, environment: &str) -> String {
    let Some(place) = world.place(environment) else { return String::new() };
    let mut all = String::new();
    for workload in &world.spec.workloads {
        if let Some(seen) = place.workloads.get(&workload.key()) {
            all.push_str(&seen.fingerprint);
        }
    }
    crate::api::build::hex(&all, 16)
}

/// At most `limit` bytes of a text, cut at a character, with an ellipsis where something was cut.
pub fn clip(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub(3);
    while end > 0 && !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or(""))
}
