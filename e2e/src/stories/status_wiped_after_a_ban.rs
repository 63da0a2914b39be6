//! The status of all objects is lost, as after a restored backup. What runs is adopted again, the ban still binds by its
//! own object, old decisions do not act a second time, and nothing rolls forwards or backwards.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{Shop, endings, stage_of, stage_phase};
use crate::story::{Story, text};

const KINDS: [&str; 5] = ["dp", "release", "environment", "testrun", "decision"];

pub async fn run(t: &Story) -> Result<()> {
    let operator = t.start_operator(&Settings::default()).await?;
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    let image = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.delivered("1.1.0").await?;
    shop.deliver("1.2.0", 3, Cue::CrashLoop).await?;
    shop.phase("1.2.0", "staging", "Reverted").await?;
    shop.settled().await?;
    // acts that would change everything if they acted again
    let revert = shop.decide("Revert", json!({"environment": "production"})).await?;
    shop.decided(&revert, "Applied").await?;
    shop.settled().await?;
    let unhold = shop.decide("Unhold", json!({"environment": "production"})).await?;
    shop.decided(&unhold, "Applied").await?;
    let promote = shop.decide("Promote", json!({"environment": "production", "release": "checkout-1.1.0"})).await?;
    shop.decided(&promote, "Applied").await?;
    shop.delivered("1.1.0").await?;
    shop.settled().await?;

    operator.stop().await?;
    wipe(t, &shop).await?;
    let _operator = t.start_operator(&Settings::default()).await?;
    let is_adopted = |v: &Value| ["staging", "production"].iter().all(|e| stage_of(v, e)["adopted"].is_string());
    shop.pipeline_until("both stages to be adopted again", is_adopted).await?;
    for name in [&revert, &unhold, &promote] {
        shop.decided(name, "Expired").await?;
    }
    let banned = |v: &Value| text(v, "/status/waitingFor").contains("banned in staging");
    shop.until("1.2.0", "the ban to bind", banned).await?;
    for ns in [&shop.staging, &shop.production] {
        shop.keeps(ns, "checkout", &image).await?;
    }
    let pipeline = shop.settled().await?;
    for name in ["staging", "production"] {
        let stage = stage_of(&pipeline, name);
        ensure!(text(stage, "/current/version") == "1.1.0" && endings(stage).is_empty(), "{name}: {stage}");
        ensure!(stage["held"].is_null(), "{name} is held: {stage}");
    }
    let old = t.get_json("release", &shop.home, "checkout-1.0.0").await?;
    ensure!(stage_phase(&old, "production") == "Superseded", "1.0.0: {}", old["status"]);
    let next = shop.deliver("1.3.0", 4, Cue::Good).await?;
    shop.delivered("1.3.0").await?;
    shop.runs(&shop.production, &next).await
}

async fn wipe(t: &Story, shop: &Shop<'_>) -> Result<()> {
    for kind in KINDS {
        for object in t.list_json(kind, &shop.home, "").await? {
            let name = text(&object, "/metadata/name");
            t.patch_status(kind, &shop.home, name, &json!({"status": null})).await?;
            let wiped = t.get_json(kind, &shop.home, name).await?;
            ensure!(wiped["status"]["stages"].is_null() && wiped["status"]["phase"].is_null(), "{kind} {name}: {wiped}");
        }
    }
    Ok(())
}
