//! The least that a suite's tests must have run of the code: a pass below it is none, and a pass that does not say is no result.

use crate::api::rollout::Verdict;
use crate::api::{Coverage, RunPhase};
use crate::plan::draft::clip;

/// The verdict as the suite's own minimum makes it.
pub fn judged(minimum: Option<Coverage>, verdict: Verdict) -> Verdict {
    let Some(minimum) = minimum else { return verdict };
    let (phase, message) = match verdict.coverage {
        _ if verdict.phase != RunPhase::Passed => return verdict,
        Some(coverage) if coverage >= minimum => return verdict,
        Some(coverage) => {
            (RunPhase::Failed, format!("coverage is {coverage}, and must be at least {minimum} (minimumCoverage)"))
        }
        None => (
            RunPhase::Errored,
            format!("it passed and reports no coverage, which must be at least {minimum} (minimumCoverage)"),
        ),
    };
    Verdict { phase, message: clip(&message, 256), ..verdict }
}
