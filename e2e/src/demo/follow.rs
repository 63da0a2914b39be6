//! Follows one release: its events, what it waits for and what a user finds are told as they appear, until it is where it
//! must be.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use super::ledger::Ledger;
use super::stand::{HOME, Stand};
use crate::story::text;

const POLL: Duration = Duration::from_millis(100);
/// How long any one step may take before the demo fails.
const LIMIT: Duration = Duration::from_secs(120);

impl Stand<'_> {
    /// Tells what happens to the release until `is_there`; fails, with its status, if that does not come.
    pub(super) async fn follow(
        &self,
        release: &str,
        wanted: &str,
        mut ledger: Option<&mut Ledger<'_>>,
        is_there: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let started = Instant::now();
        let (mut waited, mut said) = (String::new(), String::new());
        loop {
            let at = Instant::now();
            let seen = self.cluster().objects().find("release", HOME, release).await?.unwrap_or_default();
            if let Some(ledger) = &mut ledger {
                ledger.look(&seen, at).await?;
            }
            said.extend(self.tell_events(release).await?);
            let now = text(&seen, "/status/waitingFor");
            let is_news = now != waited && !now.is_empty() && !said.contains(now);
            // why it goes back is told by an event, and how it is exposed by the table
            let is_told = text(&seen, "/status/phase") == "Reverting" || ledger.as_ref().is_some_and(|l| l.has_begun());
            if is_news && !is_there(&seen) && !is_told {
                self.paper.waits(&format!("waits for: {now}"));
            }
            waited = now.to_owned();
            if is_there(&seen) {
                // its last event is published after the status
                tokio::time::sleep(POLL * 2).await;
                self.tell_events(release).await?;
                return Ok(seen);
            }
            self.is_alive()?;
            if started.elapsed() > LIMIT {
                let status = seen.get("status").map(Value::to_string).unwrap_or_default();
                bail!("not within {} s: {wanted}; {release} is {status}", LIMIT.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Tells the events about the release that have not been told yet, in their order; gives what they say.
    async fn tell_events(&self, release: &str) -> Result<Vec<String>> {
        let mut events = self.cluster().objects().list("events", HOME, "").await?;
        events.retain(|e| text(e, "/involvedObject/kind") == "Release" && text(e, "/involvedObject/name") == release);
        events.sort_by(|a, b| text(a, "/eventTime").cmp(text(b, "/eventTime")));
        let mut said = Vec::new();
        for event in events {
            if self.is_new(text(&event, "/metadata/uid")) {
                let is_warning = text(&event, "/type") == "Warning";
                self.paper.event(text(&event, "/reason"), text(&event, "/message"), is_warning);
                said.push(text(&event, "/message").to_owned());
            }
        }
        Ok(said)
    }
}

/// What was told already.
pub(super) type Told = std::sync::Mutex<BTreeSet<String>>;
