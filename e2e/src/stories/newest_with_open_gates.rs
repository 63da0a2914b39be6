//! Releases arrive faster than suites run. Staging always takes the newest, production each proven one as soon as it may;
//! neither starves, and what was skipped is Superseded.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop, cron_job};
use crate::story::Story;

/// So many may come before the first one is in production.
const MANY: u32 = 20;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.apply(&cron_job(&shop.staging, "api-tests", &json!([])).to_string()).await?;
    shop.adopt(|pipeline| {
        let suite = json!([{"suite": "api", "job": {"cronJob": "api-tests", "containers": []}, "timeout": "30s"}]);
        pipeline["spec"]["stages"][0]["tests"] = suite;
    })
    .await?;
    // they keep coming until production has got one; how soon that is depends on the machine
    let mut number = 0;
    while number < 5 || shop.history("production").await?.is_empty() {
        number += 1;
        ensure!(number <= MANY, "nothing reached production while {MANY} releases came");
        shop.deliver(&version(number), number, Cue::Good).await?;
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let last = version(number);
    shop.delivered(&last).await?;
    shop.rests(&last, "staging").await?;
    shop.rests(&last, "production").await?;

    let (staging, production) = (shop.history("staging").await?, shop.history("production").await?);
    for (environment, history) in [("staging", &staging), ("production", &production)] {
        ensure!(history.is_sorted_by(|a, b| a.0 < b.0), "{environment} did not only go forward: {history:?}");
    }
    ensure!(staging.len() >= 2, "staging starved: {staging:?}");
    ensure!(production.len() >= 2, "production starved: {production:?}");
    let was_proven = |release: &String| staging.iter().any(|(r, _)| r == release);
    ensure!(production.iter().all(|(r, _)| was_proven(r)), "production took what staging had not proven");
    for number in 1..number {
        let version = version(number);
        t.until(SOON, &format!("{version} to be Superseded"), ("release", &shop.home, &format!("checkout-{version}")), |v| {
            ["staging", "production"].iter().all(|e| crate::shop::stage_phase(v, e) == "Superseded")
        })
        .await?;
    }
    Ok(())
}

/// Names of two digits, so that their order is that of the releases.
fn version(number: u32) -> String {
    format!("1.0.{}", 10 + number)
}
