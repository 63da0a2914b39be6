//! The rootless network namespace that stories with traffic are told in: every pod's address is local there, so one
//! listener can answer for all of them, and a router reaches each by its own address. Those of Services are local too.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use crate::cluster::{PODS, SERVICES};

/// Kernel settings that bar such a namespace: name, the value that does, and one that does not.
const BARS: [(&str, &str, &str); 3] = [
    ("user.max_user_namespaces", "0", "10000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
];

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
        let said = said.trim().lines().next_back().unwrap_or_default();
        bail!("no network namespace without root here: {said}{}", remedy(setting));
    }
    Ok(())
}

/// A kernel setting as it is.
fn setting(name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok()?;
    Some(text.trim().to_owned())
}

/// What to do about it, where a kernel setting is why.
fn remedy(setting: impl Fn(&str) -> Option<String>) -> String {
    let is_barred = |name: &str, bar: &str| setting(name).is_some_and(|value| value == bar);
    let found = BARS.iter().filter(|(name, bar, _)| is_barred(name, bar));
    found.map(|(name, bar, free)| format!("; {name} is {bar}: sudo sysctl {name}={free}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_bars_it_is_named() {
        let debian = |name: &str| (name == "kernel.unprivileged_userns_clone").then(|| "0".to_owned());
        let named = "; kernel.unprivileged_userns_clone is 0: sudo sysctl kernel.unprivileged_userns_clone=1";
        assert_eq!(remedy(debian), named);
        assert_eq!(remedy(|_| Some("2".to_owned())), "");
    }
}
