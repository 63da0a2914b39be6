//! One line per story as it ends, and the last line: `N passed, N failed`.

use std::time::Duration;

/// How one story ended.
pub(super) struct Outcome {
    pub name: &'static str,
    pub took: Duration,
    pub failure: Option<String>,
}

#[derive(Default)]
pub(super) struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    pub(super) fn add(&mut self, outcome: Outcome) {
        let took = outcome.took.as_secs_f32();
        match outcome.failure {
            None => {
                self.passed += 1;
                println!("ok   {}  {took:.1}s", outcome.name);
            }
            Some(reason) => {
                self.failed += 1;
                println!("FAIL {}  {took:.1}s: {reason}", outcome.name);
            }
        }
    }

    /// Prints the sum; true if all passed, and some did.
    pub(super) fn end(&self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}
