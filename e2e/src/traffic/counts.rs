//! What became of a number of requests, and whether a share of them is what a weight promises.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// What became of one request.
#[derive(Debug, Clone)]
pub struct Answer {
    pub sent: Instant,
    pub took: Duration,
    /// 0 where there was no whole answer.
    pub status: u16,
    /// Why there was none.
    pub error: String,
    /// Who answered; empty where it was no pod. `NAMESPACE/NAME`.
    pub pod: String,
    pub image: String,
    /// The pod's label `windlass.dev/track`.
    pub track: String,
}

impl Answer {
    pub(super) fn lost(error: String) -> Self {
        let (pod, image, track) = Default::default();
        Self { sent: Instant::now(), took: Duration::ZERO, status: 0, error, pod, image, track }
    }

    /// Anything that a user would not take for an answer: none at all, 5xx, and 4xx, since nobody asks for nonsense.
    pub fn has_failed(&self) -> bool {
        self.status == 0 || self.status >= 400
    }

    fn brief(&self) -> String {
        let Self { sent: _, took, status, error, pod, image, track: _ } = self;
        format!("{status} {error} after {} ms from {pod:?} {image:?}", took.as_millis())
    }
}

/// The requests of a span of time.
#[derive(Debug, Clone)]
pub struct Counts {
    answers: Vec<Answer>,
}

impl Counts {
    pub(super) fn of(answers: Vec<Answer>) -> Self {
        Self { answers }
    }

    pub fn answers(&self) -> &[Answer] {
        &self.answers
    }

    pub fn total(&self) -> usize {
        self.answers.len()
    }

    pub fn failed(&self) -> usize {
        self.answers.iter().filter(|answer| answer.has_failed()).count()
    }

    /// How many each image answered, failed or not; those that no pod answered under the empty name.
    pub fn by_image(&self) -> BTreeMap<&str, usize> {
        self.by(|answer| &answer.image)
    }

    /// The same by the label `windlass.dev/track`.
    pub fn by_track(&self) -> BTreeMap<&str, usize> {
        self.by(|answer| &answer.track)
    }

    /// The same by pod.
    pub fn by_pod(&self) -> BTreeMap<&str, usize> {
        self.by(|answer| &answer.pod)
    }

    fn by(&self, key: impl Fn(&Answer) -> &str) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for answer in &self.answers {
            *counts.entry(key(answer)).or_default() += 1;
        }
        counts
    }

    /// An error unless there were requests and every one of them was answered well.
    pub fn none_failed(&self) -> Result<()> {
        ensure!(self.total() > 0, "no request was sent, so none could fail");
        let failed: Vec<String> =
            self.answers.iter().filter(|answer| answer.has_failed()).map(Answer::brief).take(5).collect();
        ensure!(failed.is_empty(), "{} of {} requests failed: {}", self.failed(), self.total(), failed.join("; "));
        Ok(())
    }

    /// An error unless an image answers the share (0 to 1) that its weight promises. See `is_share`.
    pub fn image_has(&self, image: &str, weight: f64) -> Result<()> {
        self.has(weight, image, |answer| answer.image == image)
    }

    /// The same for the label `windlass.dev/track`.
    pub fn track_has(&self, track: &str, weight: f64) -> Result<()> {
        self.has(weight, track, |answer| answer.track == track)
    }

    fn has(&self, weight: f64, whose: &str, is_one: impl Fn(&Answer) -> bool) -> Result<()> {
        let (part, total) = (self.answers.iter().filter(|answer| is_one(answer)).count(), self.total());
        ensure!(total > 0, "no request was sent");
        ensure!(is_share(part, total, weight), "{whose:?} answered {part} of {total}, not a share of {weight}");
        Ok(())
    }
}

/// Whether `part` of `total` is what chance makes of a share: within four standard deviations of a binomial
/// distribution (one wrong alarm in 15,000 looks). A share of 0 or of 1 leaves nothing to chance.
pub fn is_share(part: usize, total: usize, share: f64) -> bool {
    let (part, total) = (part as f64, total as f64);
    (part - total * share).abs() <= 4.0 * (total * share * (1.0 - share)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_what_chance_makes_of_it() {
        assert!(is_share(100, 1000, 0.1) && is_share(137, 1000, 0.1) && is_share(63, 1000, 0.1));
        assert!(!is_share(139, 1000, 0.1) && !is_share(61, 1000, 0.1) && !is_share(500, 1000, 0.1));
        assert!(is_share(0, 1000, 0.0) && !is_share(1, 1000, 0.0));
        assert!(is_share(1000, 1000, 1.0) && !is_share(999, 1000, 1.0));
    }

    #[test]
    fn what_fails_is_told_and_nothing_at_all_is_no_success() {
        let good = Answer { status: 200, image: "a".to_owned(), ..Answer::lost(String::new()) };
        let bad = Answer { status: 502, ..good.clone() };
        assert!(Counts::of(vec![]).none_failed().is_err());
        assert!(Counts::of(vec![good.clone()]).none_failed().is_ok());
        let counts = Counts::of(vec![good.clone(), bad, Answer::lost("reset".to_owned())]);
        assert_eq!((counts.total(), counts.failed(), counts.by_image()["a"]), (3, 2, 2));
        assert!(counts.none_failed().unwrap_err().to_string().contains("502"));
        assert!(!Answer { status: 302, ..good }.has_failed());
    }
}
