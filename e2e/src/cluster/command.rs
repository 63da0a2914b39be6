//! kubectl and Helm against a cluster, as a user would run them.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::Cluster;
use crate::tools::Program;

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub status: ExitStatus,
}

impl Output {
    /// Its standard output if it succeeded, else an error with its standard error.
    pub fn ok(self) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        bail!("{} ({})", self.stderr.trim(), self.status)
    }
}

impl Cluster {
    /// Runs kubectl as the administrator.
    pub async fn kubectl(&self, args: &[&str]) -> Result<Output> {
        self.run(Program::Kubectl, args, "", &self.kubeconfig_path()).await
    }

    /// Runs kubectl as the administrator with `input` as its standard input.
    pub async fn kubectl_with_input(&self, args: &[&str], input: &str) -> Result<Output> {
        self.run(Program::Kubectl, args, input, &self.kubeconfig_path()).await
    }

    /// Runs kubectl with another kubeconfig.
    pub async fn kubectl_as(&self, kubeconfig: &Path, args: &[&str], input: &str) -> Result<Output> {
        self.run(Program::Kubectl, args, input, kubeconfig).await
    }

    /// Runs Helm as the administrator.
    pub async fn helm(&self, args: &[&str]) -> Result<Output> {
        self.run(Program::Helm, args, "", &self.kubeconfig_path()).await
    }

    /// A line of bash in `dir`, with kubectl and Helm at hand: what a person would type.
    pub async fn shell(&self, line: &str, dir: &Path, kubeconfig: &Path) -> Result<Output> {
        let ours = [Program::Kubectl, Program::Helm].map(|program| self.tools.path(program).map(Path::parent));
        let mut path: Vec<PathBuf> = Vec::new();
        for found in ours {
            path.extend(found?.map(Path::to_owned));
        }
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        path.extend(std::env::split_paths(&inherited));
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", line]).current_dir(dir);
        command.env("PATH", std::env::join_paths(path).context("a PATH with a colon in it")?);
        self.ended("bash", command, "", kubeconfig).await
    }

    async fn run(&self, program: Program, args: &[&str], input: &str, kubeconfig: &Path) -> Result<Output> {
        let mut command = Command::new(self.tools.path(program)?);
        command.args(args);
        self.ended(program.name(), command, input, kubeconfig).await
    }

    /// Runs it to its end.
    async fn ended(&self, name: &str, mut command: Command, input: &str, kubeconfig: &Path) -> Result<Output> {
        // A home of its own: the user's settings and caches play no part.
        command.env("KUBECONFIG", kubeconfig).env("HOME", self.dir.path()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("failed to start {name}"))?;
        let mut stdin = child.stdin.take().ok_or_else(|| anyhow!("{name} has no stdin"))?;
        let feed = async move {
            let _ = stdin.write_all(input.as_bytes()).await; // it may end without reading
        };
        let ((), output) = tokio::join!(feed, child.wait_with_output());
        let output = output.with_context(|| format!("failed to run {name}"))?;
        Ok(Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: output.status,
        })
    }
}
