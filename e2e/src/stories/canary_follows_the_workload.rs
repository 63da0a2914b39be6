//! A clone follows the size of its workload; one that is deleted comes again; and on an Abort one that alone answers stays
//! until the workload does.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{A_WHILE, CLONE, Shop};
use crate::story::{Break, Story, number, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt_canary(2, json!([{"weight": 50, "pause": "1h"}])).await?;
    let old = shop.image(&shop.production, "checkout").await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 50 50").await?;
    shop.exposed(2).await?;
    shop.scale(5).await?;
    shop.exposed(5).await?;
    shop.scale(3).await?;
    let first = text(&shop.exposed(3).await?, "/metadata/uid").to_owned();

    t.delete("deploy", &shop.production, CLONE).await?;
    let anew = shop.exposed(3).await?;
    ensure!(text(&anew, "/metadata/uid") != first, "it was not deleted");

    let stable = "app=checkout,windlass.dev/track!=canary";
    t.break_pods(&shop.production, stable, Break::Unready).await?;
    let is_down = |v: &serde_json::Value| number(v, "/status/availableReplicas") == 0;
    t.until(crate::shop::SOON, "the workload to be down", ("deploy", &shop.production, "checkout"), is_down).await?;
    let abort = shop.decide_in("production", "Abort", json!({})).await?;
    shop.decided(&abort, "Applied").await?;
    let look = || async {
        let pods = shop.clone().await?.map_or(0, |clone| number(&clone, "/spec/replicas"));
        Ok((pods != 3).then(|| format!("{pods} pods")))
    };
    t.never(A_WHILE, "what alone answers is cut", look).await?;
    t.break_some(&shop.production, stable, Break::Mended, 1).await?;
    shop.home().await?;
    t.break_pods(&shop.production, stable, Break::Mended).await?;
    shop.phase("1.8.0", "production", "Reverted").await?;
    ensure!(shop.image(&shop.production, "checkout").await? == old, "the workload was written");
    Ok(())
}
