//! The snapshot made ready for questions: releases in order with their builds, what is banned or withdrawn, what time it is.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::api::checkpoint::{Mark, StageStatus};
use crate::api::decision::DecisionPhase;
use crate::api::environment::Policy;
use crate::api::pipeline::DeliveryPipelineSpec;
use crate::api::stage::Stage;
use crate::api::test_run::BUILD;
use crate::api::{BuildHash, BuildRow, Decision, DecisionType, PipelineStatus, Release, Span, TestRun, Time};
use crate::observe::{Access, Claim, Place, Snapshot};

use super::build;
use super::window::Calendar;

/// More than this in the future, and `createdAt` is taken for a mistake.
const FUTURE: Span = Span::seconds(600);

/// What the name of a service account begins with.
pub const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// A release with its place in the order and the build it stands for.
#[derive(Debug)]
pub struct Known<'a> {
    pub release: &'a Release,
    pub uid: &'a str,
    pub mark: Mark,
    /// Hash of its images as they are given, whatever the pipeline asks for now.
    pub hash: BuildHash,
    /// The build, or why it cannot be delivered, naming the field.
    pub build: Result<BuildRow, String>,
}

impl<'a> Known<'a> {
    pub fn name(&self) -> &str {
        &self.mark.release
    }

    /// The person who asked for it. A service account is none: it stands for the people behind it.
    pub fn requester(&self) -> Option<&'a str> {
        let user = self.release.spec.requested_by.as_deref();
        user.filter(|user| !user.starts_with(SERVICE_ACCOUNT))
    }
}

/// A snapshot, indexed, at a point in time.
#[derive(Debug)]
pub struct World<'a> {
    pub snap: &'a Snapshot,
    pub spec: &'a DeliveryPipelineSpec,
    pub now: Time,
    /// Oldest first.
    pub releases: Vec<Known<'a>>,
    /// Oldest first.
    pub decisions: Vec<&'a Decision>,
    /// Runs of suites about the build itself, by the UID of the release that they are for.
    pub build_runs: BTreeMap<&'a str, Vec<&'a TestRun>>,
    /// By the name of the Environment: its windows, where it has any, or what is wrong with them.
    pub calendars: BTreeMap<&'a str, Result<Calendar, String>>,
    wake: Cell<Option<Time>>,
}

impl<'a> World<'a> {
    pub fn new(snap: &'a Snapshot, now: Time) -> Self {
        let spec = &snap.pipeline.spec;
        let mut releases: Vec<Known<'a>> = snap.releases.iter().map(|release| known(spec, release, now)).collect();
        releases.sort_by(|a, b| order(&a.mark, &b.mark));
        let mut decisions: Vec<&Decision> = snap.decisions.iter().map(AsRef::as_ref).collect();
        // creation times are whole seconds: of two in one second, the one that was answered before is the earlier
        decisions.sort_by(|a, b| place_of(a).cmp(&place_of(b)));
        let windowed = |(name, place): (&'a String, &'a Place)| {
            let environment = place.environment.as_ref().filter(|e| !e.spec.windows.is_empty())?;
            Some((name.as_str(), Calendar::of(&environment.spec)))
        };
        let calendars = snap.places.iter().filter_map(windowed).collect();
        let mut build_runs = BTreeMap::<&str, Vec<&TestRun>>::new();
        for run in snap.test_runs.iter().filter(|run| run.spec.environment == BUILD) {
            build_runs.entry(&run.spec.release_uid).or_default().push(run);
        }
        Self { snap, spec, now, releases, decisions, build_runs, calendars, wake: Cell::new(None) }
    }

    /// Whether that point has come; if not, the plan wakes up there.
    pub fn is_due(&self, at: Time) -> bool {
        if self.now >= at {
            return true;
        }
        self.wake.set(Some(self.wake.get().map_or(at, |earlier| earlier.min(at))));
        false
    }

    /// When to look again if nothing happens before.
    pub fn wake_at(&self) -> Option<Time> {
        self.wake.get()
    }

    pub fn release(&self, name: &str) -> Option<&Known<'a>> {
        self.releases.iter().find(|k| k.mark.release == name)
    }

    pub fn place(&self, environment: &str) -> Option<&'a Place> {
        self.snap.places.get(environment)
    }

    /// The rules of that Environment's owner.
    pub fn policy(&self, environment: &str) -> Option<&'a Policy> {
        self.place(environment)?.environment.as_ref()?.spec.policy.as_ref()
    }

    /// That environment's place in the pipeline, if it has one.
    pub fn stage(&self, environment: &str) -> Option<&'a Stage> {
        self.spec.stage(environment)
    }

    /// The target namespace, if it may be written to.
    pub fn namespace(&self, environment: &str) -> Option<&'a str> {
        match &self.place(environment)?.access {
            Access::Granted { namespace } => Some(namespace),
            Access::Missing
            | Access::Unreadable
            | Access::NamespaceMissing { .. }
            | Access::NoConsent { .. }
            | Access::NamespaceTaken { .. } => None,
        }
    }

    /// The other pipeline that has claimed that workload, if one has.
    pub fn claimant(&self, environment: &str, workload: &str) -> Option<&'a str> {
        match &self.place(environment)?.workloads.get(workload)?.claim {
            Claim::Other(other) => Some(other),
            Claim::None | Claim::Ours => None,
        }
    }

    /// The Ban objects of that build in that environment.
    pub fn bans(&self, environment: &'a str, build: &BuildHash) -> impl Iterator<Item = &'a Decision> + '_ {
        let build = build.clone();
        self.decisions.iter().copied().filter(move |d| {
            d.spec.r#type == DecisionType::Ban
                && d.spec.environment.as_deref() == Some(environment)
                && d.spec.build_hash.as_ref() == Some(&build)
        })
    }

    /// Whether the build failed in that stage and no person has lifted it.
    pub fn is_banned(&self, stage: &StageStatus, build: &BuildHash) -> bool {
        stage.bans.iter().any(|b| b.build == *build)
            || self.decisions.iter().any(|d| {
                d.spec.r#type == DecisionType::Ban
                    && d.spec.environment.as_deref() == Some(stage.environment.as_str())
                    && d.spec.build_hash.as_ref() == Some(build)
            })
    }

    /// Whether the build is banned in that stage, or was withdrawn: it goes forward there by a person's act alone.
    pub fn is_bad(&self, stage: &StageStatus, release: &str, build: &BuildHash) -> bool {
        self.is_banned(stage, build) || self.withdrawal(release, build).is_some()
    }

    /// The Decision that declared the release or its build bad.
    pub fn withdrawal(&self, release: &str, build: &BuildHash) -> Option<&'a Decision> {
        self.decisions.iter().copied().find(|d| {
            d.spec.r#type == DecisionType::Withdraw
                && phase_of(d) != Some(DecisionPhase::Refused)
                && (!release.is_empty() && d.spec.release.as_deref() == Some(release)
                    || self.withdrawn_build(d) == Some(build))
        })
    }

    /// The build that a Withdraw names, once it was resolved.
    fn withdrawn_build(&self, decision: &'a Decision) -> Option<&BuildHash> {
        if let Some(hash) = decision.status.as_ref().and_then(|s| s.build_hash.as_ref()) {
            return Some(hash);
        }
        decision.spec.release.as_deref().and_then(|name| self.release(name)).map(|known| &known.hash)
    }

    /// Whether the pipeline is on its way out.
    pub fn is_pipeline_deleted(&self) -> bool {
        self.snap.pipeline.metadata.deletion_timestamp.is_some()
    }

    /// `namespace/name/uid`, as it stands in a claim.
    pub fn claim(&self) -> String {
        let meta = &self.snap.pipeline.metadata;
        format!(
            "{}/{}/{}",
            meta.namespace.as_deref().unwrap_or(""),
            self.snap.pipeline.name_any(),
            meta.uid.as_deref().unwrap_or("")
        )
    }

    /// The row of that build: from the checkpoint, or from a release.
    pub fn row<'s>(&'s self, status: &'s PipelineStatus, build: &BuildHash) -> Option<&'s BuildRow> {
        status
            .builds
            .iter()
            .find(|row| row.hash == *build)
            .or_else(|| self.releases.iter().filter_map(|k| k.build.as_ref().ok()).find(|row| row.hash == *build))
    }
}

fn known<'a>(spec: &DeliveryPipelineSpec, release: &'a Release, now: Time) -> Known<'a> {
    let build = &release.spec.build;
    let mark = Mark {
        created_at: build.created_at,
        version: build.version.clone(),
        release: release.metadata.name.clone().unwrap_or_default(),
    };
    let resolved = if build.created_at > now.plus(FUTURE) {
        Err(format!("spec.build.createdAt: {} is more than 10 minutes in the future", build.created_at))
    } else {
        build::resolve(&spec.images, &build.images, "spec.build.images")
    };
    Known {
        release,
        uid: release.metadata.uid.as_deref().unwrap_or(""),
        mark,
        hash: resolved.as_ref().map_or_else(|_| build::hash(&build.images), |row| row.hash.clone()),
        build: resolved,
    }
}

/// The order of releases: when the build was made; ties by semantic version, then by name.
pub fn order(a: &Mark, b: &Mark) -> Ordering {
    a.created_at
        .cmp(&b.created_at)
        .then_with(|| by_version(&a.version, &b.version))
        .then_with(|| a.release.cmp(&b.release))
}

fn by_version(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let parse = |text: &str| semver::Version::parse(text.trim_start_matches('v')).ok();
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    }
}

/// The place of a Decision in the order of acts. The server counts versions up: the one that was made first has the lower.
fn place_of(decision: &Decision) -> (Time, bool, Option<u64>, Option<&str>) {
    let meta = &decision.metadata;
    let version = meta.resource_version.as_deref().and_then(|version| version.parse().ok());
    (created(meta), phase_of(decision).is_none(), version, meta.name.as_deref())
}

/// When an object was created; the server keeps whole seconds.
pub fn created(meta: &kube::core::ObjectMeta) -> Time {
    meta.creation_timestamp.as_ref().map_or(Time::default(), Time::from)
}

/// What a Decision's own status says.
pub fn phase_of(decision: &Decision) -> Option<DecisionPhase> {
    decision.status.as_ref().and_then(|s| s.phase)
}

/// Who decided, for messages.
pub fn user_of(decision: &Decision) -> &str {
    decision.spec.user.as_deref().unwrap_or("someone unknown")
}
