//! One line per story as it ends, and the last line: `N passed, N failed`.

use std::time::Duration;

use serde_json::{Value, json};

/// How one story ended.
pub(super) struct Outcome {
    pub name: &'static str,
    pub took: Duration,
    pub end: End,
}

#[derive(Debug, Clone)]
pub(super) enum End {
    Passed,
    /// With the reason.
    Failed(String),
    /// This machine cannot tell it, for that reason.
    Skipped(String),
}

impl Outcome {
    /// As one line for the program that started this one.
    pub(super) fn line(&self) -> String {
        let failure = match &self.end {
            End::Passed => None,
            End::Failed(reason) | End::Skipped(reason) => Some(reason),
        };
        json!({ "story": self.name, "seconds": self.took.as_secs_f64(), "failure": failure }).to_string()
    }

    /// Such a line about one of `names`.
    pub(super) fn of_line(line: &str, names: &[&'static str]) -> Option<Self> {
        let said: Value = serde_json::from_str(line).ok()?;
        let name = names.iter().find(|name| said["story"] == **name)?;
        let failure = said.get("failure")?.as_str();
        let end = failure.map_or(End::Passed, |reason| End::Failed(reason.to_owned()));
        Some(Self { name, took: Duration::try_from_secs_f64(said["seconds"].as_f64()?).ok()?, end })
    }
}

#[derive(Default)]
pub(super) struct Report {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Report {
    pub(super) fn add(&mut self, outcome: Outcome) {
        let took = outcome.took.as_secs_f32();
        match outcome.end {
            End::Passed => {
                self.passed += 1;
                println!("ok   {}  {took:.1}s", outcome.name);
            }
            End::Failed(reason) => {
                self.failed += 1;
                println!("FAIL {}  {took:.1}s: {reason}", outcome.name);
            }
            End::Skipped(reason) => {
                self.skipped += 1;
                println!("skip {}: {reason}", outcome.name);
            }
        }
    }

    /// Prints the sum; true if none failed, and some passed.
    pub(super) fn end(&self) -> bool {
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        println!("{} passed, {} failed{skipped}", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_survives_its_line() {
        let took = Duration::from_millis(1500);
        let failed = Outcome { name: "shop", took, end: End::Failed("no\nanswer".to_owned()) };
        let read = Outcome::of_line(&failed.line(), &["other", "shop"]).unwrap();
        assert!(matches!(read.end, End::Failed(reason) if reason == "no\nanswer"));
        assert_eq!((read.name, read.took), ("shop", took));
        assert!(
            Outcome::of_line(&failed.line(), &["other"]).is_none() && Outcome::of_line("ready", &["shop"]).is_none()
        );
        let passed = Outcome { name: "shop", took, end: End::Passed };
        assert!(matches!(Outcome::of_line(&passed.line(), &["shop"]).unwrap().end, End::Passed));
    }
}
