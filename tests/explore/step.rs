//! One step of the world: which are possible now, and what each does. Every interleaving is an order of these.

use std::sync::Arc;

use windlass::api::{DecisionType, RunPhase, Runner, Time};
use windlass::observe::TroubleKind;
use windlass::plan::{Action, Plan, Step as Do};

use crate::budget::{Budget, Kind};
use crate::safety::{Broken, planned};
use crate::server::carry_out;
use crate::world::{Image, STAGES, World, Write, image};
use crate::{checks, cluster, coverage, people, terms};

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The operator's pass: the checkpoint, or all effects.
    Pass,
    /// It dies after that many groups of effects.
    Cut(usize),
    /// One effect is refused; the others are tried.
    Refuse(usize),
    /// It is cut off at one write, which arrives later; another leader takes over.
    Late(usize),
    /// The same, and it leads on: it has given the write up.
    Doubt(usize),
    Arrive,
    /// The Environment's own pass.
    EnvironmentPass(usize),
    Lag(u8),
    CatchUp,
    NoBans(bool),
    Jump(Time),
    /// The workload's controller sees the template: a pod of it, not ready yet.
    Observe(usize, String),
    Ready(usize, String),
    Trouble(usize, String, TroubleKind),
    DeleteWorkload(usize, String),
    CreateWorkload(usize, String),
    Template(usize, String),
    /// Someone, or an autoscaler, sets the number of its pods.
    Scale(usize, String, i32),
    /// The router takes the route no more, or again.
    Gateway(usize, bool),
    HandEdit(usize, String, Image),
    /// A GitOps tool puts back what git has.
    Apply(usize, String),
    /// `kubectl rollout undo`: the old images come back with the old annotations.
    Undo(usize, String),
    Claim(usize, String, bool),
    Ci(String, RunPhase),
    Job(String, cluster::JobEnd),
    RunGone(String),
    /// A check of that stage is measured.
    Measure(usize, checks::Says),
    /// The samples of that stage are lost: a restart.
    Forget(usize),
    /// The owner of that Environment shuts its windows, or opens them.
    Window(usize),
    /// The owner of that Environment freezes it, or ends that.
    Freeze(usize),
    /// Someone freezes that Environment by an annotation of its namespace, or ends that.
    Annotate(usize),
    /// Someone deletes an admission policy of the chart, or all are put in force again.
    Policies,
    NewRelease(u8),
    Pause(String),
    Suspend,
    /// The pipeline asks for nothing more before production.
    Lower,
    Head(Option<u8>),
    /// Production is pinned to that release, or to none.
    Pin(Option<u8>),
    Decide(DecisionType, Option<u8>, Option<usize>),
    ReleaseGone(String),
    ReleaseBack(u8),
    PipelineGone,
    EnvironmentGone(usize),
    StageGone,
    Wipe,
}

/// Effects in the groups that are tried one after the other: what only tells people goes together.
pub fn groups(actions: &[Action]) -> Vec<&[Action]> {
    let tells = |a: &Action| matches!(a, Action::ReleaseStatus { .. });
    actions.chunk_by(|a, b| tells(a) && tells(b)).collect()
}

/// All steps that are possible in a world whose next pass is `plan`; `is_calm`: that pass changes nothing.
pub fn possible(world: &World, plan: Option<&Plan>, is_calm: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(plan) = plan {
        of_operator(world, plan, &mut steps);
        if let Some(at) = plan.wake_at.filter(|_| is_calm || world.budget.has(Kind::Early)) {
            steps.push(Step::Jump(at));
        }
    }
    // before first sight nothing happens but what goes by itself, except where that is the point
    let nothing = Budget::none();
    let is_adopted = world.status().is_some_and(|s| s.adopted.is_some());
    let budget = if is_adopted || world.budget.early { &world.budget } else { &nothing };
    cluster::possible(world, budget, &mut steps);
    suites(world, &mut steps);
    checks::possible(world, budget, &mut steps);
    people::possible(world, budget, &mut steps);
    steps
}

fn of_operator(world: &World, plan: &Plan, steps: &mut Vec<Step>) {
    let budget = &world.budget;
    let parts = match &plan.step {
        Do::Checkpoint { .. } => 1,
        Do::TakeOver(actions) | Do::Effects(actions) => groups(actions).len(),
    };
    if parts > 0 {
        steps.push(Step::Pass);
    }
    if budget.has(Kind::Cut) {
        steps.extend((1..parts).map(Step::Cut));
    }
    if budget.has(Kind::Refuse) && matches!(plan.step, Do::TakeOver(_) | Do::Effects(_)) {
        steps.extend((0..parts).map(Step::Refuse));
    }
    if budget.has(Kind::Late) && world.operator.late.is_none() {
        steps.extend((0..parts).map(Step::Late));
        steps.extend((0..parts).filter(|at| raised(plan, *at).is_some()).map(Step::Doubt));
    }
    if world.operator.late.is_some() {
        steps.push(Step::Arrive);
    }
    match world.operator.lag {
        Some(_) => steps.push(Step::CatchUp),
        None if budget.has(Kind::Lag) => steps.extend((0..5).map(Step::Lag)),
        None => {}
    }
    if world.operator.no_bans {
        steps.push(Step::NoBans(false));
    } else if budget.has(Kind::NoBans) {
        steps.push(Step::NoBans(true));
    }
    for at in 0..2 {
        if people::has_environment_pass(world, at) {
            steps.push(Step::EnvironmentPass(at));
        }
    }
}

fn suites(world: &World, steps: &mut Vec<Step>) {
    let budget = &world.budget;
    for run in world.runs.iter().filter(|r| r.spec.runner == Runner::External) {
        let name = run.metadata.name.clone().unwrap_or_default();
        match run.status.as_ref().and_then(|s| s.phase) {
            Some(RunPhase::Passed) if budget.has(Kind::CiLater) => steps.push(Step::Ci(name, RunPhase::Failed)),
            Some(RunPhase::Passed | RunPhase::Failed | RunPhase::Aborted) => {}
            said => {
                steps.push(Step::Ci(name.clone(), RunPhase::Passed));
                if budget.has(Kind::CiFails) {
                    steps.push(Step::Ci(name.clone(), RunPhase::Failed));
                }
                if budget.has(Kind::CiErrs) && said != Some(RunPhase::Errored) {
                    steps.push(Step::Ci(name, RunPhase::Errored));
                }
            }
        }
    }
    if budget.has(Kind::RunGone) {
        steps.extend(world.runs.iter().filter_map(|r| r.metadata.name.clone()).map(Step::RunGone));
    }
}

/// The world after a step.
pub fn take(world: &World, plan: Option<&Plan>, step: &Step) -> Result<World, Broken> {
    let mut next = world.clone();
    match step {
        Step::Pass => pass(&mut next, plan, usize::MAX, None)?,
        Step::Cut(at) => {
            spend(&mut next, Kind::Cut);
            pass(&mut next, plan, *at, None)?;
        }
        Step::Refuse(at) => {
            spend(&mut next, Kind::Refuse);
            pass(&mut next, plan, usize::MAX, Some(*at))?;
        }
        Step::Late(at) => {
            spend(&mut next, Kind::Late);
            pass(&mut next, plan, *at, None)?;
            next.operator.late = late(&next, plan, *at);
            next.operator.term += 1;
            next.operator.touched.clear();
            next.operator.is_lost = world.status().is_none();
        }
        Step::Doubt(at) => {
            spend(&mut next, Kind::Late);
            pass(&mut next, plan, *at, None)?;
            next.operator.late = late(&next, plan, *at);
            next.operator.doubts = plan.and_then(|plan| raised(plan, *at)).into_iter().collect();
        }
        Step::Arrive => {
            if let Some(write) = next.operator.late.take() {
                let is_settled = terms::is_settled(&next) && !std::mem::take(&mut next.operator.is_lost);
                let is_settled = is_settled && next.operator.doubts.is_empty();
                next.operator.is_late = true;
                let has_effect = carry_out(&mut next, &write)?;
                next.operator.is_late = false;
                terms::arrived(&write, is_settled, has_effect)?;
            }
        }
        Step::Jump(at) => {
            if plan.is_some_and(|p| p.step != Do::Effects(Vec::new())) && world.budget.has(Kind::Early) {
                spend(&mut next, Kind::Early);
            }
            next.now = *at;
        }
        _ if cluster::happens(&mut next, step) || checks::happens(&mut next, step) => {}
        _ => people::act(&mut next, step)?,
    }
    crate::routes::follow(&mut next);
    cluster::witness(&mut next);
    Ok(next)
}

pub fn spend(world: &mut World, kind: Kind) {
    coverage::reach_kind(kind);
    world.budget.spend(kind);
}

fn write_of(world: &World, plan: Option<&Plan>) -> Option<Write> {
    let version = world.seen_pipeline()?.metadata.resource_version.clone()?;
    match &plan?.step {
        Do::Checkpoint { status, .. } => Some(Write::Checkpoint { version, status: status.clone() }),
        Do::TakeOver(_) | Do::Effects(_) => None,
    }
}

fn late(world: &World, plan: Option<&Plan>, at: usize) -> Option<Arc<Write>> {
    if let Some(write) = write_of(world, plan) {
        return Some(Arc::new(write));
    }
    let (Do::TakeOver(actions) | Do::Effects(actions)) = &plan?.step else { return None };
    let action = groups(actions).get(at)?.first()?;
    sent(world, action.clone()).map(|action| Arc::new(Write::Effect(action)))
}

/// The object by which the first effect of that group exposes more.
fn raised(plan: &Plan, at: usize) -> Option<String> {
    let Do::Effects(actions) = &plan.step else { return None };
    groups(actions).get(at)?.first()?.raises().map(str::to_owned)
}

/// What is on its way once the server was asked; nothing if what it rests on has moved.
fn sent(world: &World, mut action: Action) -> Option<Action> {
    let confirm = match &mut action {
        Action::SetImages(set) => &mut set.confirm,
        Action::ScaleClone(scale) => &mut scale.confirm,
        Action::PutRoute(put) => &mut put.confirm,
        _ => return Some(action),
    };
    let is_so = std::mem::take(confirm).iter().all(|target| world.is_current(target));
    is_so.then_some(action)
}

/// The operator's pass: so many groups of effects, one of them refused.
fn pass(world: &mut World, plan: Option<&Plan>, upto: usize, refused: Option<usize>) -> Result<(), Broken> {
    let Some(plan) = plan else { return Ok(()) };
    match &plan.step {
        Do::Checkpoint { .. } => {
            if let Some(write) = write_of(world, Some(plan)).filter(|_| upto > 0) {
                carry_out(world, &write)?;
            }
        }
        Do::TakeOver(actions) | Do::Effects(actions) => {
            if world.operator.lag.is_none() {
                planned(world, actions)?;
            }
            for (_, group) in groups(actions).iter().enumerate().filter(|(at, _)| *at < upto && Some(*at) != refused) {
                for action in *group {
                    carry_out(world, &Write::Effect(action.clone()))?;
                }
            }
        }
    }
    Ok(())
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pass => f.write_str("the operator's pass"),
            Self::Cut(n) => write!(f, "the operator dies after {n} effects"),
            Self::Refuse(n) => write!(f, "effect {} is refused", n + 1),
            Self::Late(n) => write!(f, "the leader stalls at write {}, another takes over", n + 1),
            Self::Arrive => f.write_str("the old leader's write arrives"),
            Self::Observe(at, key) => write!(f, "{} {key}: its controller rolls", STAGES[*at]),
            Self::Ready(at, key) => write!(f, "{} {key}: the new pod is ready", STAGES[*at]),
            Self::HandEdit(at, key, image) => write!(f, "{} {key}: a person sets {image:?}", STAGES[*at]),
            other => write!(f, "{other:?}"),
        }
    }
}

/// What runs and what the checkpoint says, in a line, for traces.
pub fn glance(world: &World) -> String {
    let mut line = String::new();
    for (at, place) in world.places.iter().enumerate() {
        let clones = place.clones.values().map(|c| format!("({}{}×{})", image(c).0, pods(c), c.wanted));
        let runs = place.workloads.values().map(|w| format!("{}{}", image(w).0, pods(w)));
        let runs: Vec<String> = runs.chain(clones).collect();
        let stage = crate::safety::stored(world, at);
        let open = stage.and_then(|s| s.rollout.as_ref()).map_or("idle".to_owned(), |r| {
            let state = format!("{:?}", r.state);
            format!("{} {}", r.version, state.split(['(', ' ']).next().unwrap_or(""))
        });
        let current =
            stage.and_then(|s| s.current.as_ref()).map(|c| format!(" current {}", world.image_of(&c.build).0));
        let held = stage.and_then(|s| s.held.as_ref()).map(|h| format!(" held {:?}", h.kind));
        let (current, held) = (current.unwrap_or_default(), held.unwrap_or_default());
        line.push_str(&format!(" | {}: runs {} {open}{current}{held}", STAGES[at], runs.join(",")));
    }
    format!("+{}s{line}", world.now.since(crate::world::START).millis() as f64 / 1000.0)
}

fn pods(workload: &windlass::observe::Workload) -> &'static str {
    if workload.observed_generation < workload.generation {
        "?"
    } else if workload.pods.iter().any(|p| p.trouble.is_some()) {
        "!"
    } else if crate::world::serves(workload) {
        "✓"
    } else {
        "…"
    }
}
