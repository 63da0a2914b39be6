//! Cues: how a pod is to behave, told by the first four hex digits of an image's digest. Stories change digests alone,
//! so the digest is where it must be told; a Job may say it in the variable `BEHAVE` as well (`Cue::word`).

use sha2::{Digest, Sha256};

/// How a pod with such an image behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// Ready at once; as a Job's, passes.
    Good,
    /// Runs, and never becomes ready.
    NeverReady,
    /// Crashes again and again and is never ready; restarts go up.
    CrashLoop,
    /// Crashes again and again, ready for 0.6 s in between.
    Flap,
    /// `ErrImagePull`, then `ImagePullBackOff`; for Jobs too.
    PullError,
    /// Ready, and from 3 s on no more.
    LosesReady,
    /// Stays in `ContainerCreating`.
    Hang,
    /// `CreateContainerConfigError`.
    ConfigError,
    /// Runs at once, ready after 3 s.
    Slow,
    /// As a Job's: exit code 1 and a report with one failure. Ready elsewhere, as are the next ones.
    JobFails,
    /// As a Job's: the image cannot be pulled.
    JobPullError,
    /// As a Job's: runs for ever.
    JobHangs,
    /// As a Job's: `OOMKilled`, exit code 137.
    JobOom,
    /// As a Job's: exit code 126.
    JobExit126,
    /// As a Job's: ended by a disruption (`DisruptionTarget`).
    JobDisrupted,
    /// Ready at once, as are the next ones; where there is traffic, every second answer is a 500.
    Errors,
    /// Answers after two seconds.
    SlowAnswers,
    /// Answers 302, to an address inside.
    Redirects,
    /// Answers with a body that never ends.
    Huge,
}

impl Cue {
    /// Every cue that kwok plays.
    pub const ALL: [Self; 15] = [
        Self::Good,
        Self::NeverReady,
        Self::CrashLoop,
        Self::Flap,
        Self::PullError,
        Self::LosesReady,
        Self::Hang,
        Self::ConfigError,
        Self::Slow,
        Self::JobFails,
        Self::JobPullError,
        Self::JobHangs,
        Self::JobOom,
        Self::JobExit126,
        Self::JobDisrupted,
    ];

    /// Every cue that only those notice who send requests to the pod; `traffic` plays them.
    pub const ANSWERS: [Self; 4] = [Self::Errors, Self::SlowAnswers, Self::Redirects, Self::Huge];

    /// How a pod with that image answers requests.
    pub fn of_answers(image: &str) -> Option<Self> {
        let (_, hex) = image.split_once("@sha256:")?;
        Self::ANSWERS.into_iter().find(|cue| hex.starts_with(cue.prefix()))
    }

    /// The first four hex digits of the digests that give it.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Good => "600d",
            Self::NeverReady => "bad0",
            Self::CrashLoop => "bad1",
            Self::Flap => "bad2",
            Self::PullError => "bad3",
            Self::LosesReady => "bad4",
            Self::Hang => "bad5",
            Self::ConfigError => "bad6",
            Self::Slow => "5105",
            Self::JobFails => "fa11",
            Self::JobPullError => "e404",
            Self::JobHangs => "0000",
            Self::JobOom => "137a",
            Self::JobExit126 => "126a",
            Self::JobDisrupted => "d150",
            Self::Errors => "e500",
            Self::SlowAnswers => "de1a",
            Self::Redirects => "e302",
            Self::Huge => "b16b",
        }
    }

    /// The word for it in the variable `BEHAVE` or the pod annotation `windlass.test/behave`; for answers in the pod
    /// annotation `windlass.test/answers`, at any time.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "pass",
            Self::NeverReady => "never-ready",
            Self::CrashLoop => "crash-loop",
            Self::Flap => "flap",
            Self::PullError | Self::JobPullError => "pull",
            Self::LosesReady => "loses-ready",
            Self::Hang | Self::JobHangs => "hang",
            Self::ConfigError => "config-error",
            Self::Slow => "slow",
            Self::JobFails => "fail",
            Self::JobOom => "oom",
            Self::JobExit126 => "exit126",
            Self::JobDisrupted => "disrupted",
            Self::Errors => "errors",
            Self::SlowAnswers => "slow-answers",
            Self::Redirects => "redirects",
            Self::Huge => "huge",
        }
    }
}

/// A digest (`sha256:…`) with that cue, another for every seed.
pub fn digest(cue: Cue, seed: &str) -> String {
    let hash = Sha256::digest(seed.as_bytes());
    let rest: String = hash.iter().take(30).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}{rest}", cue.prefix())
}

/// The repository that `image` takes its images from.
pub fn repository(name: &str) -> String {
    format!("registry.test/shop/{name}")
}

/// A full reference by digest: `registry.test/shop/NAME@sha256:…`.
pub fn image(name: &str, cue: Cue, seed: &str) -> String {
    format!("{}@{}", repository(name), digest(cue, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_whole_and_tell_their_cue() {
        for cue in Cue::ALL.into_iter().chain(Cue::ANSWERS) {
            let digest = digest(cue, "1.0.0");
            let hex = digest.strip_prefix("sha256:").unwrap();
            assert_eq!(hex.len(), 64);
            assert!(hex.starts_with(cue.prefix()) && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        assert_ne!(image("app", Cue::Good, "1"), image("app", Cue::Good, "2"));
        assert_eq!(Cue::of_answers(&image("app", Cue::Errors, "1")), Some(Cue::Errors));
        assert_eq!(Cue::of_answers(&image("app", Cue::Good, "1")), None);
    }

    #[test]
    fn the_first_stage_knows_every_cue() {
        let stage = include_str!("../kwok/begin.yaml");
        for cue in Cue::ALL.into_iter().filter(|cue| *cue != Cue::Good) {
            assert!(stage.contains(&format!("{:?} {:?}", cue.prefix(), cue.word())), "{cue:?}");
        }
    }
}
