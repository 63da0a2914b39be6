//! What to do about a lease, as a pure function, and what to write into it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

/// The next step of one candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no lease: make one that is ours.
    Create,
    /// It is ours: say that we live.
    Renew,
    /// It is free, or its holder has not been heard of for its whole duration.
    Take,
    /// Someone holds it.
    Wait,
}

/// `unchanged` is how long this process has seen the lease exactly as it is, by its own monotonic clock. Time stamps in
/// the lease are another machine's clock and are not looked at.
pub(super) fn decide(lease: Option<&LeaseSpec>, me: &str, unchanged: Duration, own: Duration) -> Step {
    let Some(lease) = lease else { return Step::Create };
    let holder = lease.holder_identity.as_deref().unwrap_or_default();
    let promised = Duration::from_secs(lease.lease_duration_seconds.unwrap_or(0).max(0).unsigned_abs().into());
    if holder == me {
        Step::Renew
    } else if holder.is_empty() || unchanged >= promised.max(own) {
        Step::Take
    } else {
        Step::Wait
    }
}

/// The lease held by us. What others put there besides (a strategy) stays.
pub(super) fn held(before: Option<LeaseSpec>, me: &str, now: Timestamp, duration: Duration) -> LeaseSpec {
    let mut lease = before.unwrap_or_default();
    if lease.holder_identity.as_deref() != Some(me) {
        lease.holder_identity = Some(me.to_owned());
        lease.acquire_time = Some(MicroTime(now));
        lease.lease_transitions = Some(lease.lease_transitions.unwrap_or(0).saturating_add(1));
    }
    lease.renew_time = Some(MicroTime(now));
    // In whole seconds, and never shorter than meant: others wait for this long.
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    lease.lease_duration_seconds = Some(i32::try_from(seconds).unwrap_or(i32::MAX));
    lease
}

/// The lease given up: the next candidate need not wait.
pub(super) fn released(mut lease: LeaseSpec, now: Timestamp) -> LeaseSpec {
    lease.holder_identity = Some(String::new());
    lease.renew_time = Some(MicroTime(now));
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Duration = Duration::from_secs(15);

    fn lease(holder: &str, seconds: Option<i32>) -> LeaseSpec {
        LeaseSpec { holder_identity: Some(holder.into()), lease_duration_seconds: seconds, ..LeaseSpec::default() }
    }

    #[test]
    fn the_table() {
        let other = lease("other", Some(15));
        for (name, lease, unchanged, expected) in [
            ("none", None, 0, Step::Create),
            ("ours", Some(lease("me", Some(15))), 0, Step::Renew),
            ("ours, long unrenewed and nobody took it", Some(lease("me", Some(15))), 99, Step::Renew),
            ("released", Some(lease("", Some(15))), 0, Step::Take),
            ("never held", Some(LeaseSpec::default()), 0, Step::Take),
            ("another's, first seen", Some(other.clone()), 0, Step::Wait),
            ("another's, nearly run out", Some(other.clone()), 14, Step::Wait),
            ("another's, run out", Some(other), 15, Step::Take),
            ("another's, longer than ours", Some(lease("other", Some(60))), 15, Step::Wait),
            ("another's, shorter than ours", Some(lease("other", Some(1))), 14, Step::Wait),
            ("another's, without a duration", Some(lease("other", None)), 15, Step::Take),
            ("another's, nonsense", Some(lease("other", Some(-5))), 14, Step::Wait),
        ] {
            assert_eq!(decide(lease.as_ref(), "me", Duration::from_secs(unchanged), OWN), expected, "{name}");
        }
    }

    #[test]
    fn a_renewal_changes_the_time_only_and_a_taking_counts() {
        let (first, later) = (Timestamp::from_second(100).unwrap(), Timestamp::from_second(102).unwrap());
        let taken = held(Some(lease("other", Some(15))), "me", first, OWN);
        assert_eq!((taken.lease_transitions, taken.acquire_time.clone()), (Some(1), Some(MicroTime(first))));
        let renewed = held(Some(taken.clone()), "me", later, OWN);
        assert_eq!(renewed, LeaseSpec { renew_time: Some(MicroTime(later)), ..taken });
        assert_eq!(held(None, "me", first, Duration::from_millis(1500)).lease_duration_seconds, Some(2));
        assert_eq!(decide(Some(&released(renewed, later)), "other", Duration::ZERO, OWN), Step::Take);
    }
}
