//! A Promote stands until the evidence is there and says what it waits for; a later one in the same environment replaces it.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, with_external_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| {
        with_external_suite(pipeline, 0);
        pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let revision_0 = shop.image(&shop.production, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.phase("1.0.0", "staging", "Verifying").await?;
    let second = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.waits("1.1.0", "1.0.0 to finish in staging").await?;

    let replaced = shop.decide_on("1.0.0", "production", "Promote").await?;
    let reason = shop.decided(&replaced, "Pending").await?;
    ensure!(reason.contains("not proven in staging yet"), "it stands with: {reason}");
    let later = shop.decide_on("1.1.0", "production", "Promote").await?;
    shop.refused(&replaced, "a later Promote or Retry in this environment took its place").await?;
    shop.decided(&later, "Pending").await?;
    shop.keeps(&shop.production, "checkout", &revision_0).await?;

    // 1.0.0 is proven and still not wanted; 1.1.0 goes on by itself once it is
    shop.report("1.0.0", "staging", "Passed").await?;
    shop.phase("1.1.0", "staging", "Verifying").await?;
    shop.keeps(&shop.production, "checkout", &revision_0).await?;
    let decision = t.get_json("decision", &shop.home, &later).await?;
    ensure!(text(&decision, "/status/phase") == "Pending", "it was used before the evidence was there: {decision}");
    shop.report("1.1.0", "staging", "Passed").await?;
    shop.decided(&later, "Applied").await?;
    shop.delivered("1.1.0").await?;
    ensure!(shop.image(&shop.production, "checkout").await? == second, "production does not run 1.1.0");
    let history = shop.history("production").await?;
    ensure!(history.iter().all(|(release, _)| release == "checkout-1.1.0"), "1.0.0 was in production: {history:?}");
    Ok(())
}
