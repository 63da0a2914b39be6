//! What really happened, recorded by the world and never read by the plan: the properties are judged by it.

use windlass::api::Time;

use crate::fights::Applied;
use crate::world::Image;

/// The history that the properties need, by stage where it is an array.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// What each suite said.
    pub said: Vec<Said>,
    /// Builds that served in full.
    pub healthy: [Vec<Image>; 2],
    /// Attempts in which the new build served in full, with the release's UID and the build.
    pub exposed: [Vec<(String, String, Image)>; 2],
    /// Attempts with the template under which their last suite passed, or under which they served where there are none.
    pub fresh: [Vec<(String, String)>; 2],
    /// Attempts that were open, or current, when the template changed.
    pub shaken: [Vec<String>; 2],
    /// What was current, and the template it was recorded under.
    pub records: [Vec<(Image, String)>; 2],
    /// Builds that failed; a person's Unban takes them out.
    pub condemned: [Vec<Image>; 2],
    /// Attempts whose evidence was taken back.
    pub void: [Vec<String>; 2],
    /// Releases that a person asked for by name and that have not started since.
    pub asked: [Vec<String>; 2],
    /// Releases, by their UIDs, that were approved where that is asked for, and not rejected since.
    pub approved: [Vec<String>; 2],
    /// Releases that a person let pass where nothing may start, and that have not started since.
    pub overridden: [Vec<String>; 2],
    /// The lowest build that can read what is there.
    pub readable: [u8; 2],
    /// The newest release that ever started.
    pub mark: [Option<Time>; 2],
    /// Builds whose pods failed.
    pub trouble: [Vec<Image>; 2],
    /// Attempts in which pods of the new build failed before its bake was over.
    pub ill: [Vec<(String, Image)>; 2],
    /// Attempts of which a check said something bad.
    pub bad: [Vec<String>; 2],
    /// Attempts and pods of which a check said something good, and when it did last.
    pub good: [Vec<(String, String, Time)>; 2],
    /// Workloads whose image a person wrote and nobody gave up.
    pub by_hand: Vec<ByHand>,
    /// What a GitOps tool wrote.
    pub applied: Vec<Applied>,
    /// Workloads that ran the new build by a write of the attempt: attempt and key.
    pub written: Vec<(String, String)>,
    /// Jobs that were made.
    pub jobs: Vec<JobMade>,
    /// Tries that were started: attempt, suite, try.
    pub started: Vec<(String, String, u8)>,
    /// Releases deleted so far: UIDs differ by it.
    pub deleted_releases: u8,
}

/// What one suite said about one build in one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Said {
    pub stage: u8,
    pub suite: String,
    pub attempt: String,
    pub release_uid: String,
    pub build: Image,
    pub passed: bool,
    /// Its first word.
    pub first: bool,
}

/// What a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ByHand {
    pub place: u8,
    pub uid: String,
    /// What was there before.
    pub before: Image,
    /// It is neither that nor what was wanted there anyway.
    pub binds: bool,
}

/// A Job and what it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobMade {
    pub uid: String,
    pub stage: u8,
    pub suite: String,
    pub attempt: String,
    pub r#try: u8,
    /// The checkpoint has its UID: it is never made again.
    pub recorded: bool,
    pub release_uid: String,
    pub build: Image,
}

impl Ghost {
    /// A suite's word: the last one counts, and Failed is never taken back.
    pub fn say(&mut self, said: Said) {
        let is_same = |s: &&mut Said| {
            s.suite == said.suite
                && s.attempt == said.attempt
                && s.release_uid == said.release_uid
                && s.stage == said.stage
        };
        match self.said.iter_mut().find(is_same) {
            Some(known) => known.passed &= said.passed,
            None => self.said.push(said),
        }
    }

    /// Whether a suite said Passed in that attempt, and nothing worse.
    pub fn has_passed(&self, stage: usize, attempt: &str, suite: &str) -> bool {
        let is_its = |s: &Said| usize::from(s.stage) == stage && s.attempt == attempt && s.suite == suite;
        self.said.iter().any(|s| is_its(s) && s.passed)
    }

    /// Whether the build was proven there under that template.
    pub fn is_fresh(&self, stage: usize, release_uid: &str, build: Image, template: &str) -> bool {
        self.exposed[stage].iter().any(|(attempt, uid, image)| {
            uid == release_uid
                && *image == build
                && !self.void[stage].contains(attempt)
                && self.fresh[stage].iter().any(|(fresh, under)| fresh == attempt && under == template)
        })
    }

    /// Whether the build was proven in the stage for that release, as S1 puts it: an attempt that was fully exposed, all of
    /// whose suites passed, none of which failed since, and which was not taken back.
    pub fn is_proven(&self, stage: usize, release_uid: &str, build: Image, suites: &[String]) -> bool {
        let has_passed = |attempt: &String, suite: &String| {
            self.said.iter().any(|s| {
                usize::from(s.stage) == stage
                    && s.suite == *suite
                    && s.attempt == *attempt
                    && s.release_uid == release_uid
                    && s.build == build
                    && s.passed
            })
        };
        self.exposed[stage].iter().any(|(attempt, uid, image)| {
            uid == release_uid
                && *image == build
                && !self.void[stage].contains(attempt)
                && suites.iter().all(|suite| has_passed(attempt, suite))
        })
    }
}

/// Puts a thing into a small set.
pub fn note<T: PartialEq>(set: &mut Vec<T>, thing: T) {
    if !set.contains(&thing) {
        set.push(thing);
    }
}
