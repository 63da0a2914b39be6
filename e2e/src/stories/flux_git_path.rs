//! The pipeline lives in git, and Flux applies it and waits for it, under the chart's policies: a commit delivers, `git revert` goes back
//! and bans nothing, each with the revision that asked for it on record; what people decide outlives every reconcile; waiting for a
//! window is no failure, and a broken release is one.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::flux::Flux;
use crate::shop::{Guarded, Shop, stage_of};
use crate::story::{Story, text};

const TOOL: &str = "system:serviceaccount:flux-system:kustomize-controller";
const FILE: &str = "pipeline/pipeline.yaml";

pub async fn run(t: &Story) -> Result<()> {
    let guarded = Guarded::open(t, &["admission.user=stamp"], &[]).await?;
    let shop = &guarded.shop;
    let flux = Flux::start(t).await?;
    let bare = flux.git.commit("the pipeline", &[(FILE, shop.pipeline().to_string())]).await?;
    let exprs: Value = serde_saphyr::from_str(include_str!("../../../config/flux/health-check-exprs.yaml"))?;
    flux.sync("pipeline", &json!({"wait": true, "timeout": "60s", "healthCheckExprs": exprs})).await?;
    flux.applied("pipeline", &bare).await?;

    let first = flux.git.commit("1.0.0", &in_git(shop, "1.0.0", Cue::Good)).await?;
    let release = shop.delivered("1.0.0").await?;
    ensure!(text(&release, "/spec/requestedBy") == TOOL, "{}", release["spec"]);
    ensure!(release["status"]["by"].is_null(), "a service account is shown as a person: {}", release["status"]["by"]);
    comes_from(&release, &first)?;
    flux.applied("pipeline", &first).await?;
    let second = flux.git.commit("1.1.0", &in_git(shop, "1.1.0", Cue::Good)).await?;
    shop.delivered("1.1.0").await?;
    flux.applied("pipeline", &second).await?;

    // back by git
    let back = flux.git.revert(&second).await?;
    let older = cue::image("app", Cue::Good, "1.0.0");
    for (environment, ns) in [("staging", &shop.staging), ("production", &shop.production)] {
        let pipeline = shop.rests("1.0.0", environment).await?;
        let line = stage_of(&pipeline, environment)["history"].as_array().and_then(|h| h.last()).cloned().unwrap_or_default();
        ensure!(line["cause"] == "HeadMovedBack", "{environment} ends with {line}");
        shop.comes_to_run(ns, &older).await?;
    }
    ensure!(shop.bans().await?.is_empty(), "git bans nothing");
    flux.applied("pipeline", &back).await?;
    comes_from(&shop.look("1.0.0").await?, &back)?;
    outlives(shop, &flux).await?;
    waits_and_fails(shop, &flux).await
}

/// The commit that asked for a release last is on record, with what brought it.
fn comes_from(release: &Value, commit: &str) -> Result<()> {
    let origin = &release["status"]["origin"];
    let carrier = json!(["kustomize-controller", TOOL, "Kustomization", "flux-system", "pipeline"]);
    let found: Value = ["manager", "serviceAccount", "kind", "namespace", "name"].map(|key| origin[key].clone()).into();
    ensure!(found == carrier && text(origin, "/revision").ends_with(commit), "it comes from {origin}, and not {commit}");
    Ok(())
}

/// The pipeline with that head.
fn in_git(shop: &Shop<'_>, version: &str, cue: Cue) -> Vec<(&'static str, String)> {
    let mut pipeline = shop.pipeline();
    let image = cue::image("app", cue, version);
    pipeline["spec"]["release"] = json!({"version": version, "images": [{"name": "app", "ref": image}]});
    vec![(FILE, pipeline.to_string())]
}

/// A person takes production back. Neither a reconcile nor a commit that asks for nothing new brings it forward again.
async fn outlives(shop: &Shop<'_>, flux: &Flux<'_>) -> Result<()> {
    let forward = flux.git.commit("1.2.0", &in_git(shop, "1.2.0", Cue::Good)).await?;
    shop.delivered("1.2.0").await?;
    flux.applied("pipeline", &forward).await?;
    let revert = shop.decide("Revert", json!({"environment": "production"})).await?;
    shop.decided(&revert, "Applied").await?;
    let older = cue::image("app", Cue::Good, "1.0.0");
    shop.comes_to_run(&shop.production, &older).await?;
    let word = flux.git.commit("a word", &[("pipeline/README.md", "the shop".to_owned())]).await?;
    // that the head is not delivered, and why, is what Flux hears of it
    let said = flux.failed("pipeline", &word).await?;
    ensure!(said.contains("DeliveryPipeline"), "Flux says {said}");
    shop.keeps(&shop.production, "checkout", &older).await?;
    let held = shop.stage_text("production", "/held/kind").await?;
    ensure!(held == "Revert", "production is held for {held:?}");
    let unhold = shop.decide("Unhold", json!({"environment": "production"})).await?;
    shop.decided(&unhold, "Applied").await.map(drop)
}

/// `wait: true`: a closed window does not make Flux fail; a release that breaks does.
async fn waits_and_fails(shop: &Shop<'_>, flux: &Flux<'_>) -> Result<()> {
    shop.rules(json!({"windows": [{"allow": "0 3 29 2 *", "for": "1h", "timeZone": "UTC"}]})).await?;
    let waiting = flux.git.commit("1.3.0", &in_git(shop, "1.3.0", Cue::Good)).await?;
    shop.waits("1.3.0", "window opens").await?;
    flux.applied("pipeline", &waiting).await?;
    let broken = flux.git.commit("1.4.0", &in_git(shop, "1.4.0", Cue::CrashLoop)).await?;
    let said = flux.failed("pipeline", &broken).await?;
    ensure!(said.contains("DeliveryPipeline"), "Flux says {said}");
    shop.stalled("dp", "checkout", "HeadFailed").await.map(drop)
}
