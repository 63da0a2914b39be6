//! Revert goes back and holds: upstream goes on, newer releases wait. A second one goes one further, `to` takes a name or
//! a hash. After Unhold only releases above the mark follow; Promote brings the reverted one.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| {
        for stage in [0, 1] {
            pipeline["spec"]["stages"][stage]["bake"] = json!("0s");
        }
    })
    .await?;
    let revision_0 = shop.image(&shop.production, "checkout").await?;
    let mut images = Vec::new();
    for (minute, version) in [(1, "1.0.0"), (2, "1.1.0"), (3, "1.2.0")] {
        images.push(shop.deliver(version, minute, Cue::Good).await?);
        shop.rests(version, "production").await?;
    }

    // back by one, held; upstream goes on
    let first = shop.decide_in("production", "Revert", json!({})).await?;
    let what = shop.decided(&first, "Applied").await?;
    ensure!(what.contains("back to 1.1.0"), "it says: {what}");
    shop.rests("1.1.0", "production").await?;
    shop.deliver("1.3.0", 4, Cue::Good).await?;
    shop.rests("1.3.0", "staging").await?;
    shop.waits("1.3.0", "held by joe").await?;

    // one further, never to the build just left; by hash; to what was never healthy here
    let second = shop.decide_in("production", "Revert", json!({})).await?;
    shop.decided(&second, "Applied").await?;
    shop.rests("1.0.0", "production").await?;
    let wrong = shop.decide_in("production", "Revert", json!({"to": "checkout-1.3.0"})).await?;
    shop.refused(&wrong, "spec.to: checkout-1.3.0").await?;
    let hash = shop.stage("production").await?["previous"][0]["build"].as_str().unwrap_or_default().to_owned();
    let by_hash = shop.decide_in("production", "Revert", json!({"to": format!("hash:{}", &hash[..8])})).await?;
    shop.decided(&by_hash, "Applied").await?;
    shop.settled().await?;
    ensure!(shop.image(&shop.production, "checkout").await? == revision_0, "revision 0 is not back");
    shop.keeps(&shop.production, "checkout", &revision_0).await?;

    // only what is above the mark follows
    let unhold = shop.decide_in("production", "Unhold", json!({})).await?;
    shop.decided(&unhold, "Applied").await?;
    shop.rests("1.3.0", "production").await?;
    let by_name = shop.decide_in("production", "Revert", json!({"to": "revision-0"})).await?;
    shop.refused(&by_name, "spec.to: revision-0").await?;
    let back = shop.decide_in("production", "Revert", json!({})).await?;
    shop.decided(&back, "Applied").await?;
    shop.settled().await?;
    let unhold = shop.decide_in("production", "Unhold", json!({})).await?;
    shop.decided(&unhold, "Applied").await?;
    shop.keeps(&shop.production, "checkout", &revision_0).await?;
    let not_held = shop.decide_in("production", "Unhold", json!({})).await?;
    shop.refused(&not_held, "it is not held").await?;
    let promote = shop.decide_on("1.2.0", "production", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.rests("1.2.0", "production").await?;
    ensure!(Some(&shop.image(&shop.production, "checkout").await?) == images.last(), "production does not run 1.2.0");
    let promote = shop.decide_on("1.3.0", "production", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.rests("1.3.0", "production").await?;
    let by_name = shop.decide_in("production", "Revert", json!({"to": "checkout-1.2.0"})).await?;
    shop.decided(&by_name, "Applied").await?;
    shop.rests("1.2.0", "production").await.map(drop)
}
