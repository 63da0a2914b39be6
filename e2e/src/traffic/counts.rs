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
        ensure!(
            self.failed() == 0,
            "{} of {} requests failed{}",
            self.failed(),
            self.total(),
            self.story_of_failures()
        );
        Ok(())
    }

    /// When they failed, counted from the first request; who answered, by number; and the first of them.
    fn story_of_failures(&self) -> String {
        let mut failed: Vec<&Answer> = self.answers.iter().filter(|answer| answer.has_failed()).collect();
        failed.sort_by_key(|answer| answer.sent);
        let start = self.answers.iter().map(|answer| answer.sent).min();
        let at = |answer: Option<&&Answer>| {
            answer.zip(start).map_or(0.0, |(answer, start)| (answer.sent - start).as_secs_f64())
        };
        let mut who: BTreeMap<(&str, &str, u16), usize> = BTreeMap::new();
        for answer in &failed {
            *who.entry((&answer.pod, &answer.track, answer.status)).or_default() += 1;
        }
        let who = who.iter().map(|((pod, track, status), count)| match *pod {
            "" => format!("{count} by no pod ({status})"),
            pod => format!("{count} by {pod} of track {track:?} ({status})"),
        });
        let who: Vec<String> = who.take(6).collect();
        let some: Vec<String> = failed.iter().take(5).map(|answer| answer.brief()).collect();
        let (first, last) = (at(failed.first()), at(failed.last()));
        format!(
            ", the first {first:.2} s and the last {last:.2} s after the first request; answered: {}; such as: {}",
            who.join(", "),
            some.join("; ")
        )
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

    #[test]
    fn it_is_told_when_requests_failed_and_who_answered() {
        let good = Answer { status: 200, ..Answer::lost(String::new()) };
        let after = |millis| good.sent + Duration::from_millis(millis);
        let bad = Answer { status: 500, pod: "shop/app-1".to_owned(), track: "canary".to_owned(), ..good.clone() };
        let lost = Answer { status: 0, error: "reset".to_owned(), sent: after(2250), ..good.clone() };
        let answers =
            vec![lost, Answer { sent: after(1500), ..bad.clone() }, Answer { sent: after(2000), ..bad }, good];
        let said = Counts::of(answers).none_failed().unwrap_err().to_string();
        assert!(said.starts_with("3 of 4 requests failed, the first 1.50 s and the last 2.25 s after"), "{said}");
        assert!(said.contains("1 by no pod (0), 2 by shop/app-1 of track \"canary\" (500)"), "{said}");
        assert!(said.contains("such as: 500 "), "{said}");
    }
}
