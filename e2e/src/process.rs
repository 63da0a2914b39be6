//! A child process that the harness owns: its output goes to a log file, it is waited for, its end is told with the
//! tail of its log, and it does not outlive its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::Command;
use tokio::sync::watch;

use crate::watchdog;

/// One running (or ended) child.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts `command` in a process group of its own, with stdout and stderr appended to `log`.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        watchdog::ensure_running()?;
        let out = File::options().create(true).append(true).open(log);
        let out = out.with_context(|| format!("failed to open {}", log.display()))?;
        let err = out.try_clone().context("failed to clone the log file")?;
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let mut child = command.spawn().with_context(|| format!("failed to start {name}"))?;
        let pid = child.id().ok_or_else(|| anyhow!("{name} ended at once"))?;
        let (tell, ended) = watch::channel(None);
        let watched = watchdog::started(pid);
        let of = name.to_owned();
        tokio::spawn(async move {
            match child.wait().await {
                Ok(status) => {
                    watchdog::ended(pid);
                    tell.send_replace(Some(status));
                }
                Err(error) => tracing::warn!(%error, name = of, "failed to wait for a child"),
            }
        });
        let process = Self { name: name.to_owned(), pid, log: log.to_owned(), ended };
        watched.map(|()| process) // on an error the drop kills it
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Result<ExitStatus> {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.map_err(|_| anyhow!("{} is not waited for", self.name))?;
        (*status).ok_or_else(|| anyhow!("{} has not ended", self.name))
    }

    /// Sends a signal to the process alone; none is sent to one that ended.
    pub fn signal(&self, signal: Signal) {
        if let (None, Some(pid)) = (self.ended(), self.raw_pid()) {
            let _ = kill_process(pid, signal);
        }
    }

    /// SIGKILL to its whole process group, without waiting.
    pub fn kill(&self) {
        if let (None, Some(pid)) = (self.ended(), self.raw_pid()) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// SIGTERM, then SIGKILL after `grace`; returns once it has ended.
    pub async fn stop(&self, grace: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.kill();
                self.wait().await
            }
        }
    }

    /// The last `lines` lines of its log.
    pub fn tail(&self, lines: usize) -> String {
        tail_of(&self.log, lines)
    }

    /// If it has ended: that it did, how, and its last words.
    pub fn obituary(&self) -> Option<String> {
        let status = self.ended()?;
        Some(format!("{} ended ({status}); the end of its log:\n{}", self.name, self.tail(15)))
    }

    fn raw_pid(&self) -> Option<Pid> {
        i32::try_from(self.pid).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last `lines` lines of a file, as far as it can be read.
pub fn tail_of(file: &Path, lines: usize) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
