//! How many measurements are under way: so many of pods, and so many of each provider, so that one that does not answer
//! holds up nobody who asks another.

use std::collections::BTreeMap;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::plan::Ask;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Pods,
    Provider(String),
}

impl Source {
    /// None where nobody is.
    pub fn of(ask: &Ask) -> Option<Self> {
        match ask {
            Ask::Http { .. } => Some(Self::Pods),
            Ask::Metric(metric) => Some(Self::Provider(metric.probe.provider.clone())),
            Ask::Nothing(_) => None,
        }
    }
}

/// Turns to be taken.
pub struct Slots {
    pods: Semaphore,
    providers: BTreeMap<String, Semaphore>,
}

impl Slots {
    /// All of them `at_once`: the pods have half of it, the providers the same part of the rest, each one turn at least.
    pub fn new<'n>(at_once: usize, providers: impl Iterator<Item = &'n str>) -> Self {
        let names: Vec<&str> = providers.collect();
        let half = (at_once / 2).max(1);
        let part = half.checked_div(names.len()).unwrap_or(0).max(1);
        let providers = names.into_iter().map(|name| (name.to_owned(), Semaphore::new(part))).collect();
        Self { pods: Semaphore::new(half), providers }
    }

    /// Waits for a turn; none where none is needed: nobody is asked, or a provider that is not known.
    pub async fn take(&self, source: Option<&Source>) -> Option<SemaphorePermit<'_>> {
        let of = match source? {
            Source::Pods => &self.pods,
            Source::Provider(name) => self.providers.get(name)?,
        };
        of.acquire().await.ok() // never closed
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn one_that_does_not_answer_holds_up_nobody_who_asks_another() {
        let slots = Slots::new(8, ["hung", "well"].into_iter());
        let provider = |name: &str| Some(Source::Provider(name.into()));
        let hung = provider("hung");
        let taken: Vec<_> = (0..2).map(|_| slots.take(hung.as_ref()).now_or_never().expect("a turn")).collect();
        assert!(slots.take(hung.as_ref()).now_or_never().is_none(), "its part is used up");
        for free in [provider("well"), Some(Source::Pods)] {
            assert!(slots.take(free.as_ref()).now_or_never().is_some_and(|turn| turn.is_some()), "{free:?}");
        }
        assert!(slots.take(None).now_or_never().is_some_and(|turn| turn.is_none()));
        drop(taken);
        assert!(slots.take(hung.as_ref()).now_or_never().is_some());
    }

    #[test]
    fn each_has_one_turn_at_least() {
        let slots = Slots::new(1, ["a", "b"].into_iter());
        assert_eq!((slots.pods.available_permits(), slots.providers["b"].available_permits()), (1, 1));
    }
}
