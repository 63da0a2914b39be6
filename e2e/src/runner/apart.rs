//! The stories with traffic: told by this same program once more, in a network namespace. What it prints about each is
//! taken into the one report.

use std::process::{ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::report::{End, Outcome};
use crate::stories::Entry;
use crate::tools::{self, Tools};
use crate::traffic::namespace;
use crate::watchdog;

/// Tells them, and says how each ended as it ends. Where there is no namespace to tell them in, they are skipped.
pub(super) async fn tell(entries: &[Entry], add: &impl Fn(Outcome)) {
    let names: Vec<&'static str> = entries.iter().map(|entry| entry.name).collect();
    let started = Instant::now();
    let (untold, end) = match prepare().await {
        Ok(()) => {
            let mut left = names.clone();
            let chosen = names.join(",");
            let note = |outcome: Outcome| {
                left.retain(|name| *name != outcome.name);
                add(outcome);
            };
            let ended = run(&["--inside", &chosen], &names, note).await;
            let how = ended.map_or_else(|error| format!("{error:#}"), |status| format!("it ended ({status})"));
            (left, End::Failed(format!("not told to its end by the program in the network namespace: {how}")))
        }
        Err(unable) => (names, unable),
    };
    for name in untold {
        add(Outcome { name, took: started.elapsed(), end: end.clone() });
    }
}

/// Whether it can be, with all that is built for it: inside there is no network.
async fn prepare() -> Result<(), End> {
    namespace::is_possible().await.map_err(|error| unable(&error))?;
    let built = Tools::ready_for_traffic().await.map(drop);
    built.map_err(|error| if tools::are_ready_made() { unable(&error) } else { End::Failed(format!("{error:#}")) })
}

/// A machine that cannot tell them skips them, and says so; CI (`CI=true`, as `.ci/run` sets it) must be able to.
fn unable(error: &anyhow::Error) -> End {
    let is_ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let reason = format!("no stories with traffic: {error:#}");
    if is_ci { End::Failed(reason) } else { End::Skipped(reason) }
}

/// Holds a cluster inside: for the story that kills its harness.
pub(super) async fn hold() -> Result<bool> {
    Ok(run(&["--hold-a-cluster"], &[], |_| ()).await?.success())
}

/// Runs this program inside, until it ends.
async fn run(args: &[&str], names: &[&'static str], mut add: impl FnMut(Outcome)) -> Result<ExitStatus> {
    let program = std::env::current_exe().context("failed to find the running program")?;
    let mut command = namespace::within(program.as_os_str());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    // In a group of its own under the watchdog: it ends with us, however we end, and its own watchdog tidies up.
    watchdog::ensure_running()?;
    let mut inside = command.process_group(0).kill_on_drop(true).spawn().context("failed to start it")?;
    let pid = inside.id().ok_or_else(|| anyhow!("it ended at once"))?;
    watchdog::started(pid)?;
    let stdout = inside.stdout.take().ok_or_else(|| anyhow!("it has no stdout"))?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.context("failed to read what it says")? {
        match Outcome::of_line(&line, names) {
            Some(outcome) => add(outcome),
            None => println!("{line}"),
        }
    }
    let ended = inside.wait().await.context("failed to wait for it")?;
    watchdog::ended(pid);
    Ok(ended)
}
