//! CI reports a pass that covers less than the pipeline asks for: the build goes back, and its TestRun says Failed and why. One that
//! covers enough goes on, and the release shows how much.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop, stage_of};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let suite = json!([{"suite": "unit", "external": {}, "minimumCoverage": 80}]);
    shop.adopt(|pipeline| pipeline["spec"]["stages"][0]["tests"] = suite).await?;
    let before = shop.image(&shop.staging, "checkout").await?;

    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let run = shop.reports("1.0.0", "staging", json!({"phase": "Passed", "coverage": 79.99})).await?;
    shop.phase("1.0.0", "staging", "Reverted").await?;
    let why = "coverage is 79.99 %, and must be at least 80 % (minimumCoverage)";
    let is_told = |v: &serde_json::Value| text(v, "/status/phase") == "Failed" && text(v, "/status/message") == why;
    t.until(SOON, "the TestRun to say why", ("testrun", &shop.home, &run), is_told).await?;
    shop.runs(&shop.staging, &before).await?;
    ensure!(shop.bans().await?.len() == 1, "it is not banned");

    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.reports("1.1.0", "staging", json!({"phase": "Passed", "coverage": 80})).await?;
    let release = shop.delivered("1.1.0").await?;
    let shown = &stage_of(&release, "staging")["tests"][0];
    ensure!(shown["coverage"].as_f64() == Some(80.0), "the release shows {shown}");
    Ok(())
}
