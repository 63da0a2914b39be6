//! Suites about the build itself: nothing is exposed before CI has reported each of them as passed for this very release; one that
//! fails keeps the build out and is told; one that fails later takes what is under way back, and bans nothing.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, gate};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let tests = json!([{"suite": "unit", "external": {}}, {"suite": "scan", "external": {}, "minimumCoverage": 80}]);
    shop.adopt(|pipeline| {
        pipeline["spec"]["tests"] = tests;
        pipeline["spec"]["stages"][0]["tests"] = json!([{"suite": "api", "external": {}, "timeout": "10m"}]);
    })
    .await?;

    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.waits("1.0.0", "tests of the build: unit, scan").await?;
    let waits = gate(&shop.look("1.0.0").await?, "staging", "buildTests")?;
    let runs = shop.test_runs("1.0.0", "build").await?;
    ensure!(runs.len() == 2, "its TestRuns are {runs:?}");
    let unit = text(&runs[1], "/metadata/name");
    ensure!(text(&waits, "/change") == format!("its result in the TestRun {unit}"), "it waits for {waits}");
    shop.is_untouched(&shop.staging).await?;
    says(&shop, "1.0.0", "unit", json!({"phase": "Passed", "counts": {"total": 40, "passed": 40}})).await?;
    shop.waits("1.0.0", "tests of the build: scan").await?;
    says(&shop, "1.0.0", "scan", json!({"phase": "Passed", "coverage": 91.5})).await?;
    shop.report("1.0.0", "staging", "Passed").await?;
    let release = shop.delivered("1.0.0").await?;
    let told = release["status"]["buildTests"].to_string();
    ensure!(told.contains("91.5") && told.contains("40"), "the release tells {told}");
    shop.rests("1.0.0", "production").await?;

    // a bad one is never exposed
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    says(&shop, "1.1.0", "unit", json!({"phase": "Failed", "message": "3 of 40 failed"})).await?;
    let stalled = |v: &serde_json::Value| condition(v, "Stalled", "reason") == "BuildTestFailed";
    let bad = shop.until("1.1.0", "to say so", stalled).await?;
    ensure!(text(&bad, "/status/waitingFor") == "suite unit failed for this build: 3 of 40 failed", "{}", bad["status"]);
    shop.keeps(&shop.staging, "checkout", &image).await?;

    // one that is found bad while it is under way goes back
    let third = shop.deliver("1.2.0", 3, Cue::Good).await?;
    says(&shop, "1.2.0", "unit", json!({"phase": "Passed"})).await?;
    says(&shop, "1.2.0", "scan", json!({"phase": "Passed", "coverage": 80})).await?;
    shop.comes_to_run(&shop.staging, &third).await?;
    says(&shop, "1.2.0", "unit", json!({"phase": "Failed"})).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    shop.phase("1.2.0", "staging", "Reverted").await?;
    let last = shop.last("staging").await?;
    ensure!(last["cause"] == "EvidenceWithdrawn" && last["outcome"] == "Reverted", "it ends with {last}");
    ensure!(shop.bans().await?.is_empty(), "it is banned");
    shop.keeps(&shop.production, "checkout", &image).await
}

/// CI reports a suite about the build itself.
async fn says(shop: &Shop<'_>, version: &str, suite: &str, status: serde_json::Value) -> Result<()> {
    let t = shop.story();
    let find = || async {
        let runs = shop.test_runs(version, "build").await?;
        Ok(runs.into_iter().find(|run| text(run, "/spec/suite") == suite))
    };
    let run = t.eventually(crate::shop::SOON, &format!("a TestRun of {suite} about {version}"), find).await?;
    let name = text(&run, "/metadata/name");
    t.patch_status("testrun", &shop.home, name, &json!({"status": status})).await?;
    Ok(())
}
