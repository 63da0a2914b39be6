//! The running program once more in a network namespace, on the same terminal: for the demo and the bench, which send
//! requests to pods. What is built is built before, since there is no network inside.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;

use crate::tools::Tools;
use crate::traffic::namespace;
use crate::watchdog;

/// How long it may take to end what it started, once it is asked to.
const GRACE: Duration = Duration::from_secs(15);

/// Runs this program with its own arguments and one more, until it ends; true if that went well. Why not is told by it.
pub async fn again(flag: &str) -> Result<bool> {
    namespace::is_possible().await.context("this needs a network namespace of its own, for requests to pods")?;
    Tools::ready_for_traffic().await?;
    let program = std::env::current_exe().context("failed to find the running program")?;
    let mut command = namespace::within(program.as_os_str());
    command.args(std::env::args_os().skip(1)).arg(flag).stdin(Stdio::null());
    // In a group of its own under the watchdog: it ends with us, however we end, and its own watchdog tidies up.
    watchdog::ensure_running()?;
    let mut inside = command.process_group(0).kill_on_drop(true).spawn().context("failed to start it")?;
    let pid = inside.id().ok_or_else(|| anyhow!("it ended at once"))?;
    watchdog::started(pid)?;
    let ended = tokio::select! {
        ended = inside.wait() => ended.context("failed to wait for it")?,
        () = crate::interrupted() => stop(&mut inside, pid).await?,
    };
    watchdog::ended(pid);
    Ok(ended.success())
}

/// Hands on that someone wants an end.
async fn stop(inside: &mut Child, pid: u32) -> Result<ExitStatus> {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let ended = tokio::time::timeout(GRACE, inside.wait()).await;
    ended.with_context(|| format!("it has not ended within {} s", GRACE.as_secs()))?.context("failed to wait for it")
}
