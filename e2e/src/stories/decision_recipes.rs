//! Every file of `config/samples/decisions/` goes through `kubectl create` and does what it says, or says why not.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    for (minute, version) in [(1, "1.7.3"), (2, "1.8.0")] {
        shop.deliver(version, minute, Cue::Good).await?;
        shop.rests(version, "staging").await?;
        if version == "1.7.3" {
            let promote = shop.decide_on(version, "production", "Promote").await?;
            shop.decided(&promote, "Applied").await?;
            shop.rests(version, "production").await?;
        }
    }
    // this server has none of the chart's policies: nobody's word can be relied on
    says(&shop, "approve", "Refused", "it cannot be relied on: ValidatingAdmissionPolicy windlass-ban is missing").await?;
    says(&shop, "override", "Pending", "stands; waits: production is promoted by hand").await?;
    says(&shop, "promote", "Applied", "1.8.0 started in production").await?;
    shop.rests("1.8.0", "production").await?;
    says(&shop, "reject", "Refused", "checkout-1.8.0 has started in production; Abort or Revert takes it back").await?;
    says(&shop, "abort", "Refused", "nothing is under way there").await?;
    says(&shop, "freeze", "Applied", "stands as long as this object; Unfreeze ends it").await?;
    // of two in one second the freeze stays
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    says(&shop, "unfreeze", "Applied", "ended freeze-").await?;
    says(&shop, "unfreeze", "Refused", "no Decision Freeze from before it stands in production").await?;
    says(&shop, "revert", "Applied", "back to 1.7.3, and held there").await?;
    shop.rests("1.7.3", "production").await?;
    says(&shop, "unhold", "Applied", "the hold is lifted").await?;
    says(&shop, "retry", "Refused", "it is delivered already").await?;
    says(&shop, "unban", "Refused", "the build is not banned in staging").await?;

    says(&shop, "restore", "Refused", "nobody else wrote an image there").await?;
    let ours = shop.image(&shop.production, "checkout").await?;
    by_hand(&shop, "by-hand").await?;
    says(&shop, "restore", "Applied", "1.7.3 is put back").await?;
    shop.rests("1.7.3", "production").await?;
    ensure!(shop.image(&shop.production, "checkout").await? == ours, "ours is not back");
    let image = by_hand(&shop, "by-hand-again").await?;
    says(&shop, "adopt", "Applied", "what runs is taken as it is").await?;
    shop.keeps(&shop.production, "checkout", &image).await?;

    says(&shop, "withdraw", "Applied", "checkout-1.8.0 is delivered nowhere again").await?;
    shop.rests("1.7.3", "staging").await?;
    shop.phase("1.8.0", "staging", "Withdrawn").await.map(drop)
}

/// Creates the sample, and waits for that answer.
async fn says(shop: &Shop<'_>, sample: &str, phase: &str, reason: &str) -> Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/samples/decisions/");
    let path = format!("{path}{sample}.yaml");
    let yaml = std::fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let yaml = yaml.replace("namespace: shop", &format!("namespace: {}", shop.home));
    let said = shop.kubectl_create(&yaml).await?;
    let name = said.trim().rsplit('/').next().unwrap_or_default().to_owned();
    let answer = shop.decided(&name, phase).await?;
    ensure!(answer.contains(reason), "{sample}: {answer}");
    Ok(())
}

/// Someone sets an image in production by hand; the stage is held for that.
async fn by_hand(shop: &Shop<'_>, seed: &str) -> Result<String> {
    let image = cue::image("app", Cue::Good, seed);
    shop.set_image(&shop.production, "checkout", &image).await?;
    let is_held = || async { Ok((shop.stage("production").await?["held"]["kind"] == "ExternalChange").then_some(())) };
    shop.story().eventually(SOON, "the hold for an ExternalChange", is_held).await?;
    ensure!(text(&shop.stage("production").await?, "/held/message").contains("kubectl"), "it does not say who");
    Ok(image)
}
