//! What may still happen in a world: how often each kind of event, and how many of them in all.

/// Kinds of event that are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    // faults of the machinery
    Cut,
    Refuse,
    Late,
    Lag,
    NoBans,
    Early,
    Wipe,
    // what happens to workloads
    Trouble,
    Recover,
    Delete,
    Template,
    Scale,
    Gateway,
    CloneGone,
    HandEdit,
    Apply,
    Claim,
    // what suites say
    CiFails,
    CiErrs,
    CiLater,
    JobFails,
    JobErrs,
    JobGone,
    RunGone,
    // what checks measure
    CheckBad,
    CheckSilent,
    CheckLost,
    // what owners of Environments want
    Window,
    Freeze,
    Annotate,
    Policies,
    // what people want
    NewRelease,
    Pause,
    Suspend,
    Lower,
    Head,
    Pin,
    Promote,
    Approve,
    Reject,
    Override,
    Abort,
    Revert,
    Unhold,
    Retry,
    Unban,
    Withdraw,
    Adopt,
    Restore,
    ReleaseGone,
    ReleaseBack,
    PipelineGone,
    EnvironmentGone,
    StageGone,
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Cut,
        Self::Refuse,
        Self::Late,
        Self::Lag,
        Self::NoBans,
        Self::Early,
        Self::Wipe,
        Self::Trouble,
        Self::Recover,
        Self::Delete,
        Self::Template,
        Self::Scale,
        Self::Gateway,
        Self::CloneGone,
        Self::HandEdit,
        Self::Apply,
        Self::Claim,
        Self::CiFails,
        Self::CiErrs,
        Self::CiLater,
        Self::JobFails,
        Self::JobErrs,
        Self::JobGone,
        Self::RunGone,
        Self::CheckBad,
        Self::CheckSilent,
        Self::CheckLost,
        Self::Window,
        Self::Freeze,
        Self::Annotate,
        Self::Policies,
        Self::NewRelease,
        Self::Pause,
        Self::Suspend,
        Self::Lower,
        Self::Head,
        Self::Pin,
        Self::Promote,
        Self::Approve,
        Self::Reject,
        Self::Override,
        Self::Abort,
        Self::Revert,
        Self::Unhold,
        Self::Retry,
        Self::Unban,
        Self::Withdraw,
        Self::Adopt,
        Self::Restore,
        Self::ReleaseGone,
        Self::ReleaseBack,
        Self::PipelineGone,
        Self::EnvironmentGone,
        Self::StageGone,
    ];
}

pub const KINDS: usize = Kind::StageGone as usize + 1;

/// How many of each kind, and of all together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    left: [u8; KINDS],
    /// Events of any kind that are left.
    pub total: u8,
    /// The third release has the build of the first.
    pub shares: bool,
    /// Each release but the first leaves data that none before it can read.
    pub schema: bool,
    /// Production's owner asks for a suite that staging has, and for none of the pipeline's own.
    pub required: bool,
    /// Production's owner asks for checks, and the pipeline has none.
    pub unchecked: bool,
    /// The first release ends in staging.
    pub stops: bool,
    /// Production's owner asks for the soak and the approvals that the pipeline asks for as well.
    pub floor: bool,
    /// One rollout may be under way in production at a time.
    pub limited: bool,
    /// Events may come before the pipeline is first seen.
    pub early: bool,
}

impl Budget {
    pub fn new(total: u8, each: &[(Kind, u8)]) -> Self {
        let mut left = [0; KINDS];
        for (kind, times) in each {
            left[*kind as usize] = *times;
        }
        Self { left, total, ..Self::none() }
    }

    /// Nothing beyond what goes by itself.
    pub fn none() -> Self {
        Self {
            left: [0; KINDS],
            total: 0,
            shares: false,
            schema: false,
            required: false,
            unchecked: false,
            stops: false,
            floor: false,
            limited: false,
            early: false,
        }
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.total > 0 && self.left[kind as usize] > 0
    }

    pub fn times_left(&self, kind: Kind) -> u8 {
        self.left[kind as usize]
    }

    pub fn spend(&mut self, kind: Kind) {
        self.left[kind as usize] = self.left[kind as usize].saturating_sub(1);
        self.total = self.total.saturating_sub(1);
    }
}
