//! The command line of each program of a cluster, and the files that they read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::kubeconfig::{self, Identity};
use crate::pki::{self, Pki};
use crate::ports;
use crate::tools::Program;

pub(super) const SERVICES: &str = "10.96.0.0/16";
pub(super) const PODS: &str = "10.244.0.0/16";

/// Ports and files of one cluster.
pub(super) struct Plan {
    pub server: String,
    dir: PathBuf,
    port: u16,
    etcd: String,
    etcd_peer: String,
}

impl Plan {
    /// Chooses the ports and writes the files.
    pub(super) fn write(dir: &Path, pki: &Pki) -> Result<Self> {
        let port = ports::free()?;
        let plan = Self {
            server: format!("https://127.0.0.1:{port}"),
            dir: dir.to_owned(),
            port,
            etcd: format!("http://127.0.0.1:{}", ports::free()?),
            etcd_peer: format!("http://127.0.0.1:{}", ports::free()?),
        };
        let (token_key, token_public) = pki::token_keys()?;
        plan.put("sa.key", &token_key)?;
        plan.put("sa.pub", &token_public)?;
        plan.put("ca.crt", &pki.ca().cert)?;
        plan.put("ca.key", &pki.ca().key)?;
        let server = pki.server()?;
        plan.put("server.crt", &server.cert)?;
        plan.put("server.key", &server.key)?;
        let clients = [
            ("controller-manager.kubeconfig", "system:kube-controller-manager", None),
            ("scheduler.kubeconfig", "system:kube-scheduler", None),
            ("kwok.kubeconfig", "kwok", Some("system:masters")),
        ];
        for (file, user, group) in clients {
            let pair = pki.client(user, group)?;
            plan.put(file, &kubeconfig::text(&plan.server, &pki.ca().cert, &Identity::Certificate(&pair)))?;
        }
        plan.put("stages.yaml", &crate::kwok::stages())?;
        Ok(plan)
    }

    fn put(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.dir.join(name), text).with_context(|| format!("failed to write {name}"))
    }

    fn at(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub(super) fn args(&self, program: Program) -> Vec<String> {
        match program {
            Program::Etcd => self.etcd(),
            Program::ApiServer => self.api_server(),
            Program::ControllerManager => self.controller_manager(),
            Program::Scheduler => self.scheduler(),
            Program::Kwok => self.kwok(),
            Program::Kubectl
            | Program::Helm
            | Program::Traefik
            | Program::SourceController
            | Program::KustomizeController => Vec::new(),
        }
    }

    fn etcd(&self) -> Vec<String> {
        vec![
            format!("--data-dir={}", self.at("etcd")),
            format!("--listen-client-urls={}", self.etcd),
            format!("--advertise-client-urls={}", self.etcd),
            format!("--listen-peer-urls={}", self.etcd_peer),
            format!("--initial-advertise-peer-urls={}", self.etcd_peer),
            format!("--initial-cluster=default={}", self.etcd_peer),
            "--unsafe-no-fsync".to_owned(), // nothing here survives a crash of the machine, nor needs to
            "--log-level=warn".to_owned(),
        ]
    }

    fn api_server(&self) -> Vec<String> {
        vec![
            format!("--etcd-servers={}", self.etcd),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            // Loopback may not be advertised; this address is never dialled.
            "--advertise-address=192.0.2.2".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--tls-cert-file={}", self.at("server.crt")),
            format!("--tls-private-key-file={}", self.at("server.key")),
            format!("--client-ca-file={}", self.at("ca.crt")),
            "--authorization-mode=Node,RBAC".to_owned(),
            // kwok's nodes send no heartbeats
            "--disable-admission-plugins=TaintNodesByCondition".to_owned(),
            format!("--service-account-key-file={}", self.at("sa.pub")),
            format!("--service-account-signing-key-file={}", self.at("sa.key")),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--profiling=false".to_owned(),
        ]
    }

    fn controller_manager(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.at("controller-manager.kubeconfig")),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            // kwok's nodes send no heartbeats: without these two gone, all pods turn unready after 40 s
            "--controllers=*,-node-lifecycle-controller,-taint-eviction-controller".to_owned(),
            // the default of 20 requests a second would be what the stories measure
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
            // an autoscaler looks every second, and not every 15
            "--horizontal-pod-autoscaler-sync-period=1s".to_owned(),
            format!("--service-account-private-key-file={}", self.at("sa.key")),
            format!("--root-ca-file={}", self.at("ca.crt")),
            format!("--cluster-signing-cert-file={}", self.at("ca.crt")),
            format!("--cluster-signing-key-file={}", self.at("ca.key")),
            "--allocate-node-cidrs=true".to_owned(),
            format!("--cluster-cidr={PODS}"),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--profiling=false".to_owned(),
        ]
    }

    fn scheduler(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.at("scheduler.kubeconfig")),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
            "--profiling=false".to_owned(),
        ]
    }

    fn kwok(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.at("kwok.kubeconfig")),
            format!("--config={}", self.at("stages.yaml")),
            "--manage-all-nodes=true".to_owned(),
            format!("--cidr={PODS}"),
            "--node-ip=127.0.0.1".to_owned(),
        ]
    }
}
