//! Flux carries the Deployments in git, with images of its own. Under the field guard Windlass' image stays through every
//! reconcile, without a write and without a word; what else git changes arrives; and people are not bound.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::flux::Flux;
use crate::shop::{Guarded, SOON, Shop, deployment};
use crate::story::{Story, text};

/// Some reconciles of Flux.
const RECONCILES: Duration = Duration::from_secs(8);

pub async fn run(t: &Story) -> Result<()> {
    let guarded = Guarded::open(t, &["admission.user=stamp"], &[]).await?;
    let shop = &guarded.shop;
    let flux = Flux::start(t).await?;
    let first = flux.git.commit("the shop", &in_git(shop, "revision-0", "one")).await?;
    flux.sync("apps", &json!({})).await?;
    flux.applied("apps", &first).await?;
    shop.adopt(|_| {}).await?;
    let ours = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.settled().await?;

    let before = looks(t, shop).await?;
    tokio::time::sleep(RECONCILES).await;
    let after = looks(t, shop).await?;
    ensure!(before == after, "Flux writes: {before:?}, and then {after:?}");

    // what git changes beside the image arrives, and git's new image does not
    let second = flux.git.commit("a setting, and an image", &in_git(shop, "from-git", "two")).await?;
    flux.applied("apps", &second).await?;
    for ns in [&shop.staging, &shop.production] {
        let live = t.cluster().objects().get("deploy", ns, "checkout").await?;
        ensure!(setting(&live) == "two", "git's setting is not there: {}", live["spec"]["template"]);
        shop.keeps(ns, "checkout", &ours).await?;
    }
    let newer = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.delivered("1.1.0").await?;
    let pipeline = shop.settled().await?;
    let told = pipeline["status"]["stages"].as_array().cloned().unwrap_or_default();
    ensure!(told.iter().all(|s| s["reasserted"].is_null() && s["held"].is_null()), "something was put right: {told:?}");

    // people are not bound by it
    let theirs = cue::image("app", Cue::Good, "by-hand");
    shop.set_image(&shop.production, "checkout", &theirs).await?;
    let is_held = |s: &Value| text(s, "/held/kind") == "ExternalChange";
    shop.stage_until("production", "production to be held", is_held).await?;
    shop.keeps(&shop.production, "checkout", &theirs).await?;
    let restore = shop.decide("Restore", json!({"environment": "production"})).await?;
    shop.decided(&restore, "Applied").await?;
    shop.comes_to_run(&shop.production, &newer).await
}

/// What Flux finds: both Deployments, with that image and that setting.
fn in_git(shop: &Shop<'_>, version: &str, setting: &str) -> Vec<(&'static str, String)> {
    let of = |ns: &str| {
        let mut deployment = deployment(ns, "checkout", 2, &cue::image("app", Cue::Good, version));
        deployment["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "SETTING", "value": setting}]);
        deployment.to_string()
    };
    vec![("apps/staging.yaml", of(&shop.staging)), ("apps/production.yaml", of(&shop.production))]
}

fn setting(deployment: &Value) -> &str {
    text(deployment, "/spec/template/spec/containers/0/env/0/value")
}

/// How the server has the Deployments: generation and image. A write of Flux would raise the one.
async fn looks(t: &Story, shop: &Shop<'_>) -> Result<Vec<(Value, String)>> {
    let mut all = Vec::new();
    for ns in [&shop.staging, &shop.production] {
        let live = t.until(SOON, "the Deployment", ("deploy", ns, "checkout"), |v| setting(v) == "one").await?;
        let image = text(&live, "/spec/template/spec/containers/0/image").to_owned();
        all.push((live["metadata"]["generation"].clone(), image));
    }
    Ok(all)
}
