//! What checks make of single bad samples, of an idle service, and of the revision before: bad now and then is delivered;
//! idle is good where a query of its own shows it, and is told; worse than before goes back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::check_errors_reverted::errors;
use crate::cue::Cue;
use crate::metrics::{Answer, Metrics};
use crate::shop::{Shop, stage_of};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let (flaps, idle, better, worse) = tokio::join!(flaps(t), idle(t), compared(t, "0.3", true), compared(t, "0.5", false));
    flaps.and(idle).and(better).and(worse)
}

/// A shop whose staging is checked; the check is changed before.
async fn checked<'t>(t: &'t Story, change: impl FnOnce(&mut Value)) -> Result<Shop<'t>> {
    let shop = Shop::open(t).await?;
    let mut check = errors();
    change(&mut check);
    shop.adopt(|p| {
        p["spec"]["stages"][0]["checks"] = json!([check]);
        p["spec"]["stages"][0]["bake"] = "3s".into();
        p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    Ok(shop)
}

async fn flaps(t: &Story) -> Result<()> {
    let shop = checked(t, |check| check["samples"] = 3.into()).await?;
    let turns = ["1", "0", "1", "0", "1", "0", "0"].map(Answer::of).to_vec();
    let metrics = Metrics::shared().await?;
    metrics.answer(&shop.staging, Answer::Turns(turns));
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.rests("1.8.0", "staging").await?;
    ensure!(metrics.asked(&shop.staging).len() >= 6, "asked {:?}", metrics.asked(&shop.staging));
    shop.runs(&shop.staging, &image).await
}

async fn idle(t: &Story) -> Result<()> {
    let idle = json!({"query": "requests{ns=\"{{namespace}}\"}", "below": "0.5"});
    let shop = checked(t, |check| check["metric"]["whenIdle"] = idle).await?;
    let metrics = Metrics::shared().await?;
    // the query itself has no data, as there is nothing to divide by
    metrics.answer(&format!("requests{{ns=\"{}\"", shop.staging), Answer::of("0.1"));
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let is_told = |v: &Value| text(stage_of(v, "staging"), "/message").contains("check errors: the service is idle");
    shop.until("1.8.0", "to say that the service is idle", is_told).await?;
    shop.rests("1.8.0", "staging").await.map(drop)
}

/// The pods before had 0.2; twice as much is borne.
async fn compared(t: &Story, value: &str, is_good: bool) -> Result<()> {
    let shop = checked(t, |check| {
        check["metric"]["max"] = Value::Null;
        check["metric"]["stable"] = json!({"maxRatio": "2"});
        if let Some(metric) = check["metric"].as_object_mut() {
            metric.remove("max");
        }
    })
    .await?;
    let sets = t.list_json("rs", &shop.staging, "").await?;
    let before = sets.first().map(|set| text(set, "/metadata/labels/pod-template-hash")).unwrap_or_default();
    let metrics = Metrics::shared().await?;
    metrics.answer(&shop.staging, Answer::of(value));
    metrics.answer(&format!("errors{{ns=\"{}\",pod=~\"checkout-{before}-", shop.staging), Answer::of("0.2"));
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    if is_good {
        shop.rests("1.8.0", "staging").await?;
    } else {
        let release = shop.phase("1.8.0", "staging", "Reverted").await?;
        let said = text(&release, "/status/waitingFor");
        ensure!(said == "check errors failed: 0.5, where the revision before has 0.2", "it waits for {said}");
    }
    let asked = metrics.asked(&format!("checkout-{before}-"));
    ensure!(!asked.is_empty() && asked.iter().all(|q| q.contains("[60s]@20")), "the pods before are asked for by {asked:?}");
    Ok(())
}
