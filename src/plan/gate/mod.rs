//! Gates: conditions that must hold before a release may enter a stage. One file per gate, listed here, cheap ones first.

mod adoption;
mod approvals;
mod ban;
mod build;
mod build_tests;
mod capacity;
mod checks;
mod evidence;
mod freeze;
mod head;
mod hold;
mod last_stage;
mod mark;
mod pause;
mod pin;
mod place;
mod promotion;
mod required;
mod schema;
mod soak;
mod tags;
mod window;

use std::collections::BTreeSet;

use crate::api::checkpoint::{HoldKind, StageStatus};
use crate::api::decision::Skippable;
use crate::api::environment::Policy;
use crate::api::stage::Stage;
use crate::api::{BuildRow, Decision};

use super::again;
use super::decision::overrides;
use super::draft::Draft;
use super::mutant::{Mutant, is};
use super::promotion as start;
use super::world::{Known, World, order};

/// Why a gate is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// In words.
    pub reason: String,
    /// What would change it, in words.
    pub change: String,
}

impl Closed {
    pub fn new(reason: impl Into<String>, change: impl Into<String>) -> Self {
        Self { reason: reason.into(), change: change.into() }
    }
}

/// A release that may enter a stage as far as the order of releases goes.
#[derive(Debug)]
pub struct Candidate<'w, 'a> {
    pub world: &'w World<'a>,
    pub draft: &'w Draft,
    pub stage: &'w StageStatus,
    pub spec: &'a Stage,
    pub known: &'w Known<'a>,
    /// The Promote or Retry that stands for it here.
    pub standing: Option<&'a Decision>,
    /// The Overrides that stand for it here.
    pub overrides: Vec<&'a Decision>,
    /// Exempt from the mark, because the head was moved to it.
    pub is_moved_head: bool,
    /// Exempt from the mark, because the template changed while its clone was exposed.
    pub is_interrupted: bool,
    /// It runs there, and its suites run again, because the evidence is stale and the next stage waits for it.
    pub is_again: bool,
}

impl<'w, 'a> Candidate<'w, 'a> {
    /// None if it runs there already, is under way there, or lies at or below the mark with nobody asking for it.
    pub fn of(
        world: &'w World<'a>,
        draft: &'w Draft,
        index: usize,
        spec: &'a Stage,
        known: &'w Known<'a>,
    ) -> Option<Self> {
        let stage = draft.status.stages.get(index)?;
        if known.release.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let standing = start::standing(world, draft, &stage.environment, known.name());
        let head = draft.status.head.as_ref();
        let is_moved_head = head.is_some_and(|h| h.release == known.name() && h.exempt.contains(&stage.environment));
        let is_interrupted = stage.interrupted.as_ref().is_some_and(|last| last.release_uid == known.uid);
        let is_under_way = stage.rollout.as_ref().is_some_and(|r| r.release == known.name());
        let is_live = |c: &crate::api::Live| c.release == known.name() && known.hash == c.build;
        let is_current = stage.current.as_ref().is_some_and(is_live) && stage.rollout.is_none();
        let live = stage.current.as_ref().filter(|_| is_current && standing.is_none());
        let is_again = live.is_some_and(|live| again::is_wanted(world, draft, index, known, live));
        if is_under_way || live.is_some() && !is_again {
            return None;
        }
        let is_above =
            is(Mutant::MarkIgnored) || stage.high_water.as_ref().is_none_or(|mark| order(&known.mark, mark).is_gt());
        (is_above || standing.is_some() || is_moved_head || is_interrupted || is_again).then_some(Self {
            world,
            draft,
            stage,
            spec,
            known,
            standing,
            overrides: overrides(world, draft, &stage.environment, known),
            is_moved_head,
            is_interrupted,
            is_again,
        })
    }

    /// The rules of the Environment's owner.
    pub fn policy(&self) -> Option<&'a Policy> {
        self.world.policy(&self.stage.environment)
    }

    /// Its build, if it is valid.
    pub fn row(&self) -> Option<&'w BuildRow> {
        self.known.build.as_ref().ok()
    }
}

/// A gate, as status shows it.
pub struct Gate {
    pub name: &'static str,
    /// Who set it: the Environment's owner, the pipeline, the release, or Windlass itself.
    pub source: fn(&Candidate<'_, '_>) -> &'static str,
    pub check: fn(&Candidate<'_, '_>) -> Option<Closed>,
}

/// All gates, in the order in which they are evaluated and shown.
pub const GATES: [Gate; 22] = [
    Gate { name: "build", source: |_| "pipeline", check: build::check },
    Gate { name: "ban", source: |_| "windlass", check: ban::check },
    Gate { name: "hold", source: |_| "windlass", check: hold::check },
    Gate { name: "pin", source: |_| "pipeline", check: pin::check },
    Gate { name: "pause", source: pause::source, check: pause::check },
    Gate { name: "lastStage", source: |_| "release", check: last_stage::check },
    Gate { name: "head", source: |_| "pipeline", check: head::check },
    Gate { name: "mark", source: |_| "windlass", check: mark::check },
    Gate { name: "tags", source: |_| "policy", check: tags::check },
    Gate { name: "checks", source: |_| "policy", check: checks::check },
    Gate { name: "buildTests", source: |_| "pipeline", check: build_tests::check },
    Gate { name: "evidence", source: evidence::source, check: evidence::check },
    Gate { name: "requiredSuites", source: |_| "policy", check: required::check },
    Gate { name: "soak", source: soak::source, check: soak::check },
    Gate { name: "schema", source: |_| "release", check: schema::check },
    Gate { name: "approvals", source: approvals::source, check: approvals::check },
    Gate { name: "promotion", source: |_| "pipeline", check: promotion::check },
    Gate { name: "window", source: |_| "policy", check: window::check },
    Gate { name: "freeze", source: |_| "policy", check: freeze::check },
    Gate { name: "place", source: |_| "windlass", check: place::check },
    Gate { name: "adoption", source: |_| "windlass", check: adoption::check },
    Gate { name: "capacity", source: |_| "policy", check: capacity::check },
];

/// How a gate stands.
pub enum State<'a> {
    Open,
    Closed(Closed),
    /// It is closed, and a person lets the release pass.
    Overridden(&'a Decision, Closed),
}

impl Gate {
    /// How it stands for a release.
    pub fn state<'a>(&self, candidate: &Candidate<'_, 'a>) -> State<'a> {
        let Some(closed) = (self.check)(candidate) else { return State::Open };
        let skips = |d: &&&Decision| d.spec.gates.iter().any(|skipped| skipped.gate() == self.name);
        match candidate.overrides.iter().find(skips) {
            Some(by) => State::Overridden(by, closed),
            None => State::Closed(closed),
        }
    }
}

/// The first closed gate, if one is.
pub fn first_closed(candidate: &Candidate<'_, '_>) -> Option<Closed> {
    GATES.iter().find_map(|gate| match gate.state(candidate) {
        State::Closed(closed) => Some(closed),
        State::Open | State::Overridden(..) => None,
    })
}

/// The gates that are closed, and that a person lets the release pass.
pub fn skipped(candidate: &Candidate<'_, '_>) -> Vec<Skippable> {
    let named = candidate.overrides.iter().flat_map(|d| &d.spec.gates);
    let is_closed = |skipped: &Skippable| {
        let mut gates = GATES.iter().filter(|gate| gate.name == skipped.gate());
        gates.any(|gate| matches!(gate.state(candidate), State::Overridden(..)))
    };
    named.copied().filter(is_closed).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether nothing but a free place is missing.
pub fn lacks_place(candidate: &Candidate<'_, '_>) -> bool {
    let closed = |gate: &&Gate| matches!(gate.state(candidate), State::Closed(_));
    GATES.iter().filter(closed).map(|gate| gate.name).eq([Skippable::Capacity.gate()])
}

/// Whether the stage waits for a person to say which release is meant.
pub fn is_adoption_hold(stage: &StageStatus) -> bool {
    stage.held.as_ref().is_some_and(|h| h.kind == HoldKind::AdoptionHold)
}
