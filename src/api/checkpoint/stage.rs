//! The checkpoint of one stage: what runs there, what is under way, what holds it, and what was proven.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::traffic::{Rewritten, Routed};
use crate::api::{BuildHash, HistoryEntry, Live, Preflight, Rollout, Span, Time};

/// The checkpoint of one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// Name of the Environment.
    #[schemars(length(max = 40))]
    pub environment: String,
    /// When what ran was recorded, before the first write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Time>,
    /// The target namespace in which it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// What runs, as delivered, adopted or left by an ended rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Live>,
    /// Builds recorded healthy here before, newest first: where a revert goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub previous: Vec<Live>,
    /// The workloads as last seen under `current`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub workloads: Vec<SeenWorkload>,
    /// The newest release that ever started here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_water: Option<Mark>,
    /// The lowest version of the schema of data that is still read here, and the release that made it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readable: Option<Readable>,
    /// The rollout in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Set while a person must act before anything moves here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
    /// The release whose clone was overtaken by a change of the template, and how often: it is tried anew, above the mark or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<Interrupted>,
    /// The freeze of the Environment that was seen, by its time: no write that raises exposure was planned since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Time>,
    /// When a freeze ended, for the deadlines of the rollout in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thawed: Option<Time>,
    /// Since when a release waits for nothing but a free place among the rollouts of the Environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Time>,
    /// What the stage's route was last seen to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<Routed>,
    /// That someone else wrote the stage's route, for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewritten: Option<Rewritten>,
    /// Images that a GitOps tool wrote and that were put right, for an hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub reasserted: Vec<Reasserted>,
    /// Where the strategy has clones: what in the target namespace matches the pods of a workload, of its clone, or both.
    /// Shown before anything is cloned; what leaves the clone out first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = crate::api::preflight::MOST))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub preflight: Vec<Preflight>,
    /// Bans whose Ban object could not be written yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub bans: Vec<PendingBan>,
    /// What was proven here, newest last: the evidence that the next stage asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub proofs: Vec<Proof>,
    /// Until when health is watched again after the template changed by itself; a failure alerts only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch_until: Option<Time>,
    /// A trouble that needs a person, in words, until the next delivery: a revert that failed, health lost after the bake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    /// The newest release that is not delivered here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 52))]
    pub available: Option<String>,
    /// Ended rollouts and changes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<HistoryEntry>,
}

impl StageStatus {
    /// The hold under which what runs there is someone else's, if it is.
    pub fn foreign(&self) -> Option<&Hold> {
        self.held.as_ref().filter(|hold| hold.kind.is_foreign())
    }
}

/// That a GitOps tool wrote images of a workload, and that ours are put back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Reasserted {
    /// Kind and name: `Deployment/checkout`.
    #[schemars(length(max = 120))]
    pub workload: String,
    /// The field manager.
    #[schemars(length(max = 128))]
    pub by: String,
    /// The generation at which its write was seen; the annotation `windlass.dev/reasserted` says it once ours is put back.
    #[schemars(range(min = 0, max = crate::api::MAX_GENERATION))]
    pub generation: i64,
    /// When that was seen.
    pub at: Time,
}

/// From which version of their schema on builds can read what a release left.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Readable {
    /// The lowest version.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub min: u32,
    /// Name of the release that started last with that.
    #[schemars(length(max = 52))]
    pub release: String,
}

/// A release that was interrupted by a change of the pod template, and is tried anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interrupted {
    /// UID of the release.
    #[schemars(length(max = 63))]
    pub release_uid: String,
    /// How often in a row.
    #[schemars(range(min = 0, max = 10))]
    pub times: u32,
}

/// A trouble that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Alert {
    /// One word.
    /// `RevertFailed`, `HealthLost`, `EvidenceWithdrawn`, `NoRevertTarget`, `HomecomingFailed`, `RevertHeld` or `RevertHookFailed`.
    #[schemars(length(max = 63))]
    pub reason: String,
    /// What happened, and what to do.
    #[schemars(length(max = 512))]
    pub message: String,
    /// When it began.
    pub since: Time,
}

/// A workload as last seen: a new UID means that it was re-created, a new fingerprint that its template changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct SeenWorkload {
    /// Kind and name: `Deployment/checkout`.
    #[schemars(length(max = 120))]
    pub workload: String,
    /// Its UID.
    #[schemars(length(max = 63))]
    pub uid: String,
    /// Of the pod template without managed images and our own keys.
    #[schemars(length(max = 40))]
    pub fingerprint: String,
    /// Its managed images: what differs later was written since, what is not listed was not managed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub images: Vec<SeenImage>,
    /// The generation at which the fingerprint was seen.
    #[serde(default)]
    #[schemars(range(min = 0, max = crate::api::MAX_GENERATION))]
    pub generation: i64,
}

/// A container's image as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct SeenImage {
    /// Name of the container.
    #[schemars(length(max = 63))]
    pub container: String,
    /// Hash of its image.
    #[schemars(length(max = 40))]
    pub hash: String,
}

/// A place in the order of releases.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The release's place in the order.
    pub created_at: Time,
    /// Its version.
    #[schemars(length(max = 64))]
    pub version: String,
    /// Name of the release.
    #[schemars(length(max = 52))]
    pub release: String,
}

/// Why a person must act.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct Hold {
    /// What put the stage on hold.
    pub kind: HoldKind,
    /// In words, with the remedy.
    #[schemars(length(max = 512))]
    pub message: String,
    /// The person whose act it was, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub by: Option<String>,
    /// When it began.
    pub since: Time,
    /// The newest release at adoption: the mark after the hold is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Mark>,
}

/// What put the stage on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HoldKind {
    /// A Decision `Revert`.
    Revert,
    /// More than one release stood above what ran at first sight.
    AdoptionHold,
    /// Someone else wrote an image.
    ExternalChange,
    /// A GitOps tool wrote an image again after ours was put back.
    ImageContested,
    /// The template changed again and again while a clone was exposed.
    Interrupted,
    /// A build failed that does not go back by itself: a hook with `revert: Hold` had started.
    Irreversible,
}

impl HoldKind {
    /// Whether what runs there is someone else's.
    pub const fn is_foreign(self) -> bool {
        matches!(self, Self::ExternalChange | Self::ImageContested)
    }

    /// As conditions and the release call it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Revert => "Held",
            Self::AdoptionHold => "AdoptionHold",
            Self::ExternalChange => "ExternalChange",
            Self::ImageContested => "ImageContested",
            Self::Interrupted => "Interrupted",
            Self::Irreversible => "Irreversible",
        }
    }
}

/// A ban on its way to its object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
pub struct PendingBan {
    /// Hash of the build that failed.
    pub build: BuildHash,
    /// The attempt in which it failed.
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// Name of its release.
    #[schemars(length(max = 52))]
    pub release: String,
    /// Why it failed, in words.
    #[schemars(length(max = 256))]
    pub reason: String,
}

/// That a build was delivered here in an attempt whose suites all passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Name of the release.
    #[schemars(length(max = 52))]
    pub release: String,
    /// UID of the release.
    #[schemars(length(max = 63))]
    pub release_uid: String,
    /// Hash of its build.
    pub build: BuildHash,
    /// The attempt whose suites passed.
    #[schemars(length(max = 20))]
    pub attempt: String,
    /// When the last suite had passed.
    pub at: Time,
    /// The suites that passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 40)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub suites: Vec<String>,
    /// Since when it is stale: the pod template here has changed, so the suites run again before the next stage follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Time>,
    /// Since when the build runs here without a break; none while something else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// The longest that it ran here without a break before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<Span>,
    /// Why it counts no more: a suite failed later, the build was reverted or withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub void: Option<String>,
}
