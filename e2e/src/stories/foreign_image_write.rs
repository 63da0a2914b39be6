//! An image that someone else writes (a script or a person; idle, in mid-rollout, in the bake) is not overwritten: the
//! stage is held, and says who wrote it and what to do. `Adopt` takes it, `Restore` puts ours back, nothing else helps.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{Shop, last};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let (idle, rolling, baking) = tokio::join!(while_idle(t), in_mid_rollout(t), in_the_bake(t));
    idle.and(rolling).and(baking)
}

async fn held(shop: &Shop<'_>, who: &str) -> Result<Value> {
    let is_held = |s: &Value| text(s, "/held/kind") == "ExternalChange";
    let stage = shop.stage_until("staging", "staging to be held", is_held).await?;
    let message = text(&stage, "/held/message");
    ensure!(message.contains(who) && message.contains("Adopt") && message.contains("Restore"), "it says: {message}");
    ensure!(stage["rollout"].is_null(), "a rollout goes on: {stage}");
    Ok(stage)
}

/// By a script, on what was delivered: the rest is told to wait, and `Restore` puts ours back.
async fn while_idle(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let ours = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.settled().await?;
    let theirs = cue::image("app", Cue::Good, "from-git");
    shop.write_image(&shop.staging, "deploy-script", &theirs).await?;
    held(&shop, "deploy-script").await?;
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    let is_told = |v: &Value| text(v, "/status/waitingFor").contains("deploy-script");
    shop.until("1.1.0", "1.1.0 to say what it waits for", is_told).await?;
    for r#type in ["Unhold", "Revert"] {
        let refused = shop.decide(r#type, json!({"environment": "staging"})).await?;
        let why = shop.decided(&refused, "Refused").await?;
        ensure!(why.contains("Adopt") && why.contains("Restore"), "{type} is refused with: {why}");
    }
    shop.keeps(&shop.staging, "checkout", &theirs).await?;

    // later releases wait no more once ours is back, so 1.1.0 must not hide what Restore wrote
    t.patch("release", &shop.home, "checkout-1.1.0", &json!({"spec": {"paused": true}})).await?;
    let restore = shop.decide("Restore", json!({"environment": "staging"})).await?;
    shop.decided(&restore, "Applied").await?;
    shop.comes_to_run(&shop.staging, &ours).await?;
    let stage = shop.stage_until("staging", "the hold to be over", |s| s["held"].is_null() && s["rollout"].is_null());
    let stage = stage.await?;
    ensure!(text(&stage, "/current/version") == "1.0.0", "current is {}", stage["current"]);
    t.patch("release", &shop.home, "checkout-1.1.0", &json!({"spec": {"paused": false}})).await?;
    shop.delivered("1.1.0").await.map(drop)
}

/// By a person, in mid-rollout: the rollout ends, `Adopt` takes the image as it is, the next release goes its way.
async fn in_mid_rollout(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    shop.deliver("1.0.0", 1, Cue::NeverReady).await?;
    shop.phase("1.0.0", "staging", "Progressing").await?;
    shop.comes_to_run(&shop.staging, &cue::image("app", Cue::NeverReady, "1.0.0")).await?;
    let theirs = cue::image("app", Cue::Good, "by-hand");
    let set = format!("app={theirs}");
    t.kubectl(["set", "image", "deployment/checkout", &set, "-n", &shop.staging]).await?.ok()?;
    let stage = held(&shop, "kubectl").await?;
    let line = last(&stage);
    ensure!(line["outcome"] == "Aborted" && text(&line, "/reason").contains("ExternalChange"), "{line}");
    shop.keeps(&shop.staging, "checkout", &theirs).await?;
    ensure!(t.list_json("decision", &shop.home, "").await?.is_empty(), "the release was banned for it");

    let adopt = shop.decide("Adopt", json!({"environment": "staging"})).await?;
    shop.decided(&adopt, "Applied").await?;
    let stage = shop.stage_until("staging", "the hold to be over", |s| s["held"].is_null()).await?;
    ensure!(text(&last(&stage), "/reason").contains("joe"), "history: {}", stage["history"]);
    shop.keeps(&shop.staging, "checkout", &theirs).await?;
    let next = shop.deliver("1.0.1", 2, Cue::Good).await?;
    shop.delivered("1.0.1").await?;
    shop.runs(&shop.production, &next).await
}

/// By a person, in the bake.
async fn in_the_bake(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["bake"] = json!("5m")).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.phase("1.0.0", "staging", "Delivered").await?;
    let theirs = cue::image("app", Cue::Good, "by-hand");
    shop.write_image(&shop.staging, "kubectl-edit", &theirs).await?;
    held(&shop, "kubectl-edit").await?;
    shop.keeps(&shop.staging, "checkout", &theirs).await?;
    let restore = shop.decide("Restore", json!({"environment": "staging"})).await?;
    shop.decided(&restore, "Applied").await?;
    shop.comes_to_run(&shop.staging, &cue::image("app", Cue::Good, "1.0.0")).await
}
