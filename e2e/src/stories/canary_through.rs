//! A canary by the number of pods: five per cent of three pods is one of four, and says so; the clone stands behind the same
//! Service, carries nothing that a GitOps tool knows as its own, and goes when the workload has been rolled.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, share, stage_of};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let tools = json!({
        "labels": {"kustomize.toolkit.fluxcd.io/name": "shop", "app.kubernetes.io/managed-by": "Helm", "argocd.argoproj.io/instance": "shop"},
        "annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout", "meta.helm.sh/release-name": "shop"},
    });
    t.patch("deploy", &shop.production, "checkout", &json!({"metadata": tools})).await?;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout", "namespace": shop.production},
        "spec": {"selector": {"app": "checkout"}, "ports": [{"port": 8080}]},
    });
    t.apply(&service.to_string()).await?;
    shop.adopt_canary(3, json!([{"weight": 5, "pause": "3s"}, {"weight": 50, "pause": "1s"}])).await?;
    let generation = shop.generation().await?;
    let old = shop.image(&shop.production, "checkout").await?;

    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.shows("1.8.0", "1/3 5 25").await?;
    let stage = stage_of(&release, "production");
    let message = text(stage, "/message");
    ensure!(message.starts_with("step 1/3 (5 %) is watched until "), "it says {message}");
    let clone = shop.exposed(1).await?;
    ensure!(text(&clone, "/spec/template/spec/containers/0/image") == new, "the clone runs something else");
    ensure!(clone["metadata"]["labels"] == json!({"windlass.dev/track": "canary"}), "labels: {}", clone["metadata"]["labels"]);
    let annotations = clone["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let foreign: Vec<&String> = annotations.keys().filter(|k| !k.starts_with("windlass.dev/") && !k.starts_with("deployment.kubernetes.io/")).collect();
    ensure!(foreign.is_empty(), "the clone carries {foreign:?}");
    behind_service(&shop, 4).await?;
    shop.untouched(&old, generation).await?;

    shop.shows("1.8.0", "2/3 50 50").await?;
    let release = shop.delivered("1.8.0").await?;
    ensure!(share(&release).is_empty() || share(&release) == "3/3 100 50", "it shows {}", share(&release));
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    ensure!(shop.history("production").await? == [("checkout-1.8.0".to_owned(), "Delivered".to_owned())], "{:?}", shop.history("production").await?);
    shop.is_still("something is written after the canary is home").await
}

/// Waits until so many endpoints are ready behind the Service.
async fn behind_service(shop: &Shop<'_>, wanted: usize) -> Result<()> {
    let ready = || async {
        let slices = shop.story().list_json("endpointslice", &shop.production, "kubernetes.io/service-name=checkout").await?;
        let endpoints = slices.iter().filter_map(|s| s["endpoints"].as_array()).flatten();
        let ready = endpoints.filter(|e: &&Value| e["conditions"]["ready"] == true).count();
        ensure!(ready == wanted, "{ready} endpoints are ready");
        Ok(Some(()))
    };
    shop.story().eventually(SOON, &format!("{wanted} endpoints behind the Service"), ready).await
}
