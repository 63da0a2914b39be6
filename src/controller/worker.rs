//! Takes keys from the queue and runs their passes, several at a time. A panic in one is its own and ends nothing else.

use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::queue::Queue;

/// A pass, and what to do when it panicked. Both say after what time to look again, if at all.
pub trait Pass<K>: Send + Sync + 'static {
    fn run(&self, key: &K) -> impl Future<Output = Option<Duration>> + Send;
    fn panicked(&self, key: &K, message: &str) -> Option<Duration>;
}

/// Runs until the token is cancelled; then running passes finish, and no other starts.
pub async fn work<K, P>(queue: Arc<Queue<K>>, concurrency: usize, token: CancellationToken, pass: Arc<P>)
where
    K: Clone + Ord + Hash + Send + Sync + 'static,
    P: Pass<K>,
{
    let slots = Arc::new(Semaphore::new(concurrency.max(1)));
    let tasks = TaskTracker::new();
    let take = async {
        // The semaphore is never closed, so this goes on until the token is cancelled.
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let key = queue.next().await;
            let (queue, pass) = (Arc::clone(&queue), Arc::clone(&pass));
            tasks.spawn(async move {
                let ended = AssertUnwindSafe(pass.run(&key)).catch_unwind().await;
                let wait = ended.unwrap_or_else(|payload| pass.panicked(&key, &message(payload.as_ref())));
                queue.done(&key, wait.map(|wait| Instant::now() + wait));
                drop(slot);
            });
        }
    };
    token.run_until_cancelled(take).await;
    tasks.close();
    tasks.wait().await;
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Recorder {
        ran: Mutex<Vec<String>>,
        panics: AtomicUsize,
        at_once: AtomicUsize,
        most: AtomicUsize,
    }

    impl Pass<&'static str> for Recorder {
        async fn run(&self, key: &&'static str) -> Option<Duration> {
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            self.ran.lock().unwrap().push((*key).to_owned());
            assert!(*key != "bad", "broken object");
            None
        }
        fn panicked(&self, _: &&'static str, message: &str) -> Option<Duration> {
            assert_eq!(message, "broken object");
            self.panics.fetch_add(1, Ordering::SeqCst);
            Some(Duration::from_secs(60))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_delays_no_other_and_is_tried_again() {
        let (queue, pass, token) =
            (Arc::new(Queue::default()), Arc::new(Recorder::default()), CancellationToken::new());
        for key in ["bad", "a", "b", "c"] {
            queue.add(key);
        }
        let running = tokio::spawn(work(Arc::clone(&queue), 2, token.clone(), Arc::clone(&pass)));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(pass.ran.lock().unwrap().len(), 4);
        assert_eq!(pass.most.load(Ordering::SeqCst), 2);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(pass.panics.load(Ordering::SeqCst), 2);
        token.cancel();
        running.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_pass_finishes_at_shutdown() {
        let (queue, pass, token) =
            (Arc::new(Queue::default()), Arc::new(Recorder::default()), CancellationToken::new());
        queue.add("a");
        let running = tokio::spawn(work(Arc::clone(&queue), 1, token.clone(), Arc::clone(&pass)));
        tokio::time::sleep(Duration::from_millis(500)).await;
        queue.add("b");
        token.cancel();
        running.await.unwrap();
        assert_eq!(*pass.ran.lock().unwrap(), ["a"]);
    }
}
