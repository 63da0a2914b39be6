//! What kstatus (and so Flux, Argo CD and kpt) makes of releases and pipeline in each phase: waiting for people, time or
//! evidence is Current, a change of the cluster InProgress, the newest release that ended badly Failed.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::kstatus::{Status, kstatus};
use crate::shop::{Shop, stage_phase};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    tokio::try_join!(people_and_evidence(t), bad_ends(t), no_verdict(t)).map(drop)
}

/// Waiting by hand, paused, Progressing, Verifying, Delivered, Reverted on request.
async fn people_and_evidence(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][0]["tests"] = json!([{"suite": "contract", "external": {}}]);
        p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    is(&pipeline(t, &shop).await?, "adopted", Status::Current)?;
    let mut paused = shop.release("1.8.0", 1, &crate::cue::image("app", Cue::Slow, "1.8.0"));
    paused["spec"]["paused"] = json!(true);
    t.apply(&paused.to_string()).await?;
    is(&settled(&shop, "1.8.0", "staging", "Waiting").await?, "paused", Status::Current)?;
    t.patch("release", &shop.home, "checkout-1.8.0", &json!({"spec": {"paused": false}})).await?;
    is(&settled(&shop, "1.8.0", "staging", "Progressing").await?, "rolling", Status::InProgress)?;
    is(&pipeline(t, &shop).await?, "the pipeline while it rolls", Status::InProgress)?;
    is(&settled(&shop, "1.8.0", "staging", "Verifying").await?, "tested", Status::Current)?;
    is(&pipeline(t, &shop).await?, "the pipeline while it tests", Status::Current)?;
    let run = shop.test_runs("1.8.0", "staging").await?.pop().unwrap_or_default();
    t.patch_status("testrun", &shop.home, name(&run), &json!({"status": {"phase": "Passed"}})).await?;
    is(&settled(&shop, "1.8.0", "staging", "Delivered").await?, "waiting for a Promote", Status::Current)?;
    shop.decide("Promote", json!({"environment": "production", "release": "checkout-1.8.0"})).await?;
    is(&settled(&shop, "1.8.0", "production", "Progressing").await?, "rolling in production", Status::InProgress)?;
    is(&settled(&shop, "1.8.0", "production", "Delivered").await?, "delivered", Status::Current)?;
    shop.settled().await?;
    is(&pipeline(t, &shop).await?, "the pipeline at rest", Status::Current)?;
    shop.edit(json!({"suspend": true})).await?;
    shop.pipeline_until("to have seen it", |v| v["status"]["observedGeneration"] == v["metadata"]["generation"]).await?;
    is(&pipeline(t, &shop).await?, "a suspended pipeline", Status::Current)?;
    shop.decide("Revert", json!({"environment": "production"})).await?;
    is(&settled(&shop, "1.8.0", "production", "Reverted").await?, "reverted by a person", Status::Current)?;
    is(&pipeline(t, &shop).await?, "a pipeline that is held", Status::Current)
}

/// Failed, Reverted, Reverting and Withdrawn as the newest; Superseded, Failed and Reverted beside a newer one.
async fn bad_ends(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.deployment(&shop.staging, "checkout", 2, "shop.invalid/none:0").await?;
    shop.adopt(|p| p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    shop.deliver("1.7.0", 1, Cue::CrashLoop).await?;
    is(&settled(&shop, "1.7.0", "staging", "Failed").await?, "failed with nothing to go back to", Status::Failed)?;
    is(&pipeline(t, &shop).await?, "the pipeline with an alert", Status::Failed)?;
    let good = shop.deliver("1.8.0", 2, Cue::Slow).await?;
    is(&settled(&shop, "1.8.0", "staging", "Delivered").await?, "the next good one", Status::Current)?;
    shop.calm("staging").await?;
    is(&pipeline(t, &shop).await?, "the pipeline after a good one", Status::Current)?;
    let old = settled(&shop, "1.7.0", "staging", "Failed").await?;
    is(&old, "failed, with a newer one there", Status::Current)?;
    shop.deliver("1.8.1", 3, Cue::PullError).await?;
    is(&settled(&shop, "1.8.1", "staging", "Reverted").await?, "the newest, reverted", Status::Failed)?;
    shop.deliver("1.8.2", 4, Cue::Good).await?;
    is(&settled(&shop, "1.8.2", "staging", "Delivered").await?, "the next good one", Status::Current)?;
    is(&settled(&shop, "1.8.0", "staging", "Superseded").await?, "superseded", Status::Current)?;
    is(&settled(&shop, "1.8.1", "staging", "Reverted").await?, "reverted, with a newer one there", Status::Current)?;
    shop.decide("Withdraw", json!({"release": "checkout-1.8.2"})).await?;
    is(&settled(&shop, "1.8.2", "staging", "Reverting").await?, "on the way back", Status::InProgress)?;
    is(&pipeline(t, &shop).await?, "the pipeline on the way back", Status::InProgress)?;
    is(&settled(&shop, "1.8.2", "staging", "Withdrawn").await?, "the newest, withdrawn", Status::Failed)?;
    shop.runs(&shop.staging, &good).await
}

/// Unverified: whether to try again is for people, and nothing is wrong with the build.
async fn no_verdict(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([{"suite": "contract", "external": {}}])).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    settled(&shop, "1.8.0", "staging", "Verifying").await?;
    // one that the operator has not noted yet would be made again
    let noted = || async {
        let runs = shop.test_runs("1.8.0", "staging").await?;
        Ok(runs.into_iter().find(|run| crate::story::text(run, "/status/phase") == "Running"))
    };
    let run = t.eventually(crate::shop::SOON, "the TestRun to be noted", noted).await?;
    t.delete("testrun", &shop.home, name(&run)).await?;
    is(&settled(&shop, "1.8.0", "staging", "Unverified").await?, "unverified", Status::Current)?;
    is(&pipeline(t, &shop).await?, "the pipeline of an unverified build", Status::Current)
}

/// The release in that phase, with a status of its present generation.
async fn settled(shop: &Shop<'_>, version: &str, environment: &str, phase: &str) -> Result<Value> {
    let is_there = |v: &Value| {
        stage_phase(v, environment) == phase && v["status"]["observedGeneration"] == v["metadata"]["generation"]
    };
    shop.until(version, &format!("to be {phase} in {environment}"), is_there).await
}

async fn pipeline(t: &Story, shop: &Shop<'_>) -> Result<Value> {
    t.get_json("dp", &shop.home, "checkout").await
}

fn is(object: &Value, when: &str, wanted: Status) -> Result<()> {
    let status = kstatus(object);
    ensure!(status == wanted, "{when}: {status:?}, not {wanted:?}; conditions: {}", object["status"]["conditions"]);
    Ok(())
}

fn name(object: &Value) -> &str {
    crate::story::text(object, "/metadata/name")
}
