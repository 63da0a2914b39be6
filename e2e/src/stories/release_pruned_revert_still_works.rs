//! The Release objects of earlier builds are pruned. A bad build is reverted to one of them all the same, and so is a good
//! one by a Decision.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let mut images = Vec::new();
    for (minute, version) in [(1, "1.0.0"), (2, "1.1.0")] {
        images.push(shop.deliver(version, minute, Cue::Good).await?);
        shop.delivered(version).await?;
        shop.rests(version, "production").await?;
    }
    for name in ["checkout-1.0.0", "checkout-1.1.0"] {
        t.delete("release", &shop.home, name).await?;
        shop.gone("release", &shop.home, name).await?;
    }
    shop.deliver("1.2.0", 3, Cue::CrashLoop).await?;
    shop.phase("1.2.0", "staging", "Reverted").await?;
    shop.rests("1.1.0", "staging").await?;
    ensure!(Some(&shop.image(&shop.staging, "checkout").await?) == images.last(), "staging does not run 1.1.0");

    let revert = shop.decide_in("production", "Revert", json!({})).await?;
    let what = shop.decided(&revert, "Applied").await?;
    ensure!(what.contains("back to 1.0.0"), "it says: {what}");
    shop.rests("1.0.0", "production").await?;
    ensure!(Some(&shop.image(&shop.production, "checkout").await?) == images.first(), "production does not run 1.0.0");
    let history: Vec<_> = shop.history("production").await?;
    let line = |release: &str, outcome: &str| (format!("checkout-{release}"), outcome.to_owned());
    let told = [line("1.0.0", "Delivered"), line("1.1.0", "Delivered"), line("1.1.0", "Reverted")];
    ensure!(history == told, "history did not survive: {history:?}");
    Ok(())
}
