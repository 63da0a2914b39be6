//! A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and kwok for nodes
//! and pods. Several run side by side; each ends when its handle is dropped.

mod access;
mod args;
mod command;
mod ready;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::Client;

use crate::dirs::RunDir;
use crate::objects::Objects;
use crate::pki::{Pair, Pki};
use crate::process::Process;
use crate::tools::{Program, Tools};

pub use command::Output;

/// The range that pods get their addresses from.
pub const PODS: &str = args::PODS;
/// The range of the Services' own addresses.
pub const SERVICES: &str = args::SERVICES;

/// What a cluster is to have from the start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Nodes, named `node-0` and up.
    pub nodes: usize,
    /// Whether the repository's `crds/*.yaml` are applied.
    pub crds: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 3, crds: true }
    }
}

/// A running control plane.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: first the programs, then what they write to.
    programs: Vec<Process>,
    objects: Objects,
    server: String,
    admin: Pair,
    pki: Pki,
    tools: Tools,
    dir: RunDir,
}

impl Cluster {
    /// Starts one and waits until it answers, has nodes, and its controllers work.
    pub async fn start(options: Options) -> Result<Self> {
        let tools = Tools::ready().await?;
        match Self::attempt(&options, tools.clone()).await {
            // Another program may have taken a port between our choosing it and the server's bind.
            Err(error) if format!("{error:#}").contains("address already in use") => {
                Self::attempt(&options, tools).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(options: &Options, tools: Tools) -> Result<Self> {
        let dir = RunDir::create("cluster")?;
        let pki = Pki::new().context("failed to make the cluster's authority")?;
        let plan = args::Plan::write(dir.path(), &pki)?;
        let admin = pki.client("windlass-e2e-admin", Some("system:masters"))?;
        let kubeconfig = access::write(&dir.join("admin.kubeconfig"), &plan.server, &pki, &admin)?;
        let client = access::client(&kubeconfig).await?;
        let mut cluster = Self {
            programs: Vec::new(),
            objects: Objects::new(client),
            server: plan.server.clone(),
            admin,
            pki,
            tools,
            dir,
        };
        cluster.spawn(Program::Etcd, &plan)?;
        cluster.spawn(Program::ApiServer, &plan)?;
        cluster.answers().await?;
        for program in [Program::ControllerManager, Program::Scheduler, Program::Kwok] {
            cluster.spawn(program, &plan)?;
        }
        cluster.furnish(options).await?;
        Ok(cluster)
    }

    fn spawn(&mut self, program: Program, plan: &args::Plan) -> Result<()> {
        let mut command = tokio::process::Command::new(self.tools.path(program)?);
        command.args(plan.args(program)).env("HOME", self.dir.path()).current_dir(self.dir.path());
        let log = self.dir.join(&format!("{}.log", program.name()));
        self.programs.push(Process::spawn(program.name(), command, &log)?);
        Ok(())
    }

    /// The cluster administrator's client. It does not retry by itself.
    pub fn client(&self) -> Client {
        self.objects.client()
    }

    /// Any kind of object, by its name as `kubectl` takes it.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Where a program lies.
    pub fn tool(&self, program: Program) -> Result<PathBuf> {
        self.tools.path(program).map(Path::to_owned)
    }

    /// Where the API server listens.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The directory of this cluster's logs and files; gone with it.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Which of its programs have ended, each with the tail of its log.
    pub fn casualties(&self) -> Option<String> {
        let dead: Vec<String> = self.programs.iter().filter_map(Process::obituary).collect();
        (!dead.is_empty()).then(|| dead.join("\n"))
    }

    /// The pids of its programs, with their names.
    pub fn programs(&self) -> impl Iterator<Item = (&str, u32)> {
        self.programs.iter().map(|process| (process.name(), process.pid()))
    }

    /// The end of the log of one of its programs.
    pub fn log_tail(&self, program: Program, lines: usize) -> String {
        let found = self.programs.iter().find(|process| process.name() == program.name());
        found.map(|process| process.tail(lines)).unwrap_or_default()
    }

    /// Ends it in good order: the API server first, so that nothing is written to an etcd that goes away.
    pub async fn stop(self) -> Result<()> {
        for process in self.programs.iter().rev() {
            process.stop(Duration::from_secs(2)).await?;
        }
        Ok(())
    }

    fn fail_if_dead(&self) -> Result<()> {
        match self.casualties() {
            Some(dead) => bail!("the test cluster broke: {dead}"),
            None => Ok(()),
        }
    }
}
