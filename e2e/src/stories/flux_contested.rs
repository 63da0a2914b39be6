//! Flux carries an image in git and nothing guards ours: what it puts back is put right once; the second time it is let be
//! and the pipeline says who writes and what to do. With Flux's own ignore rule the next release goes its way and stays.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::flux::Flux;
use crate::settings::Settings;
use crate::shop::{Shop, deployment};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let _operator = t.start_operator(&Settings::default()).await?;
    let flux = Flux::start(t).await?;
    let gits = Shop::revision_0();
    let of = |ns: &str| deployment(ns, "checkout", 2, &gits).to_string();
    let commit = flux.git.commit("the shop", &[("apps/staging.yaml", of(&shop.staging))]).await?;
    flux.sync("apps", &json!({})).await?;
    flux.applied("apps", &commit).await?;
    // Flux may come before a rollout has ended, or after
    shop.adopt(|pipeline| pipeline["spec"]["stages"] = json!([{"environment": "staging", "bake": "1s"}])).await?;
    let warns = |v: &Value| condition(v, "ImagesGuarded", "reason") == "NoFieldGuard";
    shop.pipeline_until("the pipeline to warn of Flux", warns).await?;

    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let is_held = |s: &Value| text(s, "/held/kind") == "ImageContested" && s["rollout"].is_null();
    let stage = shop.stage_until("staging", "staging to be contested", is_held).await?;
    let said = text(&stage, "/held/message");
    ensure!(said.contains("kustomize-controller set") && said.contains("field guard"), "it says: {said}");
    ensure!(text(&stage, "/reasserted/0/by") == "kustomize-controller", "{}", stage["reasserted"]);
    shop.stalled("dp", "checkout", "ImageContested").await?;
    shop.keeps(&shop.staging, "checkout", &gits).await?;
    ensure!(shop.bans().await?.is_empty(), "it says nothing about the build");

    // the recipe of the README
    let rule = json!({"target": {"kind": "Deployment", "name": "checkout"}, "paths": ["/spec/template/spec/containers/0/image"]});
    flux.sync("apps", &json!({"ignore": [rule]})).await?;
    flux.until("apps", "Flux to go by its new rule", |v| v["status"]["observedGeneration"] == v["metadata"]["generation"]).await?;
    let adopt = shop.decide("Adopt", json!({"environment": "staging"})).await?;
    shop.decided(&adopt, "Applied").await?;
    let ours = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.delivered("1.1.0").await?;
    let again = flux.git.commit("a word", &[("apps/README.md", "the shop".to_owned())]).await?;
    flux.applied("apps", &again).await?;
    shop.keeps(&shop.staging, "checkout", &ours).await
}
