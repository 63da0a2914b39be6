//! Waiting: until something is so, and making sure that something never is.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::{Story, look};

const POLL: Duration = Duration::from_millis(75);

impl Story {
    /// Polls until `check` gives a value. `None` and errors mean "not yet"; the last error is told on a time-out, so
    /// `ensure!(phase == "Done", "phase is {phase}")` in a check says what was seen.
    pub async fn eventually<T, F, R>(&self, within: Duration, what: &str, check: F) -> Result<T>
    where
        F: Fn() -> R,
        R: Future<Output = Result<Option<T>>>,
    {
        let started = Instant::now();
        loop {
            let outcome = check().await;
            let last = match outcome {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => None,
                Err(error) => Some(error),
            };
            if started.elapsed() >= within {
                let last = last.map_or_else(|| "nothing was seen".to_owned(), |error| format!("{error:#}"));
                bail!("not within {within:?}: {what}; at last: {last}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Polls one object until `holds`; on a time-out its last state is told.
    pub async fn until<P>(&self, within: Duration, what: &str, of: (&str, &str, &str), holds: P) -> Result<Value>
    where
        P: Fn(&Value) -> bool,
    {
        let (kind, namespace, name) = of;
        let holds = &holds;
        self.eventually(within, what, || async move {
            let seen = self.get_json(kind, namespace, name).await?;
            if holds(&seen) { Ok(Some(seen)) } else { Err(anyhow!("{kind} {name}: {}", look::brief(&seen))) }
        })
        .await
    }

    /// Watches for `span` that `check` never gives a value; what it gives is what went wrong. A look that fails shows
    /// nothing, and there must be one that does not.
    pub async fn never<F, R>(&self, span: Duration, what: &str, check: F) -> Result<()>
    where
        F: Fn() -> R,
        R: Future<Output = Result<Option<String>>>,
    {
        let started = Instant::now();
        let mut looked = Err(anyhow!("no time to look"));
        while started.elapsed() < span {
            match check().await {
                Ok(Some(seen)) => bail!("after {:?} it happened: {what}: {seen}", started.elapsed()),
                Ok(None) => looked = Ok(()),
                Err(error) => looked = looked.map_err(|_| error),
            }
            tokio::time::sleep(POLL).await;
        }
        looked.context(format!("no look at whether {what}"))
    }
}
