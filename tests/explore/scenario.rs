//! The worlds that are explored: small ones, each with its own events.

use windlass::api::approvals::Approvals;
use windlass::api::check::{Check, Pace};
use windlass::api::pipeline::{ContainerRef, DeliveryPipelineSpec, ImageSource, WorkloadKind, WorkloadRef};
use windlass::api::stage::{External, JobSource, Promotion, PromotionMode, Stage, Suite};
use windlass::api::strategy::{Autoscaler, BlueGreen, Canary, CanaryStep, Strategy};
use windlass::api::{DecisionType, RolloutState, Span};

use crate::budget::{Budget, Kind};
use crate::fair::{rest, rest_until};
use crate::step::{Step, take};
use crate::world::World;

/// One small world.
#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    spec: DeliveryPipelineSpec,
    builds: Vec<u8>,
    budget: Budget,
    /// It begins with the first release delivered as far as it goes by itself, and after these acts, each followed by rest.
    after: Option<Vec<Step>>,
    /// It begins elsewhere.
    begins: Option<fn(World) -> World>,
    /// States to see at most in a whole run.
    pub limit: usize,
}

impl Scenario {
    pub fn start(&self) -> World {
        if let Some(begins) = self.begins {
            let mut world = begins(World::new(self.spec.clone(), &self.builds, Budget::none()));
            world.budget = self.budget.clone();
            return world;
        }
        let Some(acts) = &self.after else {
            return World::new(self.spec.clone(), &self.builds, self.budget.clone());
        };
        let mut world = rest(World::new(self.spec.clone(), &self.builds, Budget::none()));
        for act in acts {
            world = rest(take(&world, None, act).unwrap());
        }
        world.budget = self.budget.clone();
        world
    }

    /// The same, from another place.
    fn from(mut self, begins: fn(World) -> World) -> Self {
        self.begins = Some(begins);
        self
    }

    /// The same, with what else its budget says.
    fn bound_by(mut self, edit: impl FnOnce(&mut Budget)) -> Self {
        edit(&mut self.budget);
        self
    }

    /// The same, from the rest after the first delivery.
    fn settled(self) -> Self {
        self.after(&[])
    }

    /// The same, from the rest after the first delivery and these acts.
    fn after(mut self, acts: &[Step]) -> Self {
        self.after = Some(acts.to_vec());
        self
    }
}

/// Suites of a stage: `e` is external, `j` a job.
fn stage(name: &str, suites: &str, mode: PromotionMode, checked: bool) -> Stage {
    let suite = |kind: char| Suite {
        suite: if kind == 'e' { "contract".into() } else { "api".into() },
        job: (kind == 'j').then(source),
        external: (kind == 'e').then_some(External {}),
        http: None,
        metric: None,
        pace: Pace::default(),
        timeout: None,
        minimum_coverage: None,
        retries: None,
    };
    Stage {
        environment: name.into(),
        after: None,
        strategy: Strategy::default(),
        promotion: Some(Promotion { mode, soak: None, approvals: None }),
        tests: suites.chars().map(suite).collect(),
        checks: if checked { vec![check()] } else { Vec::new() },
        hooks: None,
        progress_deadline: None,
        max_pause: None,
        bake: None,
    }
}

fn source() -> JobSource {
    JobSource { cron_job: "tests".into(), containers: vec![container()] }
}

/// Two bad samples in a row condemn, one good one passes.
fn check() -> Check {
    let metric = serde_json::json!({"provider": "prometheus", "query": "errors", "max": "1"});
    Check {
        name: "errors".into(),
        http: None,
        metric: serde_json::from_value(metric).ok(),
        pace: Pace { failures: Some(2), samples: Some(1), ..Pace::default() },
    }
}

fn container() -> ContainerRef {
    ContainerRef { name: "app".into(), image_name: "app".into() }
}

struct Shape {
    staging: &'static str,
    production: &'static str,
    workloads: &'static [&'static str],
    mode: PromotionMode,
    checked: bool,
    /// Shares of the canary in production, if it is one.
    canary: &'static [u32],
    /// By the weights of a route.
    routed: bool,
    /// Blue-green in production.
    green: bool,
    /// Beside an autoscaler that does not count the clone.
    scaled: bool,
    /// Somebody else must approve what enters production.
    approved: bool,
    /// How long a build runs in staging before it may enter production.
    soak: Span,
    /// Production has hooks.
    hooked: Hooked,
    /// Releases begin in production as in staging.
    side_by_side: bool,
    /// There is a suite about the build itself.
    built: bool,
}

/// Hooks of production.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hooked {
    No,
    Yes,
    /// One of them has no way back.
    ForGood,
}

const PLAIN: Shape = Shape {
    staging: "e",
    production: "",
    workloads: &["web"],
    mode: PromotionMode::Automatic,
    checked: false,
    canary: &[],
    routed: false,
    green: false,
    scaled: false,
    approved: false,
    soak: Span::seconds(0),
    hooked: Hooked::No,
    side_by_side: false,
    built: false,
};

fn spec(shape: &Shape) -> DeliveryPipelineSpec {
    let workload = |name: &&str| WorkloadRef {
        kind: WorkloadKind::Deployment,
        exposure: None,
        name: (*name).into(),
        containers: vec![container()],
    };
    let approvals = shape.approved.then(|| Approvals { required: 1, groups: Vec::new() });
    DeliveryPipelineSpec {
        images: vec![ImageSource { name: "app".into(), repository: "registry.example/shop/app".into() }],
        workloads: shape.workloads.iter().map(workload).collect(),
        stages: vec![
            Stage {
                bake: (shape.green || !shape.canary.is_empty() || shape.hooked != Hooked::No)
                    .then_some(Span::seconds(0)),
                ..stage("staging", shape.staging, PromotionMode::Automatic, shape.checked)
            },
            Stage {
                after: shape.side_by_side.then(Vec::new),
                strategy: strategy(shape),
                hooks: (shape.hooked != Hooked::No)
                    .then(|| crate::hooks::hooks(&source(), shape.hooked == Hooked::ForGood)),
                promotion: Some(Promotion { mode: shape.mode, soak: Some(shape.soak), approvals }),
                ..stage("production", shape.production, shape.mode, shape.checked)
            },
        ],
        traffic: shape.routed.then(crate::routes::traffic),
        release: None,
        tests: shape.built.then(crate::build_tests::unit).into_iter().collect(),
        pins: Vec::new(),
        history_limit: 20,
        suspend: false,
    }
}

fn strategy(shape: &Shape) -> Strategy {
    let steps: Vec<CanaryStep> =
        shape.canary.iter().map(|weight| CanaryStep { weight: *weight, pause: Some(Span::seconds(60)) }).collect();
    let autoscaler = if shape.scaled { Autoscaler::Lock } else { Autoscaler::Ignore };
    if shape.green {
        Strategy::BlueGreen(BlueGreen { autoscaler })
    } else if steps.is_empty() {
        Strategy::default()
    } else {
        Strategy::Canary(Canary { steps, autoscaler })
    }
}

/// States of a scenario, in the whole run.
const NEAR: usize = 53_000;
/// The same where a state costs little.
const FAR: usize = 112_000;
const QUICK: &[&str] = &[
    "hooks",
    "suites",
    "decisions",
    "soaked",
    "approved",
    "schema",
    "stops",
    "annotated",
    "limited",
    "manual",
    "by hand",
    "cluster",
    "status lost",
    "deletion",
    "second by hand",
    "second manual",
    "tool",
    "tool beside clones",
    "canary unanswered",
    "canary faults",
    "canary cluster",
    "shared build",
    "first sight",
    "guarded",
];

fn scenario(name: &'static str, shape: &Shape, builds: &[u8], total: u8, each: &[(Kind, u8)]) -> Scenario {
    Scenario {
        name,
        spec: spec(shape),
        builds: builds.to_vec(),
        budget: Budget::new(total, each),
        after: None,
        begins: None,
        limit: if QUICK.contains(&name) { FAR } else { NEAR },
    }
}

fn open(world: &World, at: usize) -> Option<&RolloutState> {
    crate::safety::stored(world, at)?.rollout.as_ref().map(|r| &r.state)
}

/// The first release enters production.
fn at_production(world: World) -> World {
    rest_until(world, |w| open(w, 1).is_some() && open(w, 0).is_none())
}

/// All requests there are its clone's, and its suites run.
fn at_full(world: World) -> World {
    rest_until(world, |w| matches!(open(w, 1), Some(RolloutState::Verifying(_))))
}

/// It is proven there, in its clone.
fn at_bake(world: World) -> World {
    rest_until(world, |w| matches!(open(w, 1), Some(RolloutState::Delivered(_))))
}

/// The template has changed three times while its clone was exposed.
fn interrupted(world: World) -> World {
    let mut world = at_production(world);
    for _ in 0..3 {
        let changed = take(&world, None, &Step::Template(1, "Deployment/web".into())).unwrap();
        let gone = rest_until(changed, |w| matches!(open(w, 1), Some(RolloutState::Reverting(_))));
        world = rest_until(gone, |w| matches!(open(w, 1), Some(RolloutState::Stepping(_))));
    }
    world
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    use Kind::*;
    let two = Shape { workloads: &["web", "worker"], ..PLAIN };
    let beside = Shape { production: "e", side_by_side: true, ..PLAIN };
    let built = Shape { staging: "", built: true, ..PLAIN };
    let job = Shape { staging: "j", ..PLAIN };
    let both = Shape { staging: "ej", production: "e", ..PLAIN };
    let canary = Shape { canary: &[34], ..PLAIN };
    let tested = Shape { production: "e", ..canary };
    let watched = Shape { staging: "", checked: true, ..canary };
    let checked = Shape { staging: "", checked: true, ..PLAIN };
    let scaled = Shape { scaled: true, ..canary };
    let routed = Shape { canary: &[50], routed: true, ..PLAIN };
    let green = Shape { production: "e", routed: true, green: true, ..PLAIN };
    let soaked = Shape { staging: "", soak: Span::seconds(900), ..PLAIN };
    let hooked = Shape { staging: "", hooked: Hooked::Yes, ..PLAIN };
    let manual = Shape { mode: PromotionMode::Manual, ..PLAIN };
    let mut shared = scenario(
        "shared build",
        &PLAIN,
        &[1],
        4,
        &[(NewRelease, 2), (CiFails, 1), (CiLater, 1), (Trouble, 1), (Abort, 1), (Promote, 1), (Unban, 1), (Retry, 1)],
    );
    shared.budget.shares = true;
    let mut sight = scenario(
        "first sight",
        &PLAIN,
        &[1],
        3,
        &[(HandEdit, 1), (Delete, 1), (Trouble, 1), (Template, 1), (NewRelease, 2), (Promote, 1), (Withdraw, 1)],
    );
    sight.budget.early = true;
    vec![
        scenario("straight", &PLAIN, &[1], 3, &[(NewRelease, 2), (CiFails, 1), (CiErrs, 1), (Trouble, 2), (Cut, 2)]),
        scenario(
            "faults",
            &PLAIN,
            &[1],
            3,
            &[
                (Cut, 2),
                (Refuse, 2),
                (Late, 1),
                (Lag, 1),
                (NoBans, 1),
                (Early, 1),
                (Trouble, 1),
                (CiFails, 1),
                (NewRelease, 1),
            ],
        ),
        scenario(
            "two workloads",
            &two,
            &[1],
            3,
            &[(Trouble, 2), (Recover, 1), (Pause, 2), (Abort, 1), (NewRelease, 1), (Template, 1), (Late, 1)],
        ),
        scenario(
            "jobs",
            &job,
            &[1],
            4,
            &[(JobFails, 1), (JobErrs, 2), (JobGone, 1), (RunGone, 1), (Cut, 1), (Late, 1), (Retry, 1)],
        ),
        scenario(
            "hooks",
            &hooked,
            &[1],
            3,
            &[
                (JobFails, 2),
                (JobErrs, 1),
                (JobGone, 1),
                (Trouble, 1),
                (Abort, 1),
                (Pause, 2),
                (Cut, 1),
                (Late, 1),
                (Lag, 1),
            ],
        )
        .from(at_production),
        scenario(
            "hook for good",
            &Shape { hooked: Hooked::ForGood, ..hooked },
            &[1],
            3,
            &[
                (JobFails, 1),
                (Trouble, 1),
                (Recover, 1),
                (Abort, 1),
                (Revert, 1),
                (Unhold, 1),
                (NewRelease, 1),
                (Cut, 1),
            ],
        )
        .from(at_full),
        scenario("hooks undone", &hooked, &[1], 3, &[(JobFails, 2), (Refuse, 2)]).from(at_full),
        scenario(
            "hooks of canary",
            &Shape { hooked: Hooked::Yes, staging: "", ..canary },
            &[1],
            3,
            &[(JobFails, 1), (Trouble, 1), (Abort, 1), (Template, 1), (Cut, 1)],
        )
        .from(at_production),
        scenario(
            "suites",
            &both,
            &[1],
            3,
            &[
                (CiFails, 1),
                (CiErrs, 1),
                (CiLater, 1),
                (JobFails, 1),
                (RunGone, 1),
                (Late, 1),
                (Lag, 1),
                (Delete, 1),
                (Template, 1),
            ],
        ),
        scenario(
            "decisions",
            &PLAIN,
            &[1],
            4,
            &[
                (NewRelease, 1),
                (Trouble, 1),
                (Promote, 1),
                (Abort, 1),
                (Revert, 2),
                (Unhold, 1),
                (Retry, 1),
                (Unban, 1),
                (Withdraw, 1),
            ],
        ),
        scenario(
            "soaked",
            &soaked,
            &[1],
            3,
            &[
                (NewRelease, 1),
                (Lower, 1),
                (Trouble, 1),
                (Template, 1),
                (HandEdit, 1),
                (Adopt, 1),
                (Restore, 1),
                (Promote, 1),
            ],
        )
        .bound_by(|budget| budget.floor = true),
        scenario(
            "guarded",
            &PLAIN,
            &[1],
            4,
            &[
                (Window, 2),
                (Freeze, 2),
                (Override, 1),
                (NewRelease, 1),
                (Trouble, 1),
                (Template, 1),
                (Promote, 1),
                (Abort, 1),
                (Cut, 1),
                (Lag, 1),
            ],
        ),
        scenario(
            "approved",
            &Shape { approved: true, ..PLAIN },
            &[1],
            4,
            &[
                (Approve, 2),
                (Override, 1),
                (Reject, 1),
                (Policies, 2),
                (Lower, 1),
                (NewRelease, 1),
                (ReleaseGone, 1),
                (ReleaseBack, 1),
                (Wipe, 1),
                (Promote, 1),
                (Trouble, 1),
                (Cut, 1),
                (Lag, 1),
            ],
        )
        .bound_by(|budget| budget.floor = true),
        scenario(
            "schema",
            &PLAIN,
            &[1],
            4,
            &[
                (NewRelease, 2),
                (Trouble, 2),
                (Abort, 1),
                (Revert, 1),
                (Withdraw, 1),
                (Promote, 1),
                (Cut, 1),
                (Delete, 1),
            ],
        )
        .bound_by(|budget| budget.schema = true),
        scenario("required", &PLAIN, &[1], 3, &[(NewRelease, 1), (Promote, 1), (Retry, 1), (Wipe, 1)])
            .bound_by(|budget| budget.required = true),
        scenario("unchecked", &PLAIN, &[1], 3, &[(NewRelease, 1), (Promote, 1), (Retry, 1), (Wipe, 1)])
            .bound_by(|budget| budget.unchecked = true),
        scenario(
            "stops",
            &PLAIN,
            &[1],
            4,
            &[(NewRelease, 2), (Trouble, 1), (Promote, 2), (Retry, 1), (ReleaseGone, 1), (ReleaseBack, 1), (Wipe, 1)],
        )
        .bound_by(|budget| budget.stops = true),
        scenario(
            "annotated",
            &PLAIN,
            &[1],
            4,
            &[(Annotate, 2), (Freeze, 1), (Late, 1), (Lag, 1), (NewRelease, 1), (Override, 1), (Trouble, 1), (Cut, 1)],
        )
        .from(at_production),
        scenario(
            "annotated canary",
            &routed,
            &[1],
            4,
            &[(Annotate, 2), (Late, 1), (Lag, 1), (Trouble, 1), (Abort, 1), (Override, 1)],
        )
        .from(at_production),
        scenario(
            "limited",
            &PLAIN,
            &[1],
            4,
            &[(NewRelease, 1), (Trouble, 1), (Pause, 1), (Abort, 1), (Override, 1), (Cut, 1), (Lag, 1)],
        )
        .bound_by(|budget| budget.limited = true),
        scenario("let pass", &PLAIN, &[1], 3, &[(Override, 1), (Abort, 1), (Retry, 1)])
            .after(&[Step::Freeze(1), Step::NewRelease(2)]),
        scenario(
            "frozen canary",
            &routed,
            &[1],
            3,
            &[
                (Freeze, 2),
                (Override, 1),
                (NewRelease, 1),
                (Trouble, 1),
                (Recover, 1),
                (Lag, 1),
                (Abort, 1),
                (Cut, 1),
                (Refuse, 1),
            ],
        )
        .settled(),
        scenario(
            "manual",
            &manual,
            &[1],
            4,
            &[(NewRelease, 1), (Promote, 2), (Withdraw, 1), (Trouble, 1), (Pause, 1), (Suspend, 2)],
        ),
        scenario(
            "checks",
            &checked,
            &[1],
            3,
            &[
                (CheckBad, 3),
                (CheckSilent, 1),
                (CheckLost, 1),
                (Trouble, 1),
                (NewRelease, 1),
                (Template, 1),
                (Late, 1),
                (ReleaseGone, 1),
            ],
        ),
        scenario("once more", &manual, &[1], 2, &[(Retry, 1), (Promote, 1)]).after(&[
            Step::Decide(DecisionType::Revert, None, Some(0)),
            Step::Decide(DecisionType::Unhold, None, Some(0)),
        ]),
        scenario("taken back", &manual, &[1], 2, &[(Abort, 1), (Promote, 1)]),
        scenario("one of two", &two, &[1], 1, &[(Trouble, 1)]),
        scenario("job gone", &job, &[1], 1, &[(JobGone, 1)]),
        scenario("lifted", &PLAIN, &[1], 3, &[(NewRelease, 1), (CiFails, 1), (Unban, 1)]).settled(),
        scenario(
            "by hand",
            &PLAIN,
            &[1],
            4,
            &[
                (HandEdit, 2),
                (Adopt, 1),
                (Restore, 1),
                (Trouble, 1),
                (Delete, 1),
                (Late, 1),
                (NewRelease, 1),
                (Abort, 1),
                (Revert, 1),
                (Withdraw, 1),
            ],
        ),
        scenario(
            "cluster",
            &PLAIN,
            &[1],
            4,
            &[(Delete, 2), (Template, 2), (Claim, 1), (Trouble, 2), (Late, 1), (Recover, 1), (Abort, 1)],
        ),
        scenario(
            "head",
            &PLAIN,
            &[],
            4,
            &[(Head, 3), (Trouble, 1), (CiLater, 1), (NewRelease, 1), (Unhold, 1), (Revert, 1)],
        ),
        scenario(
            "status lost",
            &PLAIN,
            &[1, 2, 3],
            4,
            &[(Wipe, 1), (Promote, 2), (Unhold, 1), (Trouble, 1), (NewRelease, 1), (Late, 1)],
        ),
        scenario(
            "deletion",
            &PLAIN,
            &[1],
            4,
            &[
                (ReleaseGone, 1),
                (ReleaseBack, 1),
                (PipelineGone, 1),
                (EnvironmentGone, 1),
                (StageGone, 1),
                (Trouble, 1),
                (Delete, 1),
            ],
        ),
        scenario(
            "second release",
            &PLAIN,
            &[1],
            4,
            &[(NewRelease, 1), (Trouble, 1), (CiFails, 1), (CiLater, 1), (Unban, 1), (Retry, 1), (Promote, 1)],
        )
        .settled(),
        scenario(
            "second checks",
            &checked,
            &[1],
            4,
            &[(NewRelease, 1), (CheckBad, 3), (CheckSilent, 2), (CheckLost, 1), (Trouble, 1), (Late, 1), (Lag, 1)],
        )
        .settled(),
        scenario("silence", &checked, &[1], 3, &[(CheckSilent, 2), (CheckLost, 1)]),
        scenario(
            "second thoughts",
            &two,
            &[1],
            4,
            &[(NewRelease, 1), (Abort, 1), (Revert, 2), (Unhold, 1), (Withdraw, 1), (Promote, 1), (Trouble, 1)],
        )
        .settled(),
        scenario(
            "second by hand",
            &PLAIN,
            &[1],
            4,
            &[(NewRelease, 1), (HandEdit, 2), (Adopt, 1), (Restore, 1), (Delete, 1), (Template, 1), (Abort, 1)],
        )
        .settled(),
        scenario(
            "tool",
            &PLAIN,
            &[1],
            5,
            &[(Apply, 3), (NewRelease, 1), (Adopt, 1), (Restore, 1), (HandEdit, 1), (Delete, 1), (Abort, 1), (Lag, 1)],
        )
        .settled(),
        scenario("tool in a rollout", &PLAIN, &[1], 4, &[(Apply, 3), (Trouble, 1), (Template, 1), (Late, 1), (Cut, 1)]),
        scenario("tool beside clones", &canary, &[1], 3, &[(Apply, 3), (Trouble, 1), (Template, 1), (Delete, 1)])
            .from(at_production),
        scenario(
            "second leader",
            &PLAIN,
            &[1],
            4,
            &[
                (NewRelease, 1),
                (Late, 1),
                (Lag, 1),
                (Cut, 1),
                (Pause, 1),
                (Suspend, 1),
                (CiLater, 1),
                (NoBans, 1),
                (Trouble, 1),
                (Wipe, 1),
            ],
        )
        .settled(),
        scenario(
            "second head",
            &PLAIN,
            &[1],
            4,
            &[(Head, 3), (NewRelease, 1), (Trouble, 1), (CiFails, 1), (Abort, 1), (Lag, 1)],
        )
        .settled(),
        scenario(
            "second deletion",
            &PLAIN,
            &[1],
            3,
            &[
                (NewRelease, 1),
                (ReleaseGone, 1),
                (ReleaseBack, 1),
                (PipelineGone, 1),
                (EnvironmentGone, 1),
                (StageGone, 1),
                (Trouble, 1),
            ],
        )
        .settled(),
        scenario(
            "second manual",
            &manual,
            &[1],
            3,
            &[(Promote, 1), (CiLater, 1), (Abort, 1), (Pause, 1), (Late, 1), (Withdraw, 1)],
        )
        .settled(),
        scenario(
            "canary",
            &tested,
            &[1],
            3,
            &[(Trouble, 1), (Recover, 1), (Abort, 1), (CiFails, 1), (Pause, 2), (NewRelease, 1), (Promote, 1)],
        )
        .from(at_production),
        scenario(
            "canary unanswered",
            &tested,
            &[1],
            3,
            &[(CiErrs, 1), (CiFails, 1), (RunGone, 1), (Retry, 1), (NewRelease, 1), (Trouble, 1), (Late, 1)],
        )
        .from(at_full),
        scenario(
            "canary faults",
            &canary,
            &[1],
            3,
            &[(Cut, 1), (Refuse, 1), (Late, 1), (Lag, 1), (Trouble, 1), (Early, 1)],
        )
        .from(at_production),
        scenario(
            "canary cluster",
            &canary,
            &[1],
            3,
            &[(Scale, 2), (CloneGone, 1), (Delete, 1), (Template, 1), (HandEdit, 1), (Trouble, 2), (Claim, 1)],
        )
        .from(at_production),
        scenario(
            "canary gone",
            &canary,
            &[1],
            2,
            &[
                (ReleaseGone, 1),
                (PipelineGone, 1),
                (EnvironmentGone, 1),
                (StageGone, 1),
                (Wipe, 1),
                (Trouble, 1),
                (Withdraw, 1),
            ],
        )
        .from(at_production),
        scenario(
            "canary checked",
            &watched,
            &[1],
            3,
            &[(CheckBad, 2), (CheckSilent, 2), (CheckLost, 1), (Pause, 1), (Trouble, 1), (Abort, 1)],
        )
        .from(at_production),
        scenario(
            "canary forsaken",
            &watched,
            &[1],
            3,
            &[(ReleaseGone, 1), (CheckBad, 2), (CheckSilent, 1), (CheckLost, 1), (Trouble, 1), (Late, 1)],
        )
        .from(at_bake),
        scenario(
            "canary scaled",
            &scaled,
            &[1],
            3,
            &[
                (Cut, 1),
                (Refuse, 1),
                (Late, 1),
                (Trouble, 1),
                (Abort, 1),
                (PipelineGone, 1),
                (StageGone, 1),
                (CloneGone, 1),
            ],
        )
        .from(at_production),
        scenario("canary templates", &canary, &[1], 3, &[(Template, 2), (Unhold, 1), (Promote, 1)]).from(interrupted),
        scenario(
            "canary home",
            &canary,
            &[1],
            3,
            &[(Trouble, 2), (Recover, 1), (Abort, 1), (Withdraw, 1), (Pause, 1), (HandEdit, 1), (Late, 1), (Scale, 1)],
        )
        .from(at_bake),
        scenario(
            "routed",
            &routed,
            &[1],
            2,
            &[
                (Trouble, 1),
                (Recover, 1),
                (Abort, 1),
                (Pause, 2),
                (CloneGone, 1),
                (Template, 1),
                (Cut, 1),
                (Late, 1),
                (Refuse, 1),
            ],
        )
        .from(at_production),
        scenario(
            "routed gone",
            &routed,
            &[1],
            2,
            &[(ReleaseGone, 1), (PipelineGone, 1), (StageGone, 1), (Trouble, 1), (Withdraw, 1), (Wipe, 1), (Lag, 1)],
        )
        .from(at_production),
        scenario(
            "routed home",
            &routed,
            &[1],
            2,
            &[(Trouble, 1), (Recover, 1), (Abort, 1), (CloneGone, 1), (HandEdit, 1), (PipelineGone, 1), (Scale, 1)],
        )
        .from(at_bake),
        scenario(
            "routed refused",
            &routed,
            &[1],
            2,
            &[(Gateway, 1), (Abort, 1), (Trouble, 1), (Pause, 1), (PipelineGone, 1), (CloneGone, 1), (Late, 1)],
        )
        .from(at_production),
        scenario("refused at home", &routed, &[1], 2, &[(Gateway, 1), (Abort, 1), (Trouble, 1), (PipelineGone, 1)])
            .from(at_bake),
        scenario(
            "blue-green",
            &green,
            &[1],
            2,
            &[(Trouble, 1), (Recover, 1), (Abort, 1), (Pause, 2), (CiFails, 1), (CiErrs, 1), (CiLater, 1), (Late, 1)],
        )
        .from(at_production),
        scenario(
            "blue-green faults",
            &green,
            &[1],
            2,
            &[
                (CloneGone, 1),
                (Cut, 1),
                (Refuse, 1),
                (Lag, 1),
                (Template, 1),
                (Scale, 1),
                (PipelineGone, 1),
                (HandEdit, 1),
            ],
        )
        .from(at_production),
        scenario(
            "side by side",
            &beside,
            &[1],
            4,
            &[(CiFails, 1), (CiLater, 1), (Withdraw, 1), (NewRelease, 1), (Revert, 1), (Template, 1)],
        ),
        scenario(
            "built",
            &built,
            &[1],
            4,
            &[
                (CiFails, 1),
                (CiErrs, 1),
                (CiLater, 1),
                (RunGone, 1),
                (NewRelease, 1),
                (Promote, 1),
                (Lag, 1),
                (Late, 1),
            ],
        ),
        scenario("pins", &PLAIN, &[1], 3, &[(Pin, 2), (NewRelease, 2), (Trouble, 1), (Revert, 1), (Withdraw, 1)])
            .settled(),
        scenario("pins apart", &canary, &[1], 3, &[(Pin, 2), (NewRelease, 2), (Trouble, 1)]).settled(),
        scenario("moved head", &PLAIN, &[1], 3, &[(Head, 2), (Abort, 1)]).settled(),
        shared,
        sight,
        scenario("odd builds", &PLAIN, &[1, 5, 6], 2, &[(Unhold, 1), (Promote, 1), (Retry, 1)]),
    ]
}
