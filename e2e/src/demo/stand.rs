//! Where the demo takes place: the cluster, the operator, a folder with the files that are applied, and kubectl.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use super::follow::Told;
use super::paper::Paper;
use crate::cluster::{Cluster, Options};
use crate::cue::{self, Cue};
use crate::locked::lock;
use crate::operator::Operator;
use crate::story::{Story, text};
use crate::tools::{KUBERNETES_VERSION, Tools};
use crate::traffic::{Client, GATEWAY_NAMESPACE, Traffic};

/// The namespace of the pipeline.
pub(super) const HOME: &str = "shop";
/// The host name of production's requests, and how many the user sends a second.
const HOST: &str = "shop.example";
pub(super) const PACE: u32 = 100;

/// Everything that is there while the demo runs. The operator goes before its cluster.
pub(super) struct Stand<'p> {
    pub(super) paper: &'p Paper,
    pub(super) operator: Mutex<Option<Operator>>,
    user: OnceLock<Client>,
    story: Story,
    cluster: Arc<Cluster>,
    files: PathBuf,
    told: Told,
}

impl<'p> Stand<'p> {
    /// Builds what is missing and starts the cluster.
    pub(super) async fn set(paper: &'p Paper) -> Result<Self> {
        paper.chapter("1. A Kubernetes control plane, on this machine");
        Tools::ready_for_traffic().await?;
        let before = paper.elapsed();
        let cluster = Arc::new(Cluster::start(Options { crds: false, ..Options::default() }).await?);
        let traffic = Arc::new(Traffic::start(&cluster).await?);
        let files = cluster.dir().join("demo");
        std::fs::create_dir_all(&files).with_context(|| format!("failed to create {}", files.display()))?;
        let stand = Self {
            paper,
            operator: Mutex::default(),
            user: OnceLock::new(),
            story: Story::new("demo", Arc::clone(&cluster), None, Some(traffic)),
            cluster,
            files,
            told: Told::default(),
        };
        paper.say(&format!(
            "Ready in {:.1} s: etcd, kube-apiserver, kube-controller-manager and kube-scheduler {KUBERNETES_VERSION} as they \
             are, and Traefik as the router, in a network namespace that needs no root. Nodes and pods are played by kwok: no \
             container runs; a pod behaves, and answers requests, as its image's digest says.",
            paper.elapsed() - before
        ));
        stand.show(&format!("kubectl get nodes,gateways -n {GATEWAY_NAMESPACE}")).await?;
        Ok(stand)
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn story(&self) -> &Story {
        &self.story
    }

    /// The user who sends requests to production all the while, once there is one.
    pub(super) fn user(&self) -> Result<&Client> {
        self.user.get().ok_or_else(|| anyhow!("nobody sends requests yet"))
    }

    /// Waits until requests come through the route, and has the user send them from then on.
    pub(super) async fn open_to_users(&self, within: Duration) -> Result<()> {
        let router = self.story.traffic()?;
        let comes_through = || async {
            let answer = router.ask(HOST).await;
            ensure!(answer.status == 200, "the answer is {answer:?}");
            Ok(Some(()))
        };
        self.story.eventually(within, "a request comes through the route", comes_through).await?;
        self.user.set(router.client(HOST, PACE)).map_err(|_| anyhow!("a user sends requests already"))
    }

    /// How to get from another terminal to where the cluster is.
    pub(super) fn door() -> String {
        format!("nsenter --target {} --user --net --preserve-credentials \"$SHELL\"", std::process::id())
    }

    /// The folder that commands run in.
    pub(super) fn files(&self) -> &Path {
        &self.files
    }

    /// Puts a file into that folder.
    pub(super) fn file(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.files.join(name), text).with_context(|| format!("failed to write {name}"))
    }

    /// The manifest of a release whose pods and tests behave on cue, made just now; gives its image.
    pub(super) fn release(&self, version: &str, cue: Cue) -> Result<String> {
        let image = cue::image("checkout", cue, version);
        let manifest = include_str!("../../demo/release.yaml")
            .replace("VERSION", version)
            .replace("CREATED-AT", &jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .replace("IMAGE", &image);
        self.file(&format!("release-{version}.yaml"), &manifest)?;
        Ok(image)
    }

    /// Types a command, shows what it says, and fails if it does.
    pub(super) async fn show(&self, line: &str) -> Result<String> {
        self.paper.command(line);
        let said = self.run(line).await?;
        self.paper.output(&said);
        Ok(said)
    }

    /// The same without showing it.
    pub(super) async fn run(&self, line: &str) -> Result<String> {
        let output = self.cluster.shell(line, &self.files, &self.cluster.kubeconfig_path()).await?;
        output.ok().with_context(|| format!("failed: {line}"))
    }

    /// The image that runs in a namespace, once all of its pods are of it and ready.
    pub(super) async fn runs(&self, namespace: &str, image: &str) -> Result<()> {
        let found = self.cluster.objects().get("deployment", namespace, "checkout").await?;
        let runs = text(&found, "/spec/template/spec/containers/0/image");
        ensure!(runs == image, "{namespace} runs {runs} and not {image}");
        let counts = ["updatedReplicas", "availableReplicas", "replicas"].map(|c| found["status"][c].as_i64());
        ensure!(counts == [Some(3); 3], "{namespace} does not serve in full: {}", found["status"]);
        Ok(())
    }

    /// Fails if that image ever was in a namespace: each one leaves its ReplicaSet.
    pub(super) async fn never_ran(&self, namespace: &str, image: &str) -> Result<()> {
        let sets = self.cluster.objects().list("replicaset", namespace, "").await?;
        let is_it = |set: &Value| text(set, "/spec/template/spec/containers/0/image") == image;
        ensure!(!sets.iter().any(is_it), "{image} ran in {namespace}");
        ensure!(!sets.is_empty(), "{namespace} has no ReplicaSet");
        Ok(())
    }

    /// Fails if a program of the cluster or the operator has ended.
    pub(super) fn is_alive(&self) -> Result<()> {
        let operator = lock(&self.operator);
        let dead = self.cluster.casualties().or_else(|| self.story.traffic().ok()?.casualties());
        match dead.or_else(|| operator.as_ref().and_then(|o| o.process().obituary())) {
            Some(dead) => bail!("it broke: {dead}"),
            None => Ok(()),
        }
    }

    /// True the first time that it is asked for that event.
    pub(super) fn is_new(&self, event: &str) -> bool {
        lock(&self.told).insert(event.to_owned())
    }

    pub(super) fn kubectl(&self) -> Result<PathBuf> {
        self.cluster.tool(crate::tools::Program::Kubectl)
    }
}
