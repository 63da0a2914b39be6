//! A proxy in front of the API server that can go silent: connections stay open and nothing comes through, as behind a
//! firewall that forgets them. Or it makes deaf: what is asked is answered, and watches alone hear nothing more.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A running proxy; ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens, as an https address.
    pub server: String,
    silent: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<Weak<AtomicBool>>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one in front of `server` (`https://HOST:PORT`).
    pub async fn start(server: &str) -> Result<Self> {
        let behind = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to bind a proxy")?;
        let server = format!("https://{}", listener.local_addr().context("a bound port has an address")?);
        let silent = Arc::new(AtomicBool::new(false));
        let connections = Arc::default();
        let accepting = tokio::spawn(accept(listener, behind, Arc::clone(&silent), Arc::clone(&connections)));
        Ok(Self { server, silent, connections, accepting })
    }

    /// Holds everything back, or lets it go on.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// Nothing comes any more on any connection that is open now, until the client asks something on it. On that of a watch it never
    /// does: a watch is one question with many answers.
    pub fn deafen(&self) {
        self.each(true);
    }

    /// All that was held back comes.
    pub fn hear(&self) {
        self.each(false);
    }

    fn each(&self, is_deaf: bool) {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.iter().filter_map(Weak::upgrade).for_each(|deaf| deaf.store(is_deaf, Ordering::Relaxed));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    behind: String,
    silent: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<Weak<AtomicBool>>>>,
) {
    while let Ok((from, _)) = listener.accept().await {
        let Ok(to) = TcpStream::connect(&behind).await else { continue };
        let deaf = Arc::new(AtomicBool::new(false));
        connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&deaf));
        let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
        let asked = Arc::clone(&deaf);
        tokio::spawn(carry(from_read, to_write, Arc::clone(&silent), move || {
            asked.store(false, Ordering::Relaxed);
            false
        }));
        tokio::spawn(carry(to_read, from_write, Arc::clone(&silent), move || deaf.load(Ordering::Relaxed)));
    }
}

/// One direction, until either end closes. What was read waits while all is silent, or this is held.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    silent: Arc<AtomicBool>,
    is_held: impl Fn() -> bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        while silent.load(Ordering::Relaxed) || is_held() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
