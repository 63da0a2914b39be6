//! Shares by the number of pods: all of them stand behind one Service, which picks any of them alike.

/// Pods of a clone beside so many others, for a share in percent: never more than asked, and at least one. The whole is as
/// many as there are others, since those stay until the build is proven.
pub fn size(percent: u32, others: i32) -> i32 {
    let (percent, others) = (i64::from(percent.min(100)), i64::from(others.max(0)));
    let wanted = match percent {
        0 => 0,
        100 => others,
        _ => (others * percent / (100 - percent)).clamp(1, others.max(1)),
    };
    i32::try_from(wanted.min(others)).unwrap_or(i32::MAX)
}

/// The share that so many pods beside so many others have, in whole percent.
pub fn share(pods: i32, others: i32) -> u32 {
    let (pods, others) = (i64::from(pods.max(0)), i64::from(others.max(0)));
    let percent = (pods * 100 + (pods + others) / 2).checked_div(pods + others).unwrap_or(0);
    u32::try_from(percent).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_asked_and_at_least_one() {
        for (percent, others, pods, share_of_it) in [
            (0, 3, 0, 0),
            (5, 3, 1, 25),
            (25, 3, 1, 25),
            (50, 3, 3, 50),
            (40, 3, 2, 40),
            (10, 30, 3, 9),
            (5, 30, 1, 3),
            (80, 3, 3, 50),
            (100, 3, 3, 50),
            (100, 0, 0, 0),
            (5, 0, 0, 0),
        ] {
            assert_eq!(size(percent, others), pods, "{percent} % of {others}");
            assert_eq!(share(pods, others), share_of_it, "{pods} beside {others}");
        }
    }
}
