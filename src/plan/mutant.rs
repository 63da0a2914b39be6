//! Faults that the explorer plants in the plan, one at a time, to see that its properties catch them. They exist with
//! the feature `mutants` only, which no binary that is shipped has; without it `is` is false at compile time.

/// Declares the mutants and their list.
macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A fault that someone could have written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[$doc])* $name,)*
        }

        /// All of them.
        pub const MUTANTS: &[Mutant] = &[$(Mutant::$name,)*];
    };
}

mutants! {
    /// A new leader touches nothing.
    TermIgnored,
    /// Nor does one whose own write got no answer.
    DoubtIgnored,
    /// Workloads are written before adoption is recorded.
    AdoptionAfter,
    /// A banned build may enter.
    BanIgnored,
    /// A failed build is not banned.
    BanForgotten,
    /// A withdrawn release may enter.
    WithdrawIgnored,
    /// A held stage takes releases.
    HoldIgnored,
    /// What waits for evidence says that the cluster is being changed.
    WaitReconciles,
    /// The suites about the build itself are not asked for.
    BuildTestsIgnored,
    /// A pin is not heeded.
    PinIgnored,
    /// `paused` and `suspend` keep nothing from starting or going on.
    PauseIgnored,
    /// A release above the head may enter.
    HeadIgnored,
    /// The head's exemption from the mark is never used up.
    ExemptionStays,
    /// The mark does not rise when a rollout starts.
    MarkNotRaised,
    /// A release below the mark is a candidate.
    MarkIgnored,
    /// The next stage takes releases without evidence.
    EvidenceIgnored,
    /// How long a build has run upstream is not asked.
    SoakIgnored,
    /// A release starts though no window is open.
    WindowIgnored,
    /// A freeze keeps nothing from starting or rising.
    FreezeIgnored,
    /// The suites that the Environment's owner names are not asked for.
    RequiredIgnored,
    /// Nor are checks.
    ChecksUnasked,
    /// What the Environment's owner asks of soak and approvals is forgotten where the pipeline asks for less.
    FloorIgnored,
    /// A release goes on behind its last stage.
    LastStageIgnored,
    /// An Environment says that it is frozen before its pipelines have seen it.
    FrozenHasty,
    /// A build goes back to one that cannot read its data.
    SchemaIgnored,
    /// As many rollouts as like to run at a time.
    CapacityIgnored,
    /// An Override is not used up when the release has started.
    OverrideStays,
    /// A release enters without the approvals that are asked for, and past a rejection.
    ApprovalsIgnored,
    /// Evidence is looked up by build hash, whatever release it was for.
    EvidenceByHash,
    /// Evidence that was taken back counts.
    VoidIgnored,
    /// Going back leaves the evidence as it is.
    ProofKept,
    /// Counts are believed before the controller has seen the template.
    GenerationIgnored,
    /// Pods of the old revision count as available ones.
    OldPodsCount,
    /// Only the workload of the present step is judged.
    OneJudged,
    /// Full exposure after the first workload.
    StepSkipped,
    /// Health is not looked at while the suites run.
    VerifyBlind,
    /// Health is not looked at in the bake.
    BakeBlind,
    /// A clone of which a suite gave no verdict is recorded as what runs.
    ApartSettled,
    /// The suites of a stage are not waited for.
    SuitesSkipped,
    /// The suites that come before a switch are not waited for.
    SwitchUntested,
    /// The Service of a track selects the pods of all of them.
    TrackForgotten,
    /// The workload is scaled in place of its clone.
    StableScaled,
    /// Checks are not waited for, nor listened to.
    ChecksSkipped,
    /// A measurement without an answer counts as good.
    SilencePasses,
    /// A measurement without an answer counts as bad.
    SilenceCondemns,
    /// Samples count whatever attempt, pods and time they are of.
    OldSamples,
    /// Checks that give no answer in the bake take the build back.
    SilenceReverts,
    /// The revert brake is not asked.
    BrakeIgnored,
    /// A suite that gave no result counts as passed.
    ErroredPasses,
    /// A latched verdict follows what the TestRun says now.
    VerdictFollows,
    /// A suite that fails after it had passed is not noticed.
    LaterFailureIgnored,
    /// A TestRun is taken for the suite's whatever attempt it belongs to.
    AnyAttempt,
    /// A Job that vanished is made again.
    JobAgain,
    /// The suite's Job runs whatever image the CronJob has.
    JobForAnyBuild,
    /// A build that was never healthy is a revert target.
    TargetUnhealthy,
    /// A banned or withdrawn build is a revert target.
    TargetBad,
    /// The revert is written before the checkpoint says so.
    RevertUnrecorded,
    /// A revert is over before the target serves.
    RevertHasty,
    /// The template is not compared when a revert ends.
    AlwaysWhole,
    /// What someone else wrote in a rollout is overwritten.
    ForeignOverwritten,
    /// A GitOps tool's write is put right again and again.
    FightGoesOn,
    /// What someone else wrote in an idle stage is put back.
    PersonRestored,
    /// Exposure rises although the objects it rests on have moved.
    ConfirmDropped,
    /// The end of a rollout leaves no line.
    HistoryDropped,
    /// The end of a rollout leaves two lines.
    HistoryTwice,
    /// Abort of an idle stage goes back.
    AbortIdle,
    /// A Decision acts each time it is seen.
    ActsAgain,
    /// Decisions from before the first sight act.
    ExpiredActs,
    /// Unban leaves the object of the ban.
    UnbanLeaves,
    /// Jobs of ended rollouts stay.
    JobsStay,
    /// A step that waits for a pause to end never goes on.
    PauseSticks,
    /// Finalizers stay when a rollout has ended.
    FinalizerStays,
    /// A step of a canary counts as standing with any number of pods.
    CloneHalf,
    /// The pause of a step is not waited for.
    PauseSkipped,
    /// The health of a clone is not watched while its step stands.
    StepBlind,
    /// A template that changed beside a clone is not noticed.
    TemplateIgnored,
    /// A clone is cut where nothing else answers.
    CutBlind,
    /// A clone that is empty stays.
    CloneStays,
    /// A revert is over while the clone is there.
    CloneForgotten,
    /// A homecoming is over while the clone is there.
    HomeHasty,
    /// A clone is not cut on the way back.
    CutForgotten,
    /// A clone goes on being exposed on the way back.
    BackExposes,
    /// After the last step the one before it comes again.
    StepBack,
    /// A clone whose Release was deleted goes home whatever its checks say.
    HomeDeaf,
    /// A new clone has pods although a person keeps the step from being taken.
    StepUnasked,
    /// The weight rises before the clone's endpoints are ready.
    WeightEarly,
    /// The weight stays on a clone of which nothing is ready.
    WeightOnDead,
    /// The weight falls onto a workload of which nothing is ready.
    WeightBlind,
    /// The weight does not fall on the way back.
    WeightStays,
    /// A clone is cut while the route sends to it.
    CutRouted,
    /// Routes and their Services stay when nobody wants them.
    RouteStays,
    /// A clone gets pods before an autoscaler that does not count them is locked.
    LockLate,
    /// The lock of an autoscaler goes when the workload is on its way home.
    UnlockEarly,
    /// The lock of an autoscaler stays when nobody wants it.
    LockStays,
    /// The workload is rolled while its build is tried in a clone.
    StableTouched,
    /// Evidence counts although the template changed where it was won.
    StaleIgnored,
    /// A build is exposed whatever its hooks have said.
    HooksSkipped,
    /// The hooks of the way back do not run.
    UndoForgotten,
    /// They run before the images are put back.
    UndoEarly,
    /// A build goes back by itself although a hook of it has no way back.
    HoldPassed,
    /// A hook that runs is ended because its build goes back.
    HookKilled,
}

#[cfg(feature = "mutants")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Plants a fault in this thread's plans, or takes it out.
#[cfg(feature = "mutants")]
pub fn plant(mutant: Option<Mutant>) {
    PLANTED.set(mutant);
}

/// Whether that fault is planted.
#[cfg(feature = "mutants")]
pub fn is(mutant: Mutant) -> bool {
    PLANTED.get() == Some(mutant)
}

/// No fault is planted.
#[cfg(not(feature = "mutants"))]
pub const fn is(_: Mutant) -> bool {
    false
}
