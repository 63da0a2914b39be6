//! A weekly train: production's only window opens once a week, on a weekday and an hour of its own time zone. When it does, the newest
//! proven build goes, and no other: an older proven one is skipped, a newer one that is not proven waits for the next.

use anyhow::{Result, ensure};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{Shop, full_minute, opens, stage_of, with_external_suite};
use crate::story::{Story, text};

/// Daylight saving counts there.
const ZONE: &str = "Europe/London";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    // far enough away that three releases come to staging before
    let leaves = full_minute(ZONE, 110)?;
    let train = json!([{"allow": leaves.strftime("%-M %-H * * %a").to_string().to_uppercase(), "for": "1m", "timeZone": ZONE}]);
    shop.rules(json!({"windows": train})).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;
    for (version, minute) in [("1.0.0", 1), ("1.1.0", 2)] {
        shop.deliver(version, minute, Cue::Good).await?;
        shop.report(version, "staging", "Passed").await?;
        shop.rests(version, "staging").await?;
    }
    shop.waits("1.1.0", &opens(&leaves)).await?;
    // it is in staging when the train leaves
    shop.deliver("1.2.0", 3, Cue::Good).await?;
    shop.phase("1.2.0", "staging", "Verifying").await?;
    ensure!(Timestamp::now() < leaves.timestamp(), "the machine was too slow: the train has left");

    let release = shop.phase("1.1.0", "production", "Delivered").await?;
    let started: Timestamp = text(stage_of(&release, "production"), "/startedAt").parse()?;
    let late = started.duration_since(leaves.timestamp());
    ensure!(!late.is_negative() && late.as_secs() < 30, "it left {late:?} after its time");
    let is_skipped = |v: &Value| text(stage_of(v, "production"), "/phase") == "Superseded";
    shop.until("1.0.0", "to be skipped", is_skipped).await?;
    ensure!(text(stage_of(&shop.look("1.0.0").await?, "production"), "/attempt").is_empty(), "it travelled as well");

    // it is proven when the doors are shut
    let is_shut = |v: &Value| v.pointer("/status/window/open") == Some(&json!(false));
    let minute = std::time::Duration::from_secs(90);
    t.until(minute, "the window to close", ("environment", &shop.home, "production"), is_shut).await?;
    shop.report("1.2.0", "staging", "Passed").await?;
    let next = leaves.checked_add(1.week())?;
    shop.waits("1.2.0", &opens(&next)).await?;
    shop.keeps(&shop.production, "checkout", &cue::image("app", Cue::Good, "1.1.0")).await?;
    let history = shop.history("production").await?;
    let travelled: Vec<&str> = history.iter().map(|(release, _)| release.as_str()).filter(|r| !r.is_empty()).collect();
    ensure!(travelled == ["checkout-1.1.0"], "production has seen {history:?}");
    Ok(())
}
