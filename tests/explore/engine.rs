//! Breadth first through every interleaving: each state once, each expanded in full, the shortest way to what breaks.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use windlass::plan::{Plan, Step as Do, plan};

use crate::canon::hash;
use crate::fair::Fair;
use crate::safety::Broken;
use crate::scenario::Scenario;
use crate::step::{Step, glance, possible, take};
use crate::world::World;

/// Keys are hashes already.
#[derive(Default)]
pub struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

pub type Set = HashSet<u128, BuildHasherDefault<Same>>;

/// What came of a scenario.
pub struct Explored {
    pub name: &'static str,
    pub states: usize,
    pub steps: usize,
    pub depth: usize,
    pub seconds: f64,
    /// All of it was seen, not only as far as the limit.
    pub is_whole: bool,
    pub broken: Option<(Broken, Vec<String>)>,
}

struct Search {
    seen: Set,
    /// By state: its parent, and which of the parent's steps led here.
    parents: Vec<(u32, u16)>,
    queue: VecDeque<(World, u32, u32)>,
    steps: usize,
    depth: usize,
}

/// Explores a scenario up to so many states; `tells`: the way to what breaks, too.
pub fn explore(scenario: &Scenario, limit: usize, tells: bool) -> Explored {
    let began = Instant::now();
    let start = scenario.start();
    let mut search = Search { seen: Set::default(), parents: vec![(0, 0)], queue: VecDeque::new(), steps: 0, depth: 0 };
    search.seen.insert(hash(&start));
    search.queue.push_back((start, 0, 0));
    let mut fair = Fair::default();
    let mut broken = None;
    while let Some((world, id, depth)) = search.queue.pop_front() {
        search.depth = depth as usize;
        if let Err((what, extra)) = expand(&mut search, &mut fair, &world, id, depth, limit) {
            let lines = if tells { trace(scenario, &search.parents, id, extra) } else { Vec::new() };
            broken = Some((what, lines));
            break;
        }
    }
    Explored {
        name: scenario.name,
        states: search.seen.len(),
        steps: search.steps,
        depth: search.depth,
        seconds: began.elapsed().as_secs_f64(),
        is_whole: search.seen.len() < limit && broken.is_none(),
        broken,
    }
}

/// The decision in a world, and whether carrying it out changes nothing.
pub fn decide(world: &World) -> Result<Decided, Broken> {
    crate::routes::apart(world)?;
    let Some(snapshot) = world.snapshot() else { return Ok(Decided { plan: None, after: None, is_calm: true }) };
    let plan = plan(&snapshot, world.now);
    if plan.step == Do::Effects(Vec::new()) {
        crate::routes::calm(world)?;
        crate::clones::watched(world)?;
        return Ok(Decided { plan: Some(plan), after: None, is_calm: true });
    }
    let after = take(world, Some(&plan), &Step::Pass)?;
    // a write gives its object a new version even if it changes nothing
    let is_calm = after.version == world.version;
    Ok(Decided { plan: Some(plan), after: Some(after), is_calm })
}

/// What the operator does next.
pub struct Decided {
    pub plan: Option<Plan>,
    /// The world after its pass, where there is something to do.
    pub after: Option<World>,
    /// That pass changes nothing.
    pub is_calm: bool,
}

fn expand(
    search: &mut Search,
    fair: &mut Fair,
    world: &World,
    id: u32,
    depth: u32,
    limit: usize,
) -> Result<(), (Broken, Vec<String>)> {
    let pass = |broken: Broken| (broken, vec![Step::Pass.to_string()]);
    let Decided { plan, mut after, is_calm } = decide(world).map_err(pass)?;
    let is_quiet = is_calm && plan.as_ref().is_none_or(|p| p.wake_at.is_none());
    fair.visit(world, is_quiet)?;
    for (at, step) in possible(world, plan.as_ref(), is_calm).iter().enumerate() {
        let next = match after.take_if(|_| *step == Step::Pass) {
            Some(after) => after,
            None => take(world, plan.as_ref(), step).map_err(|broken| (broken, vec![step.to_string()]))?,
        };
        search.steps += 1;
        if search.seen.len() < limit && search.seen.insert(hash(&next)) {
            let known = search.parents.len() as u32;
            search.parents.push((id, at as u16));
            search.queue.push_back((next, known, depth + 1));
        }
    }
    Ok(())
}

/// The way to a state, in words, and what followed.
fn trace(scenario: &Scenario, parents: &[(u32, u16)], id: u32, extra: Vec<String>) -> Vec<String> {
    let mut way = Vec::new();
    let mut at = id;
    while at != 0 {
        let (parent, step) = parents[at as usize];
        way.push(step);
        at = parent;
    }
    let mut world = scenario.start();
    let mut lines = vec![glance(&world)];
    for index in way.into_iter().rev() {
        let Ok(Decided { plan, is_calm, .. }) = decide(&world) else { break };
        let Some(step) = possible(&world, plan.as_ref(), is_calm).into_iter().nth(usize::from(index)) else { break };
        let Ok(next) = take(&world, plan.as_ref(), &step) else { break };
        world = next;
        lines.push(format!("{step}\n      {}", glance(&world)));
    }
    lines.extend(extra);
    lines
}
