//! How a pass ended, and when to look again.

use std::time::Duration;

use super::backoff::jittered;
use crate::api::Time;
pub use crate::metrics::Outcome;

/// What a pass leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    pub outcome: Outcome,
    /// When the plan wants to be asked again, if nothing happens before.
    pub wake_at: Option<Time>,
}

impl Passed {
    /// An end that has no next time of its own.
    pub const fn of(outcome: Outcome) -> Self {
        Self { outcome, wake_at: None }
    }
}

/// The caches are asked again this soon.
const STALE: Duration = Duration::from_millis(100);
/// After a conflict the newer version is usually on its way.
const CONFLICT: Duration = Duration::from_millis(200);
/// A time that is past already must not make the loop spin.
const SOONEST: Duration = Duration::from_secs(1);
/// Nothing to wait for: look again all the same, in case an event was lost.
const CALM: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(600));

/// After what time to look again; never, if an event alone can change anything. `backoff` is asked after failures, and
/// after effects.
pub fn wait(passed: Passed, now: Time, backoff: impl FnOnce() -> Duration) -> Option<Duration> {
    let longest = match passed.outcome {
        // Leadership may come and go between two glances at it; this way no key is lost.
        Outcome::Settled | Outcome::NotLeader => jittered(CALM.0, CALM.1),
        Outcome::Stale => STALE,
        Outcome::Conflict => CONFLICT,
        // What was written may ask for more, and no event need tell of it. It grows, so effects that never end do not spin.
        Outcome::Acted | Outcome::Failed | Outcome::Restless | Outcome::Panicked => backoff(),
        Outcome::Gone => return None,
    };
    let planned = passed.wake_at.map(|at| if at > now { at.since(now).to_std() } else { SOONEST });
    Some(planned.map_or(longest, |planned| planned.min(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Span;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn waited(outcome: Outcome, seconds: Option<i64>) -> Option<Duration> {
        let wake_at = seconds.map(|seconds| NOW.plus(Span::seconds(seconds)));
        wait(Passed { outcome, wake_at }, NOW, || Duration::from_secs(7))
    }

    #[test]
    fn a_known_time_is_kept_and_a_past_one_does_not_spin() {
        assert_eq!(waited(Outcome::Settled, Some(30)), Some(Duration::from_secs(30)));
        assert_eq!(waited(Outcome::Settled, Some(-30)), Some(SOONEST));
        assert_eq!(waited(Outcome::Failed, Some(30)), Some(Duration::from_secs(7)));
        assert_eq!(waited(Outcome::Failed, Some(3)), Some(Duration::from_secs(3)));
    }

    #[test]
    fn calm_is_looked_at_within_ten_minutes() {
        let wait = waited(Outcome::Settled, Some(100_000)).unwrap();
        assert!(wait >= CALM.0 && wait <= CALM.1, "{wait:?}");
        assert_eq!(waited(Outcome::Gone, None), None);
    }
}
