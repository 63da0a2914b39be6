//! An Environment's windows: a release waits for the opening and says when that is; what has started goes on when the window
//! closes; what would not finish before that does not start; a window that cannot be read is shut, and says so.

use anyhow::{Result, ensure};
use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, full_minute, gate, opens, stage_of, with_external_suite};
use crate::story::{Story, text};

/// Where the shop is: far from UTC, and not by whole hours.
const ZONE: &str = "Asia/Kolkata";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let opening = full_minute(ZONE, 85)?;
    shop.rules(json!({"windows": [at(&opening, "1m")]})).await?;
    shop.adopt(|pipeline| {
        with_external_suite(pipeline, 1);
        pipeline["spec"]["stages"][1]["strategy"] = json!({"canary": {"steps": [{"weight": 50, "pause": "5s"}]}});
    })
    .await?;
    let before = shop.image(&shop.production, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let release = shop.waits("1.0.0", "window opens").await?;
    let told = opens(&opening);
    ensure!(text(&release, "/status/waitingFor") == told, "it waits for {:?}", text(&release, "/status/waitingFor"));
    let closed = gate(&release, "production", "window")?;
    ensure!(closed["state"] == "Closed" && closed["source"] == "policy", "the gate is {closed}");
    let shown = t.kubectl(["get", "environment", "-n", &shop.home, "production"]).await?.ok()?;
    ensure!(shown.contains(&told), "kubectl shows {shown}");
    shop.keeps(&shop.production, "checkout", &before).await?;

    // it starts when the window opens, and goes on when it has closed
    let is_exposed = |v: &Value| text(stage_of(v, "production"), "/phase") == "Verifying";
    let started = shop.until("1.0.0", "to start", is_exposed).await?;
    let at_start: Timestamp = text(stage_of(&started, "production"), "/startedAt").parse()?;
    let late = at_start.duration_since(opening.timestamp());
    ensure!(!late.is_negative() && late.as_secs() < 30, "it started {late:?} after the window opened");
    let is_shut = |v: &Value| v.pointer("/status/window/open") == Some(&json!(false));
    let minute = std::time::Duration::from_secs(90);
    t.until(minute, "the window to close", ("environment", &shop.home, "production"), is_shut).await?;
    ensure!(shop.phase_now("1.0.0", "production").await? == "Verifying", "it is to be under way still");
    shop.report("1.0.0", "production", "Passed").await?;
    shop.delivered("1.0.0").await?;

    // an open window, and more to do than fits
    let hour = Timestamp::now().to_zoned(TimeZone::get(ZONE)?).checked_sub(10.minutes())?;
    shop.rules(json!({"windows": [at(&hour, "1h")]})).await?;
    let steps = json!({"canary": {"steps": [{"weight": 50, "pause": "2h"}]}});
    shop.edit(json!({"stages": [
        {"environment": "staging", "bake": "1s"},
        {"environment": "production", "bake": "1s", "strategy": steps},
    ]}))
    .await?;
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.waits("1.1.0", "no window is open for 2h, which is what its steps take at least").await?;
    shop.rules(json!({"windows": [at(&hour, "1h"), {"allow": "0 0 1 * *", "for": "3h", "timeZone": ZONE}]})).await?;
    shop.waits("1.1.0", "would not finish before the window closes").await?;

    // shut, and named, where it cannot be read
    shop.rules(json!({"windows": [{"allow": "0 9 * * *", "for": "8h", "timeZone": "Europe/Lundon"}]})).await?;
    shop.waits("1.1.0", r#"spec.windows[0].timeZone: "Europe/Lundon" is not a time zone"#).await?;
    shop.stalled("environment", "production", "InvalidWindow").await?;
    shop.rules(json!({"windows": []})).await?;
    shop.until("1.1.0", "to start", |v| text(stage_of(v, "production"), "/phase") == "Progressing").await?;
    Ok(())
}

/// A window that opens then, once a day.
fn at(opening: &Zoned, span: &str) -> Value {
    json!({"allow": opening.strftime("%-M %-H * * *").to_string(), "for": span, "timeZone": ZONE})
}
