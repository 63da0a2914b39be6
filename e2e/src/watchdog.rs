//! A shell beside the harness that kills what the harness started once the pipe between them closes. It works for
//! SIGKILL and for a crash as well, needs neither root nor unsafe code, and runs wherever there is a POSIX shell.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use crate::locked::lock;
use anyhow::{Context, Result, anyhow};

static WATCHDOG: Mutex<Option<Watchdog>> = Mutex::new(None);

struct Watchdog {
    pipe: ChildStdin,
    /// Kept so that the shell stays our child; it ends after us.
    _shell: Child,
}

/// Starts the watchdog and creates the run directory, once per process.
pub(crate) fn ensure_running() -> Result<()> {
    let mut slot = lock(&WATCHDOG);
    if slot.is_none() {
        *slot = Some(start()?);
    }
    Ok(())
}

fn start() -> Result<Watchdog> {
    let root = crate::dirs::run_root();
    std::fs::create_dir_all(root).with_context(|| format!("failed to create {}", root.display()))?;
    let mut shell = Command::new("sh")
        .arg("-c")
        .arg(include_str!("watchdog.sh"))
        .arg("windlass-e2e-watchdog")
        .arg(root)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0) // Ctrl-C in a terminal is for us; the watchdog must stay
        .spawn()
        .context("failed to start the watchdog shell")?;
    let pipe = shell.stdin.take().ok_or_else(|| anyhow!("the watchdog shell has no stdin"))?;
    Ok(Watchdog { pipe, _shell: shell })
}

/// Puts the process group of a child under watch.
pub(crate) fn started(pid: u32) -> Result<()> {
    ensure_running()?;
    tell("started", pid)
}

/// Takes a child that was waited for off the list: its pid may be anyone's from now on.
pub(crate) fn ended(pid: u32) {
    let _ = tell("ended", pid);
}

fn tell(word: &str, pid: u32) -> Result<()> {
    let mut slot = lock(&WATCHDOG);
    let watchdog = slot.as_mut().ok_or_else(|| anyhow!("the watchdog is not running"))?;
    writeln!(watchdog.pipe, "{word} {pid}").context("the watchdog shell has ended")
}
