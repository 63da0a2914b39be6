//! When a cluster is ready: the API server says so, a default ServiceAccount exists, and the controllers have looked
//! at a first Deployment. `/readyz` alone comes earlier than working controllers.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{Cluster, Options};
use crate::crds;

const LIMIT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(40);

impl Cluster {
    /// Waits for `/readyz`.
    pub(super) async fn answers(&self) -> Result<()> {
        let client = self.client();
        self.until("/readyz says ok", || async {
            let request = http_get("/readyz")?;
            Ok(client.request_text(request).await? == "ok")
        })
        .await
    }

    /// Nodes, CRDs, and the proof that the controllers work.
    pub(super) async fn furnish(&self, options: &Options) -> Result<()> {
        let nodes = async {
            for index in 0..options.nodes {
                let node =
                    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": format!("node-{index}") } });
                self.objects.create(&node).await.context("failed to create a node")?;
            }
            Ok(())
        };
        let definitions = async { if options.crds { crds::apply_all(&self.objects).await } else { Ok(()) } };
        tokio::try_join!(nodes, definitions, self.controllers_work())?;
        Ok(())
    }

    async fn controllers_work(&self) -> Result<()> {
        let name = "windlass-e2e-first";
        let pod = json!({ "containers": [{ "name": "app", "image": "registry.test/first" }] });
        let first = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": "default" },
            "spec": {
                "replicas": 0,
                "selector": { "matchLabels": { "app": name } },
                "template": { "metadata": { "labels": { "app": name } }, "spec": pod },
            },
        });
        self.objects.create(&first).await.context("failed to create a first Deployment")?;
        self.until("a controller observed the first Deployment", || async {
            let seen = self.objects.get("deployment", "default", name).await?;
            Ok(seen.pointer("/status/observedGeneration").is_some())
        })
        .await?;
        self.until("there is a default ServiceAccount", || async {
            Ok(self.objects.find("serviceaccount", "default", "default").await?.is_some())
        })
        .await?;
        self.objects.delete("deployment", "default", name).await
    }

    async fn until<F, R>(&self, what: &str, check: F) -> Result<()>
    where
        F: Fn() -> R,
        R: Future<Output = Result<bool>>,
    {
        let started = Instant::now();
        loop {
            let outcome = check().await;
            if matches!(outcome, Ok(true)) {
                return Ok(());
            }
            self.fail_if_dead()?;
            if started.elapsed() > LIMIT {
                let last = outcome.err().map(|error| format!("; at last: {error:#}")).unwrap_or_default();
                bail!("the test cluster is not ready after {} s: {what} is not so{last}", LIMIT.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn http_get(path: &str) -> Result<http::Request<Vec<u8>>> {
    http::Request::get(path).body(Vec::new()).context("failed to build a request")
}
