//! The template changed after a build was recorded, then a bad build goes back: history says that the images went back,
//! and does not claim that all is as it was.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let before = shop.deliver("1.8.0", 1, Cue::Good).await?;
    // nobody waits for it any more, so the change does not have it proven, and recorded, again
    shop.delivered("1.8.0").await?;
    shop.calm("staging").await?;
    shop.deliver("1.8.1", 2, Cue::CrashLoop).await?;
    shop.phase("1.8.1", "staging", "Reverted").await?;
    ensure!(shop.last("staging").await?["outcome"] == "Reverted", "with the same template: {}", shop.last("staging").await?);

    let annotation = json!({"spec": {"template": {"metadata": {"annotations": {"shop/colour": "green"}}}}});
    t.patch("deploy", &shop.staging, "checkout", &annotation).await?;
    shop.pipeline_until("the change to be recorded", |v| v.to_string().contains("ConfigChanged")).await?;
    shop.deliver("1.8.2", 3, Cue::CrashLoop).await?;
    let release = shop.phase("1.8.2", "staging", "Reverted").await?;
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "ImageOnly" && ended["cause"] == "Failed", "history ends with {ended}");
    shop.runs(&shop.staging, &before).await?;
    let note = shop.told("1.8.2", "Reverted").await?;
    ensure!(note.contains("images back, under another template") && !note.contains("as it was"), "it is told: {note}");
    let kept = t.get_json("deploy", &shop.staging, "checkout").await?;
    ensure!(kept["spec"]["template"]["metadata"]["annotations"]["shop/colour"] == "green", "the template was written");
    ensure!(release["status"]["phase"] == "Reverted", "{}", release["status"]);
    Ok(())
}
