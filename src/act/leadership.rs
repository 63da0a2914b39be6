//! The right to write, and until when. The elector grants it; the write gate asks for it right before each request.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Whether this process may write. Cheap to clone; all clones tell the same.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

/// The elector's end: whoever holds it says how long the leadership lasts.
#[derive(Debug)]
pub struct Grant(watch::Sender<Option<Instant>>);

impl Leadership {
    /// A leadership that nobody has yet, and the grant that gives it.
    pub fn new() -> (Grant, Self) {
        let (sender, receiver) = watch::channel(None);
        (Grant(sender), Self(receiver))
    }

    /// One that never ends: for tests, and for programs that run alone.
    pub fn always() -> Self {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        Self(watch::channel(Instant::now().checked_add(CENTURY)).1)
    }

    /// True only until the end that was granted last, by this process's own monotonic clock. So a process that was
    /// stopped or starved beyond it finds itself out of office without having to be told.
    pub fn is_leader(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Returns once this process leads; never, if the elector has gone.
    pub async fn gained(&self) {
        let mut receiver = self.0.clone();
        let leads = receiver.wait_for(|until| until.is_some_and(|until| Instant::now() < until)).await.is_ok();
        if !leads {
            std::future::pending::<()>().await;
        }
    }
}

impl Grant {
    /// The leadership lasts until then; none takes it away.
    pub fn until(&self, end: Option<Instant>) {
        self.0.send_replace(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_until_the_end_granted_and_no_longer() {
        let (grant, leadership) = Leadership::new();
        let other = leadership.clone();
        assert!(!leadership.is_leader());
        grant.until(Some(Instant::now() + Duration::from_millis(50)));
        assert!(leadership.is_leader() && other.is_leader());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!leadership.is_leader(), "it ends by itself");
        grant.until(Some(Instant::now() + Duration::from_secs(60)));
        assert!(other.is_leader());
        grant.until(None);
        assert!(!other.is_leader());
        assert!(Leadership::always().is_leader());
    }
}
