//! The rootless network namespace that stories with traffic are told in: every pod's address is local there, so one
//! listener can answer for all of them, and a router reaches each by its own address. Those of Services are local too.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cluster::{PODS, SERVICES};

/// A command that runs `program` in a namespace of its own. Needs `unshare` (util-linux) and `ip` (iproute2), no root.
pub fn within(program: &std::ffi::OsStr) -> Command {
    let routes = format!("ip route add local {PODS} dev lo && ip route add local {SERVICES} dev lo");
    let setup = format!("ip link set lo up && {routes} && exec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", &setup]).arg(program);
    command
}

/// An error that says why there can be none on this machine.
pub async fn is_possible() -> Result<()> {
    let mut probe = within("true".as_ref());
    probe.stdin(Stdio::null()).stdout(Stdio::null());
    let output = probe.output().await.context("there is no program `unshare` (Linux, util-linux)")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("no network namespace without root here: {}", said.trim().lines().next_back().unwrap_or_default());
    }
    Ok(())
}
