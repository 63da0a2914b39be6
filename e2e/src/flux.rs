//! The real Flux beside Windlass: source-controller and kustomize-controller, each with the ServiceAccount that it has in a
//! cluster, on a git repository of the story's own.

mod git;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::Process;
use crate::shop::merge;
use crate::story::{Story, condition, text};
use crate::tools::{self, Program, Tools};
use crate::{crds, ports};

pub use git::Git;

/// Where Flux lives.
const NAMESPACE: &str = "flux-system";

/// How long Flux may take to notice and apply a commit: patience for a busy machine, no claim.
const PATIENCE: Duration = Duration::from_secs(90);

/// Flux and its repository.
#[derive(Debug)]
pub struct Flux<'a> {
    t: &'a Story,
    pub git: Git,
    controllers: [Process; 2],
}

impl<'a> Flux<'a> {
    /// Installs and starts it. Its ServiceAccounts are administrators, as Flux installs them.
    pub async fn start(t: &'a Story) -> Result<Self> {
        let tools = Tools::ready_for_flux().await?;
        crds::apply_from(t.cluster().objects(), &tools::flux().await?).await.context("failed to install Flux")?;
        t.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}).to_string()).await?;
        let dir = t.cluster().dir().join("flux");
        let git = Git::serve(&dir).await?;
        let artifacts = ports::free()?;
        let storage = [
            format!("--storage-path={}", dir.display()),
            format!("--storage-addr=127.0.0.1:{artifacts}"),
            format!("--storage-adv-addr=127.0.0.1:{artifacts}"),
        ];
        let source = start(t, &tools, Program::SourceController, &storage, &dir).await?;
        let kustomize = start(t, &tools, Program::KustomizeController, &[], &dir).await?;
        let flux = Self { t, git, controllers: [source, kustomize] };
        let spec = json!({"interval": "1s", "url": flux.git.url, "ref": {"branch": git::BRANCH}});
        t.apply(&of("source.toolkit.fluxcd.io/v1", "GitRepository", "shop", &spec).to_string()).await?;
        Ok(flux)
    }

    /// Applies a folder of the repository from now on; `more` goes into the Kustomization's spec.
    pub async fn sync(&self, folder: &str, more: &Value) -> Result<()> {
        let source = json!({"kind": "GitRepository", "name": "shop"});
        let mut spec =
            json!({"interval": "2s", "retryInterval": "2s", "path": folder, "prune": true, "sourceRef": source});
        merge(&mut spec, more);
        self.t.apply(&of("kustomize.toolkit.fluxcd.io/v1", "Kustomization", folder, &spec).to_string()).await.map(drop)
    }

    /// Waits until that commit is applied from that folder, and found well where that is waited for.
    pub async fn applied(&self, folder: &str, commit: &str) -> Result<Value> {
        let is_so = |v: &Value| {
            text(v, "/status/lastAppliedRevision").ends_with(commit) && condition(v, "Ready", "status") == "True"
        };
        self.until(folder, &format!("Flux to have applied {commit} from {folder}"), is_so).await
    }

    /// Waits until that commit is applied from that folder, and what it made is found to be broken; gives what Flux says.
    pub async fn failed(&self, folder: &str, commit: &str) -> Result<String> {
        let is_so = |v: &Value| {
            text(v, "/status/lastAttemptedRevision").ends_with(commit)
                && condition(v, "Ready", "reason") == "HealthCheckFailed"
        };
        let found = self.until(folder, &format!("Flux to find {commit} from {folder} broken"), is_so).await?;
        Ok(condition(&found, "Ready", "message").to_owned())
    }

    /// Waits until the Kustomization is so.
    pub async fn until(&self, folder: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        if let Some(dead) = self.controllers.iter().find_map(Process::obituary) {
            bail!("Flux broke: {dead}");
        }
        self.t.until(PATIENCE, what, ("kustomization", NAMESPACE, folder), is_so).await
    }
}

fn of(version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
}

/// Starts one of Flux's controllers.
async fn start(t: &Story, tools: &Tools, program: Program, more: &[String], dir: &Path) -> Result<Process> {
    let name = program.name();
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}});
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
    let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE});
    let bound = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("flux-{name}")}, "roleRef": role, "subjects": [subject]});
    t.apply(&account.to_string()).await?;
    t.apply(&bound.to_string()).await?;
    let token = t.cluster().service_account_token(NAMESPACE, name).await?;
    let mut command = Command::new(tools.path(program)?);
    command.env("KUBECONFIG", t.cluster().kubeconfig_with_token(&token)?).env("RUNTIME_NAMESPACE", NAMESPACE);
    command.args([
        format!("--health-addr=127.0.0.1:{}", ports::free()?),
        format!("--metrics-addr=127.0.0.1:{}", ports::free()?),
        "--enable-leader-election=false".to_owned(),
    ]);
    command.args(more).env("HOME", dir).env("TMPDIR", dir).current_dir(dir);
    Process::spawn(name, command, &dir.join(format!("{name}.log")))
}
