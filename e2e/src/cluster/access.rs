//! Ways to speak to a cluster: clients and kubeconfig files as its administrator, as a user with groups, by token.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use super::Cluster;
use crate::kubeconfig::{self, Identity};
use crate::pki::{Pair, Pki};

impl Cluster {
    /// The administrator's kubeconfig.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.dir.join("admin.kubeconfig")
    }

    /// The administrator's, but the server is reached at another address, such as a proxy's.
    pub fn kubeconfig_at(&self, server: &str) -> Result<PathBuf> {
        let path = self.dir.join(&format!("at-{}.kubeconfig", server.replace(['/', ':'], "-")));
        save(&path, &kubeconfig::text(server, &self.pki.ca().cert, &Identity::Certificate(&self.admin)))?;
        Ok(path)
    }

    /// A kubeconfig that speaks with a bearer token, as one of a ServiceAccount.
    pub fn kubeconfig_with_token(&self, token: &str) -> Result<PathBuf> {
        self.kubeconfig(&Identity::Token(token))
    }

    /// A client that speaks as `user`, in a group if one is given, by a certificate of their own.
    pub async fn client_for_user(&self, user: &str, group: Option<&str>) -> Result<Client> {
        let pair = self.pki.client(user, group)?;
        client(&self.kubeconfig(&Identity::Certificate(&pair))?).await
    }

    /// A client that speaks with a bearer token.
    pub async fn client_with_token(&self, token: &str) -> Result<Client> {
        client(&self.kubeconfig_with_token(token)?).await
    }

    /// A fresh token of a ServiceAccount, valid for an hour.
    pub async fn service_account_token(&self, namespace: &str, name: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let asked = TokenRequest::default();
        let answer = accounts.create_token_request(name, &PostParams::default(), &asked).await;
        let answer = answer.with_context(|| format!("failed to get a token of {namespace}/{name}"))?;
        Ok(answer.status.and_then(|status| status.token).unwrap_or_default())
    }

    fn kubeconfig(&self, identity: &Identity<'_>) -> Result<PathBuf> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = self.dir.join(&format!("user-{}.kubeconfig", NEXT.fetch_add(1, Ordering::Relaxed)));
        save(&path, &kubeconfig::text(&self.server, &self.pki.ca().cert, identity))?;
        Ok(path)
    }
}

/// Writes the kubeconfig of a client certificate.
pub(super) fn write(path: &Path, server: &str, pki: &Pki, pair: &Pair) -> Result<PathBuf> {
    save(path, &kubeconfig::text(server, &pki.ca().cert, &Identity::Certificate(pair)))?;
    Ok(path.to_owned())
}

fn save(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// A client from a kubeconfig file; without the built-in retries, so that a story sees what happens.
pub(super) async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).context("failed to read a kubeconfig")?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.context("failed to understand a kubeconfig")?;
    config.default_retry = false;
    Client::try_from(config).context("failed to make a client")
}
