//! The git head forward, back and forward again: an ordinary delivery; at once back without suites, ban or hold; then the
//! same Release in a new attempt, with its suites run again.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop, stage_of, with_external_suite};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;
    let older = head(&shop, "1.8.0").await?;
    shop.report("1.8.0", "staging", "Passed").await?;
    let release = shop.delivered("1.8.0").await?;
    ensure!(text(&release, "/spec/build/createdAt").starts_with("20"), "it has no createdAt: {}", release["spec"]);
    let newer = head(&shop, "1.8.1").await?;
    shop.report("1.8.1", "staging", "Passed").await?;
    let first = shop.delivered("1.8.1").await?;
    shop.rests("1.8.1", "production").await?;
    let runs = t.list_json("testrun", &shop.home, "").await?.len();

    // back
    head(&shop, "1.8.0").await?;
    for (environment, ns) in [("staging", &shop.staging), ("production", &shop.production)] {
        let pipeline = shop.rests("1.8.0", environment).await?;
        let stage = stage_of(&pipeline, environment);
        let line = stage["history"].as_array().and_then(|h| h.last()).cloned().unwrap_or_default();
        ensure!(line["outcome"] == "Reverted" && line["cause"] == "HeadMovedBack", "{environment} ends with {line}");
        ensure!(stage["held"].is_null(), "{environment} is held: {}", stage["held"]);
        ensure!(shop.image(ns, "checkout").await? == older, "{environment} does not run 1.8.0");
    }
    let is_delivered = |v: &Value| condition(v, "Delivered", "status") == "True";
    t.until(SOON, "the head to be Delivered", ("dp", &shop.home, "checkout"), is_delivered).await?;
    shop.waits("1.8.1", "the head is 1.8.0").await?;
    shop.keeps(&shop.staging, "checkout", &older).await?;
    ensure!(t.list_json("testrun", &shop.home, "").await?.len() == runs, "a suite ran for what was proven");
    ensure!(shop.decisions("Ban").await?.is_empty(), "a head that moves back bans nothing");

    // forward again
    head(&shop, "1.8.1").await?;
    shop.phase("1.8.1", "staging", "Verifying").await?;
    shop.keeps(&shop.production, "checkout", &older).await?;
    shop.report("1.8.1", "staging", "Passed").await?;
    let second = shop.delivered("1.8.1").await?;
    ensure!(text(&second, "/metadata/uid") == text(&first, "/metadata/uid"), "it is another Release");
    let attempt = |v: &Value| text(stage_of(v, "staging"), "/attempt").to_owned();
    ensure!(attempt(&second) != attempt(&first), "it is the same attempt");
    ensure!(shop.image(&shop.production, "checkout").await? == newer, "production does not run 1.8.1");
    Ok(())
}

/// Commits a version as the head; gives its image.
async fn head(shop: &Shop<'_>, version: &str) -> Result<String> {
    let image = cue::image("app", Cue::Good, version);
    shop.edit(json!({"release": {"version": version, "images": [{"name": "app", "ref": image}]}})).await?;
    Ok(image)
}
