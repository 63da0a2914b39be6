//! A harness in another process starts a cluster. It is killed, and interrupted; either way its programs and its
//! directory are gone a moment later. The same where the cluster is a grandchild's, in a network namespace.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::story::Story;
use crate::traffic::namespace;

pub async fn run(t: &Story) -> Result<()> {
    let mut rounds = vec![("--hold-a-cluster", Signal::KILL), ("--hold-a-cluster", Signal::INT)];
    // where there is none, stories are skipped for it and say so
    if namespace::is_possible().await.is_ok() {
        rounds.extend([("--hold-apart", Signal::KILL), ("--hold-apart", Signal::INT)]);
    }
    for (holding, signal) in rounds {
        let (mut harness, pids, dir) = start(holding).await?;
        ensure!(pids.len() == 5, "a cluster has five programs, not {}", pids.len());
        ensure!(pids.iter().all(|pid| lives(*pid)) && dir.is_dir(), "the cluster runs at first");
        let pid = harness.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| anyhow!("the harness has ended by itself"))?, signal)?;
        harness.wait().await?;
        let (pids, dir) = (&pids, &dir);
        t.eventually(Duration::from_secs(60), &format!("all of {holding} is gone after {signal:?}"), || async move {
            let left: Vec<u32> = pids.iter().copied().filter(|pid| lives(*pid)).collect();
            ensure!(left.is_empty(), "still running: {left:?}");
            ensure!(!dir.exists(), "still there: {}", dir.display());
            Ok(Some(()))
        })
        .await?;
    }
    Ok(())
}

/// A harness that holds a cluster: the process, the pids of the cluster's programs, and the directory of its run.
async fn start(holding: &str) -> Result<(Child, Vec<u32>, PathBuf)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(holding).env_remove("STORY").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut harness = command.spawn().context("failed to start another harness")?;
    let stdout = harness.stdout.take().context("it has no stdout")?;
    let mut lines = BufReader::new(stdout).lines();
    let (mut pids, mut dir) = (Vec::new(), PathBuf::new());
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ') {
            Some(("dir", path)) => dir = PathBuf::from(path),
            Some((pid, _)) => pids.push(pid.parse()?),
            None => return Ok((harness, pids, dir)),
        }
    }
    Err(anyhow!("the other harness ended: {:?}", harness.wait().await?))
}

/// Whether a process runs. One that has ended and waits to be collected by pid 1 does not.
fn lives(pid: u32) -> bool {
    let proc = Path::new("/proc");
    if !proc.join("self").exists() {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
        return raw.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
    }
    let stat = std::fs::read_to_string(proc.join(pid.to_string()).join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}
