//! The operator as a process of its own, the way it runs for users: started, asked over HTTP, stopped and killed.

mod sums;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cluster::Cluster;
use crate::ports;
use crate::process::Process;
use crate::settings::Settings;

/// How long an operator has to become ready.
const READY: Duration = Duration::from_secs(60);

/// A running (or ended) operator; killed on drop.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    http: u16,
}

impl Operator {
    /// Starts one and waits until it says that it is ready.
    pub async fn start(cluster: &Cluster, settings: &Settings) -> Result<Self> {
        let operator = Self::spawn(cluster, settings).await?;
        operator.ready(READY).await?;
        Ok(operator)
    }

    /// Starts one without waiting.
    pub async fn spawn(cluster: &Cluster, settings: &Settings) -> Result<Self> {
        for namespace in [&settings.namespace, &settings.lease_namespace] {
            let wanted = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            cluster.objects().apply(&wanted.to_string(), None).await.context("failed to create its namespace")?;
        }
        let kubeconfig = settings.kubeconfig.clone().unwrap_or_else(|| cluster.kubeconfig_path());
        Self::launch(cluster, &kubeconfig, |http| settings.args(http), &[])
    }

    /// Starts one with that kubeconfig, arguments (given its HTTP port) and environment, as they are.
    pub fn launch(
        cluster: &Cluster,
        kubeconfig: &Path,
        args: impl FnOnce(u16) -> Vec<String>,
        env: &[(String, String)],
    ) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let http = ports::free()?;
        let mut command = tokio::process::Command::new(binary()?);
        command.args(args(http)).env("KUBECONFIG", kubeconfig).env("HOME", cluster.dir());
        if std::env::var_os("WINDLASS_LOG").is_none() {
            command.env("WINDLASS_LOG", "info,windlass=debug");
        }
        command.envs(env.iter().map(|(name, value)| (name, value)));
        let name = format!("operator-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let log = cluster.dir().join(format!("{name}.log"));
        Ok(Self { process: Process::spawn(&name, command, &log)?, http })
    }

    /// Waits until `/readyz` answers 200.
    pub async fn ready(&self, within: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            let answer = self.get("/readyz").await;
            if matches!(answer, Ok((200, _))) {
                return Ok(());
            }
            if let Some(obituary) = self.process.obituary() {
                bail!("the operator is not running: {obituary}");
            }
            if started.elapsed() > within {
                let tail = self.tail(15);
                bail!("the operator is not ready after {within:?}; /readyz: {answer:?}; the end of its log:\n{tail}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// GET of one of its HTTP paths: the status code and the body.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.http)).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            anyhow::Ok(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(5), ask).await.context("no answer within 5 s")??;
        let code = answer.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
        Ok((code.ok_or_else(|| anyhow!("not an HTTP answer: {answer}"))?, body))
    }

    /// The port of its HTTP server on loopback.
    pub fn http_port(&self) -> u16 {
        self.http
    }

    /// SIGKILL, and waits for its end.
    pub async fn kill(&self) -> Result<ExitStatus> {
        self.process.kill();
        self.process.wait().await
    }

    /// SIGTERM, and waits for its end (SIGKILL after ten seconds).
    pub async fn stop(&self) -> Result<ExitStatus> {
        self.process.stop(Duration::from_secs(10)).await
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The last lines of its log.
    pub fn tail(&self, lines: usize) -> String {
        self.process.tail(lines)
    }
}

/// `$WINDLASS_OPERATOR`, else `windlass-operator` beside the running program.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("WINDLASS_OPERATOR").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let here = std::env::current_exe().context("failed to find the running program")?;
    // A test's program is one folder deeper.
    let candidates = here.ancestors().skip(1).take(2).map(|dir| dir.join("windlass-operator"));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| anyhow!("there is no windlass-operator beside {}: cargo build it first", here.display()))
}
