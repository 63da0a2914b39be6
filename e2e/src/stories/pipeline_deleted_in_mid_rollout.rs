//! A pipeline that is deleted in mid-rollout goes when the images are back and its Jobs gone. Idle, images stay. A new one
//! of the same name adopts, and the Bans still bind.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop, cron_job};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let hangs = json!([{"name": "BEHAVE", "value": Cue::JobHangs.word()}]);
    t.apply(&cron_job(&shop.staging, "api-tests", &hangs).to_string()).await?;
    shop.adopt(|pipeline| {
        let suite = json!([{"suite": "api", "job": {"cronJob": "api-tests", "containers": []}}]);
        pipeline["spec"]["stages"][0]["tests"] = suite;
    })
    .await?;
    let before = shop.image(&shop.staging, "checkout").await?;
    shop.deliver("0.9.0", 1, Cue::CrashLoop).await?;
    shop.phase("0.9.0", "staging", "Reverted").await?;
    let good = shop.deliver("1.0.0", 2, Cue::Good).await?;
    shop.phase("1.0.0", "staging", "Verifying").await?;
    let job = || async { Ok(t.list_json("job", &shop.staging, "").await?.pop()) };
    t.eventually(SOON, "the Job of its suite", job).await?;

    t.delete("dp", &shop.home, "checkout").await?;
    shop.gone("dp", &shop.home, "checkout").await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == before, "it went before the previous build was back");
    let jobs: Vec<_> = t.list_json("job", &shop.staging, "").await?;
    ensure!(jobs.iter().all(|j| j["metadata"]["deletionTimestamp"].is_string()), "a Job is left");
    ensure!(shop.decisions("Ban").await?.len() == 1, "the Ban went with it");

    // a new one of the same name: the banned release is none, so the other one goes its way
    shop.adopt(|_| {}).await?;
    shop.delivered("1.0.0").await?;
    shop.rests("1.0.0", "production").await?;
    let promote = shop.decide_on("0.9.0", "staging", "Promote").await?;
    shop.refused(&promote, "is banned in staging").await?;

    // idle: images stay, and the next one takes them as they are
    t.delete("dp", &shop.home, "checkout").await?;
    shop.gone("dp", &shop.home, "checkout").await?;
    shop.keeps(&shop.production, "checkout", &good).await?;
    shop.adopt(|_| {}).await?;
    shop.delivered("1.0.0").await?;
    ensure!(shop.history("production").await?.is_empty(), "it rolled out what runs");
    ensure!(shop.stage_text("production", "/current/release").await? == "checkout-1.0.0", "it runs something else");
    Ok(())
}
