//! Liveness: with faults and people off, a world comes to rest by itself, in a goal state, and stays there. Three
//! schedules, each fair: the operator first, the cluster first, and time first.

use windlass::api::Time;

use crate::budget::Budget;
use crate::canon::hash;
use crate::checks::Says;
use crate::cluster::JobEnd;
use crate::engine::{Decided, Set, decide};
use crate::goal;
use crate::safety::Broken;
use crate::step::{Step, glance, possible, take};
use crate::world::World;

/// Runs are tried from each quiet state, and from one in so many others.
const ONE_IN: u64 = 200;
/// Longer than this is never.
const LONG: usize = 400;

/// Who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Schedule {
    Operator,
    Cluster,
    /// Suites say nothing and pods take their time: deadlines pass first.
    Time,
}

const SCHEDULES: [Schedule; 3] = [Schedule::Operator, Schedule::Cluster, Schedule::Time];

/// Runs that were made, so that none is made twice.
#[derive(Default)]
pub struct Fair {
    good: [Set; 3],
    count: u64,
}

type Failed = (Broken, Vec<String>);

impl Fair {
    /// From a quiet world every schedule comes to a goal, from one in so many others one of them, in turn.
    pub fn visit(&mut self, world: &World, is_quiet: bool) -> Result<(), Failed> {
        self.count += 1;
        if is_quiet {
            return SCHEDULES.into_iter().enumerate().try_for_each(|(at, schedule)| self.go(world, at, schedule));
        }
        if !self.count.is_multiple_of(ONE_IN) {
            return Ok(());
        }
        let at = (self.count / ONE_IN) as usize % SCHEDULES.len();
        self.go(world, at, SCHEDULES[at])
    }

    fn go(&mut self, from: &World, at: usize, schedule: Schedule) -> Result<(), Failed> {
        let mut world = calm(from, schedule);
        let (mut way, mut steps) = (Vec::new(), Vec::new());
        for _ in 0..LONG {
            let key = hash(&world);
            if self.good[at].contains(&key) {
                self.good[at].extend(way);
                return Ok(());
            }
            way.push(key);
            match next(&world, schedule) {
                Ok(Some((step, after))) => {
                    world = after;
                    steps.push(step);
                }
                Ok(None) => {
                    self.good[at].extend(way);
                    return Ok(());
                }
                Err(broken) => return Err((broken, told(from, schedule, &steps))),
            }
        }
        let what = "it never comes to rest".to_owned();
        steps.truncate(60);
        Err((Broken { property: "L1", what }, told(from, schedule, &steps)))
    }
}

/// The world once it has come to rest, cluster first.
pub fn rest(world: World) -> World {
    rest_until(world, |_| false)
}

/// The world once it is so, or has come to rest, cluster first.
pub fn rest_until(mut world: World, is_so: impl Fn(&World) -> bool) -> World {
    while let Ok(Some((_, after))) = next(&world, Schedule::Cluster) {
        world = after;
        if is_so(&world) {
            break;
        }
    }
    world
}

/// The world with faults and people off.
fn calm(from: &World, schedule: Schedule) -> World {
    let mut world = from.clone();
    world.budget = Budget::none();
    world.operator.lag = None;
    world.operator.no_bans = false;
    world.operator.calm_since = (schedule != Schedule::Time).then_some(world.now);
    world
}

/// The next step and the world after it; none at rest, in a goal state.
fn next(world: &World, schedule: Schedule) -> Result<Option<(Step, World)>, Broken> {
    let Decided { plan, after, is_calm } = decide(world)?;
    let wake = plan.as_ref().and_then(|p| p.wake_at);
    let Some(step) = choose(schedule, possible(world, plan.as_ref(), is_calm), is_calm, wake) else {
        goal::reached(world)?;
        goal::stays(world)?;
        return Ok(None);
    };
    let after = match after.filter(|_| step == Step::Pass) {
        Some(after) => after,
        None => take(world, plan.as_ref(), &step)?,
    };
    Ok(Some((step, after)))
}

/// A run in words.
fn told(from: &World, schedule: Schedule, steps: &[Step]) -> Vec<String> {
    let mut world = calm(from, schedule);
    let mut lines = vec![format!("(with faults and people off, {schedule:?} first)")];
    for step in steps {
        let Ok(Decided { plan, .. }) = decide(&world) else { break };
        let Ok(next) = take(&world, plan.as_ref(), step) else { break };
        world = next;
        lines.push(format!("{step}\n      {}", glance(&world)));
    }
    lines
}

fn choose(schedule: Schedule, steps: Vec<Step>, is_calm: bool, wake: Option<Time>) -> Option<Step> {
    let is_pass = |s: &Step| *s == Step::Pass && !is_calm || matches!(s, Step::EnvironmentPass(_) | Step::Arrive);
    let is_cluster = |s: &Step| match s {
        Step::Observe(..) | Step::Ready(..) => true,
        Step::CreateWorkload(..)
        | Step::Ci(..)
        | Step::Job(_, JobEnd::Passes)
        | Step::Measure(_, Says::Good)
        | Step::Gateway(_, true) => schedule != Schedule::Time,
        Step::Claim(_, _, false) => true,
        _ => false,
    };
    let pass = steps.iter().find(|s| is_pass(s));
    let cluster = steps.iter().find(|s| is_cluster(s));
    let jump = wake.map(Step::Jump);
    match schedule {
        Schedule::Operator => pass.or(cluster).cloned().or(jump),
        Schedule::Cluster => cluster.or(pass).cloned().or(jump),
        Schedule::Time => pass.cloned().or(jump).or_else(|| cluster.cloned()),
    }
}
