//! A release leaves data that the one before cannot read. When it turns out bad it is not taken back by itself, nor by a person, and
//! says why; a release that reads the data goes out, and what can be read is gone back to.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"] = json!([{"environment": "production", "bake": "1s", "progressDeadline": "90s"}])).await?;
    deliver(&shop, "1.7.0", 1, Cue::Good, json!({"version": 4, "minReadable": 4})).await?;
    shop.rests("1.7.0", "production").await?;
    let bad = deliver(&shop, "1.8.0", 2, Cue::CrashLoop, json!({"version": 5, "minReadable": 5})).await?;
    let is_failed = |v: &Value| text(v, "/status/phase") == "Failed";
    let of = ("release", shop.home.as_str(), "checkout-1.8.0");
    t.until(SOON, "1.8.0 to have failed", of, is_failed).await?;
    shop.keeps(&shop.production, "checkout", &bad).await?;
    let why = "1.7.0 works with schema 4, and checkout-1.8.0 left what is read from 5 on (build.schema.minReadable)";
    let stage = shop.stage("production").await?;
    ensure!(text(&stage, "/alert/message").ends_with(why), "the alert is {}", stage["alert"]);
    for to in [Value::Null, json!("checkout-1.7.0")] {
        let revert = shop.decide_in("production", "Revert", json!({"to": to})).await?;
        shop.refused(&revert, why).await?;
    }
    shop.keeps(&shop.production, "checkout", &bad).await?;

    let good = deliver(&shop, "1.8.1", 3, Cue::Good, json!({"version": 5, "minReadable": 5})).await?;
    shop.rests("1.8.1", "production").await?;
    deliver(&shop, "1.9.0", 4, Cue::CrashLoop, json!({"version": 6, "minReadable": 5})).await?;
    shop.phase("1.9.0", "production", "Reverted").await?;
    shop.comes_to_run(&shop.production, &good).await?;
    deliver(&shop, "1.9.1", 5, Cue::Good, Value::Null).await?;
    shop.waits("1.9.1", "1.9.1 does not say its schema").await.map(drop)
}

async fn deliver(shop: &Shop<'_>, version: &str, minute: u32, behave: Cue, schema: Value) -> Result<String> {
    let image = cue::image("app", behave, version);
    let mut release = shop.release(version, minute, &image);
    if !schema.is_null() {
        release["spec"]["build"]["schema"] = schema;
    }
    shop.story().apply(&release.to_string()).await?;
    Ok(image)
}
