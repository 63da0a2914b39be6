//! A freeze stops a canary where it is, and lets nothing start; it is acknowledged when nothing that was planned before is under
//! way. An Abort goes back all the same. The namespace's own annotation freezes too, and so does that of the operator's namespace.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{A_WHILE, SOON, Shop, gate, share};
use crate::story::{Story, condition, text};

const REASON: &str = "stock-taking";

pub async fn run(t: &Story) -> Result<()> {
    let settings = crate::settings::Settings::default();
    let _operator = t.start_operator(&settings).await?;
    let shop = Shop::open(t).await?;
    shop.adopt_canary(4, json!([{"weight": 25, "pause": "4s"}, {"weight": 50, "pause": "1s"}])).await?;
    let (old, generation) = (shop.image(&shop.production, "checkout").await?, shop.generation().await?);
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.shows("1.0.0", "1/3 25 20").await?;
    shop.freeze(Some(REASON)).await?;
    let is_frozen = |v: &Value| condition(v, "Frozen", "status") == "True";
    let environment = ("environment", shop.home.as_str(), "production");
    let frozen = t.until(SOON, "the freeze to be acknowledged", environment, is_frozen).await?;
    let said = text(&frozen, "/status/freeze/source");
    ensure!(said == "spec.freeze" && text(&frozen, "/status/freeze/reason") == REASON, "its status is {}", frozen["status"]);
    let shown = t.kubectl(["get", "environment", "-n", &shop.home, "production"]).await?.ok()?;
    ensure!(shown.contains("frozen: stock-taking (spec.freeze)"), "kubectl shows {shown}");

    // once that is said nothing rises, however long its pause has been over
    let look = || async {
        let now = share(&shop.look("1.0.0").await?);
        Ok((now != "1/3 25 20").then_some(now))
    };
    t.never(Duration::from_secs(8), "a frozen canary goes on", look).await?;
    shop.waits("1.0.0", "frozen: stock-taking (spec.freeze); step 1/3 (25 %)").await?;
    let abort = shop.decide_in("production", "Abort", json!({})).await?;
    shop.decided(&abort, "Applied").await?;
    shop.home().await?;
    shop.untouched(&old, generation).await?;

    shop.deliver("1.1.0", 2, Cue::Good).await?;
    let release = shop.waits("1.1.0", "frozen: stock-taking (spec.freeze)").await?;
    let closed = gate(&release, "production", "freeze")?;
    ensure!(closed["state"] == "Closed" && closed["source"] == "policy", "the gate is {closed}");
    annotate(t, &shop.production, Some("audit")).await?;
    shop.freeze(None).await?;
    shop.waits("1.1.0", &format!("frozen: audit (namespace {})", shop.production)).await?;
    annotate(t, &settings.namespace, Some("")).await?;
    shop.waits("1.1.0", &format!("frozen: no reason given (namespace {})", settings.namespace)).await?;
    annotate(t, &shop.production, None).await?;
    shop.deliver("1.2.0", 3, Cue::Good).await?;
    shop.waits("1.2.0", "frozen: no reason given").await?;
    shop.untouched(&old, generation).await?;
    let look = || async { Ok((shop.clone().await?.is_some()).then(|| "a clone".to_owned())) };
    t.never(A_WHILE, "something starts", look).await?;
    annotate(t, &settings.namespace, None).await?;
    shop.delivered("1.2.0").await?;
    let is_over = |v: &Value| v.pointer("/status/freeze").is_none() && condition(v, "Frozen", "status").is_empty();
    t.until(SOON, "the freeze to be over", environment, is_over).await?;
    Ok(())
}

async fn annotate(t: &Story, namespace: &str, reason: Option<&str>) -> Result<()> {
    let annotation = match reason {
        Some(reason) => format!("windlass.dev/freeze={reason}"),
        None => "windlass.dev/freeze-".to_owned(),
    };
    t.kubectl(["annotate", "namespace", namespace, &annotation]).await?.ok()?;
    Ok(())
}
