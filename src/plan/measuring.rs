//! What is to be measured for the open rollouts: which check or suite, of which attempt, of which pods. It follows from the
//! stored checkpoint and from what is seen, like an effect; who measures keeps the samples, and the next pass judges them.

mod service;

use crate::api::check::{HttpProbe, MetricProbe};
use crate::api::labels::STABLE;
use crate::api::rollout::{Rollout, RolloutWorkload, SuiteState};
use crate::api::{RolloutState, Span, StageStatus, Time};
use crate::observe::{Place, Snapshot, Workload};

use super::draft::Draft;
use super::effects::is_forward;
use super::strategy;
use super::workload::Standing;
use super::world::World;
use super::writing::{seen, standings};
use service::{port_of, selects};

pub use service::http_problem;

/// One thing to measure, again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    pub environment: String,
    /// `check/errors`, `suite/smoke`.
    pub subject: String,
    pub attempt: String,
    /// Changes with the pods that it is about; samples of another one do not count.
    pub revision: String,
    pub interval: Span,
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Each new pod that is ready, at its own address.
    Http {
        probe: HttpProbe,
        targets: Vec<Endpoint>,
    },
    Metric(Box<Metric>),
    /// Nothing can be asked: in words.
    Nothing(String),
}

/// A pod's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub pod: String,
    pub address: String,
    pub port: u16,
}

/// A query, and what stands for its placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    pub probe: MetricProbe,
    pub names: Names,
    /// When the new revision began: `{{window}}` does not reach behind it.
    pub since: Time,
    /// The revision before, where the check compares with it.
    pub stable: Option<Stable>,
}

/// What the placeholders stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub namespace: String,
    pub workload: String,
    pub track: &'static str,
    pub hash: String,
}

/// The revision to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stable {
    pub names: Names,
    /// As of that moment; now where it still serves.
    pub at: Option<Time>,
}

/// The placeholder that needs a revision of pods.
const HASH: &str = "{{podTemplateHash}}";

/// Everything that is to be measured for a pipeline just now.
pub fn measures(snapshot: &Snapshot, now: Time) -> Vec<Measure> {
    let has_any = |stage: &StageStatus| {
        let suites = |r: &Rollout| r.suites.iter().any(|s| s.plan.is_measured());
        stage.rollout.as_ref().is_some_and(|r| !r.checks.is_empty() || suites(r))
    };
    let stages = snapshot.pipeline.status.iter().flat_map(|status| &status.stages);
    if !stages.clone().any(has_any) {
        return Vec::new();
    }
    let world = World::new(snapshot, now);
    let draft = Draft::of(&world);
    let of = |(index, stage): (usize, &StageStatus)| of_stage(&world, &draft, index, stage);
    draft.status.stages.iter().enumerate().flat_map(of).collect()
}

fn of_stage(world: &World<'_>, draft: &Draft, index: usize, stage: &StageStatus) -> Vec<Measure> {
    // what comes home was proven, and before that nothing runs yet
    let is_out = |r: &Rollout| !matches!(r.state, RolloutState::Preparing(_) | RolloutState::Homing(_));
    let is_measured = |r: &&Rollout| is_forward(r) && is_out(r);
    let Some(rollout) = stage.rollout.as_ref().filter(is_measured) else { return Vec::new() };
    let Some(place) = world.place(&stage.environment) else { return Vec::new() };
    let switched = stage.routed.as_ref().filter(|routed| routed.weight > 0).map(|routed| routed.since);
    let subjects = Subjects { rollout, place, written: written(world, draft, index), switched };
    let revision = revision(world, draft, index);
    let measure = |subject: String, pace: &crate::api::check::Pace, ask: Ask| Measure {
        environment: stage.environment.clone(),
        subject,
        attempt: rollout.attempt.clone(),
        revision: revision.clone(),
        interval: pace.interval(),
        ask,
    };
    let is_asked = !rollout.strategy.tests_first() || rollout.exposed_at.is_some() || switched.is_some();
    let checks = rollout.checks.iter().filter(|_| is_asked).filter_map(|check| {
        let ask = subjects.ask(check.http.as_ref(), check.metric.as_ref())?;
        Some(measure(of_check(&check.name), &check.pace, ask))
    });
    let suites = rollout.suites.iter().filter(|suite| is_open(rollout, suite)).filter_map(|suite| {
        let ask = subjects.ask(suite.plan.http.as_ref(), suite.plan.metric.as_ref())?;
        Some(measure(of_suite(&suite.plan.suite), &suite.plan.pace, ask))
    });
    checks.chain(suites).collect()
}

/// The subject of a check's samples.
pub fn of_check(name: &str) -> String {
    format!("check/{name}")
}

/// The subject of a measured suite's samples.
pub fn of_suite(name: &str) -> String {
    format!("suite/{name}")
}

fn is_open(rollout: &Rollout, suite: &SuiteState) -> bool {
    suite.verdict.is_none() && suite.tries.started && rollout.is_testing()
}

/// What runs the new images: the workloads of the plan as far as they are written, or their clones.
fn written<'a>(world: &World<'a>, draft: &Draft, index: usize) -> Vec<(RolloutWorkload, &'a Workload)> {
    let Some(stage) = draft.status.stages.get(index) else { return Vec::new() };
    if let Some(rollout) = stage.rollout.as_ref().filter(|r| r.is_apart()) {
        let fits = |plan: &RolloutWorkload, clone: &Workload| strategy::fits(world, draft, rollout, plan, clone);
        let clone = |plan: &RolloutWorkload| strategy::clone(world, &stage.environment, &plan.workload);
        let clones = rollout.cloned().filter_map(|plan| clone(plan).map(|found| (plan.clone(), found)));
        return clones.filter(|(plan, found)| fits(plan, found)).collect();
    }
    let all = standings(world, draft, index, usize::MAX - 1);
    let wanted = all.into_iter().filter(|(_, standing)| *standing == Standing::Wanted);
    wanted.filter_map(|(plan, _)| seen(world, &stage.environment, &plan).map(|seen| (plan, seen))).collect()
}

/// Names the pods that are measured: other pods, another name.
pub fn revision(world: &World<'_>, draft: &Draft, index: usize) -> String {
    let all = written(world, draft, index);
    let text: String = all.iter().map(|(p, w)| format!("{} {} {}\n", p.workload.key(), w.uid, w.reach.hash)).collect();
    crate::api::build::hex(&text, 16)
}

struct Subjects<'w, 'a> {
    rollout: &'w Rollout,
    place: &'a Place,
    written: Vec<(RolloutWorkload, &'a Workload)>,
    /// Since when requests have gone to the clone by a route.
    switched: Option<Time>,
}

impl Subjects<'_, '_> {
    /// None while the workload that it is about has not been written.
    fn ask(&self, http: Option<&HttpProbe>, metric: Option<&MetricProbe>) -> Option<Ask> {
        match (http, metric) {
            (Some(probe), _) => self.http(probe),
            (None, Some(probe)) => self.metric(probe),
            (None, None) => None,
        }
    }

    fn http(&self, probe: &HttpProbe) -> Option<Ask> {
        let workloads = self.rollout.workloads.iter().map(|plan| &plan.workload);
        if let Some(why) = http_problem(self.place, probe, &self.rollout.strategy, workloads) {
            return Some(Ask::Nothing(why));
        }
        let service = self.place.services.get(&probe.service)?;
        let selected: Vec<&Workload> =
            self.written.iter().map(|(_, seen)| *seen).filter(|seen| selects(service, &seen.reach.labels)).collect();
        if selected.is_empty() {
            return None;
        }
        let mut targets = Vec::new();
        for seen in selected {
            let Some(port) = port_of(service, probe.port, seen) else { continue };
            let ready = seen.pods.iter().filter(|pod| pod.ready && !pod.going);
            targets.extend(
                ready.filter_map(|pod| Some(Endpoint { pod: pod.name.clone(), address: pod.address.clone()?, port })),
            );
        }
        Some(Ask::Http { probe: probe.clone(), targets })
    }

    fn metric(&self, probe: &MetricProbe) -> Option<Ask> {
        let clones = self.rollout.strategy.clones();
        let first = self.rollout.workloads.iter().find(|plan| !clones || plan.workload.is_cloned());
        let name = probe.workload.as_deref().or(first.map(|plan| plan.workload.name.as_str()))?;
        if !self.rollout.workloads.iter().any(|plan| plan.workload.name == name) {
            return Some(Ask::Nothing(format!("workload {name} is not part of this rollout")));
        }
        let (plan, seen) = self.written.iter().find(|(plan, _)| plan.workload.name == name)?;
        let names = |workload: &str, track, hash: &str| Names {
            namespace: seen.namespace.clone(),
            workload: workload.to_owned(),
            track,
            hash: hash.to_owned(),
        };
        let needs_hash = [Some(&probe.query), probe.when_idle.as_ref().map(|idle| &idle.query)];
        if seen.reach.hash.is_empty() && needs_hash.into_iter().flatten().any(|query| query.contains(HASH)) {
            return Some(Ask::Nothing(format!("{}: there is no new revision yet", plan.workload.key())));
        }
        if probe.stable.is_some() && plan.stable.is_empty() && probe.query.contains(HASH) {
            return Some(Ask::Nothing(format!("{}: there is no revision before to compare with", plan.workload.key())));
        }
        // where the revision before gets no requests any more, what it was like is known as of the start
        let is_apart = self.rollout.is_apart();
        let is_asked = is_apart && (self.rollout.traffic.is_none() || strategy::asked(self.rollout) < strategy::FULL);
        let at = Some(self.rollout.started_at).filter(|_| !is_asked);
        // what serves beside the clone may have been restarted since
        let beside = self.place.workloads.get(&plan.workload.key()).filter(|w| is_asked && !w.reach.hash.is_empty());
        let before = beside.map_or(&plan.stable, |workload| &workload.reach.hash);
        let stable = probe.stable.as_ref().map(|_| Stable { names: names(name, STABLE, before), at });
        let names = names(&seen.name, if is_apart { self.rollout.track() } else { STABLE }, &seen.reach.hash);
        // what suites provoke before a switch is no user's
        let switched = self.switched.filter(|_| self.rollout.strategy.tests_first());
        let since = self.rollout.exposed_at.or(switched).unwrap_or(self.rollout.started_at);
        Some(Ask::Metric(Box::new(Metric { probe: probe.clone(), names, since, stable })))
    }
}
