//! What the samples of checks and measured suites mean. Only bad results of the new revision condemn; no answer condemns
//! nothing and passes nothing. A strategy asks with the moment since which its exposure stands.

use crate::api::check::Pace;
use crate::api::rollout::Rollout;
use crate::api::{RolloutState, StageStatus, Time};
use crate::observe::{Reading, Sample};

use super::draft::Draft;
use super::measuring::{of_check, of_suite, revision};
use super::mutant::{Mutant, is};
use super::world::World;

/// How the checks of a rollout stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Each has as many good samples as it asks for. Without checks at once.
    Passed,
    /// Not yet, and why: in words.
    Open(String),
    /// One gave bad results: it condemns the build.
    Failed(String),
}

/// What the samples of one subject add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub good: usize,
    pub bad: usize,
    /// Bad ones in a row at the end, answers alone.
    pub streak: usize,
    last: Option<Reading>,
    /// Of the last bad one.
    why: String,
    /// When it was measured.
    bad_at: Option<Time>,
}

/// How the checks of a stage's rollout stand, by what was measured since then.
pub fn judge(world: &World<'_>, draft: &Draft, index: usize, since: Time) -> Checks {
    let Some((stage, rollout)) = checked(draft, index) else { return Checks::Passed };
    let revision = revision(world, draft, index);
    let tallies: Vec<(&str, &Pace, Tally)> = rollout
        .checks
        .iter()
        .map(|c| (c.name.as_str(), &c.pace, of(world, stage, rollout, &of_check(&c.name), &revision, since)))
        .collect();
    if let Some((name, _, tally)) = tallies.iter().find(|(_, pace, tally)| tally.has_failed(pace)) {
        return Checks::Failed(format!("check {name} failed: {}", tally.why));
    }
    match tallies.iter().find(|(_, pace, tally)| !tally.has_passed(pace)) {
        Some((name, _, tally)) => Checks::Open(format!("check {name}: {}", tally.waits())),
        None => Checks::Passed,
    }
}

/// The checks' bad news only, while the rollout is on its way: why it failed.
pub fn failure(world: &World<'_>, draft: &Draft, index: usize, since: Time) -> Option<String> {
    match judge(world, draft, index, since) {
        Checks::Failed(why) => Some(why),
        Checks::Passed | Checks::Open(_) => None,
    }
}

/// Whether the last answer of a check was bad: not yet failed, and no time to call it healthy. Where no other answer comes
/// that is so for as long as a rollout may take.
pub fn is_wavering(world: &World<'_>, draft: &Draft, index: usize, since: Time) -> bool {
    let Some((stage, rollout)) = checked(draft, index) else { return false };
    let revision = revision(world, draft, index);
    rollout.checks.iter().any(|check| {
        let tally = of(world, stage, rollout, &of_check(&check.name), &revision, since);
        let limit = |at: Time| at.plus(rollout.progress_deadline).plus(check.pace.interval());
        tally.streak > 0 && !tally.bad_at.is_some_and(|at| world.is_due(limit(at)))
    })
}

/// Whether a check has not been measured at all since then, as after a restart. No answer is a measurement.
pub fn is_unmeasured(world: &World<'_>, draft: &Draft, index: usize, since: Time) -> bool {
    let Some((stage, rollout)) = checked(draft, index) else { return false };
    let revision = revision(world, draft, index);
    let last = |name: &str| of(world, stage, rollout, &of_check(name), &revision, since).last;
    rollout.checks.iter().any(|check| last(&check.name).is_none())
}

/// Of a delivered build: a check that found the service idle, or has no answer. In words, for people.
pub fn remark(world: &World<'_>, draft: &Draft, index: usize) -> Option<String> {
    let (stage, rollout) = checked(draft, index)?;
    let since = rollout.exposed_at?;
    let revision = revision(world, draft, index);
    rollout.checks.iter().find_map(|check| {
        let name = &check.name;
        match of(world, stage, rollout, &of_check(name), &revision, since).last? {
            Reading::Idle(_) => Some(format!("check {name}: the service is idle")),
            Reading::Silent(why) => Some(format!("check {name}: no answer: {why}")),
            Reading::Good | Reading::Bad(_) => None,
        }
    })
}

/// The samples of a measured suite, by what was measured since its try began.
pub fn of_measured_suite(world: &World<'_>, draft: &Draft, index: usize, suite: &str, since: Time) -> Tally {
    let Some(stage) = draft.status.stages.get(index) else { return Tally::default() };
    let Some(rollout) = &stage.rollout else { return Tally::default() };
    of(world, stage, rollout, &of_suite(suite), &revision(world, draft, index), since)
}

/// A rollout with checks that is on its way forward.
fn checked(draft: &Draft, index: usize) -> Option<(&StageStatus, &Rollout)> {
    let stage = draft.status.stages.get(index)?;
    let rollout = stage.rollout.as_ref()?;
    let is_back = matches!(rollout.state, RolloutState::Reverting(_));
    (!is_back && !rollout.checks.is_empty() && !is(Mutant::ChecksSkipped)).then_some((stage, rollout))
}

fn of(world: &World<'_>, stage: &StageStatus, rollout: &Rollout, subject: &str, revision: &str, since: Time) -> Tally {
    let found = world.place(&stage.environment).and_then(|place| place.measured.get(subject));
    let is_its = |attempt: &str, of: &str| attempt == rollout.attempt && of == revision || is(Mutant::OldSamples);
    let samples = found.filter(|m| is_its(&m.attempt, &m.revision)).map(|m| m.samples.as_slice()).unwrap_or_default();
    Tally::of(samples.iter().filter(|sample| sample.at >= since || is(Mutant::OldSamples)))
}

impl Tally {
    fn of<'s>(samples: impl Iterator<Item = &'s Sample>) -> Self {
        let mut tally = Self::default();
        for sample in samples {
            match &sample.reading {
                Reading::Silent(_) if is(Mutant::SilencePasses) => tally.good += 1,
                Reading::Silent(why) if is(Mutant::SilenceCondemns) => tally.add_bad(sample.at, why),
                Reading::Good | Reading::Idle(_) => {
                    tally.good += 1;
                    tally.streak = 0;
                }
                Reading::Bad(why) => tally.add_bad(sample.at, why),
                Reading::Silent(_) => {}
            }
            tally.last = Some(sample.reading.clone());
        }
        tally
    }

    fn add_bad(&mut self, at: Time, why: &str) {
        self.bad += 1;
        self.streak += 1;
        self.bad_at = Some(at);
        why.clone_into(&mut self.why);
    }

    /// So many bad in a row, or too large a share of enough.
    pub fn has_failed(&self, pace: &Pace) -> bool {
        let all = self.good + self.bad;
        let is_over = |percent: u32| self.bad * 100 > percent as usize * all && all >= pace.samples();
        self.streak >= pace.failures() || pace.max_failed_percent.is_some_and(is_over)
    }

    /// Enough good ones, and the last answer is one of them.
    pub fn has_passed(&self, pace: &Pace) -> bool {
        self.good >= pace.samples() && self.streak == 0 && !self.has_failed(pace)
    }

    /// Why it failed.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What it waits for. Without counts: each other text is a write to the Release.
    pub fn waits(&self) -> String {
        match &self.last {
            Some(Reading::Silent(why)) => format!("no answer: {why}"),
            Some(Reading::Bad(why)) => format!("bad, and measured again: {why}"),
            Some(Reading::Good | Reading::Idle(_)) | None => "is being measured".to_owned(),
        }
    }
}
