//! Nothing above the git head is delivered, and a rollout above it aborts. A version that comes again with other digests
//! stalls the pipeline; an image from elsewhere is refused. An odd version's Release is named by its hash.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let good = cue::image("app", Cue::Good, "1.8.0");
    head(&shop, "1.8.0", &good).await?;
    shop.delivered("1.8.0").await?;
    shop.rests("1.8.0", "production").await?;

    // a later Release waits
    let mut later = shop.release("1.9.0", 1, &cue::image("app", Cue::Good, "1.9.0"));
    let soon = jiff::Timestamp::now() + std::time::Duration::from_secs(60);
    later["spec"]["build"]["createdAt"] = json!(format!("{soon:.0}"));
    t.apply(&later.to_string()).await?;
    shop.waits("1.9.0", "the head is 1.8.0").await?;

    // the same version with other digests, and an image from elsewhere
    head(&shop, "1.8.0", &cue::image("app", Cue::Good, "another")).await?;
    stalls(t, &shop, "VersionReused").await?;
    shop.keeps(&shop.staging, "checkout", &good).await?;
    let Err(refused) = head(&shop, "1.8.1", &good.replace("/shop/", "/elsewhere/")).await else {
        bail!("the API server took an image from elsewhere");
    };
    ensure!(format!("{refused:#}").contains("spec.release.images[].ref: must come from"), "it says: {refused:#}");
    shop.keeps(&shop.staging, "checkout", &good).await?;

    // forward under an odd version, and back in mid-rollout
    let version = "v1.8.1_RC";
    let name = format!("checkout-{}", hex(version));
    head(&shop, version, &cue::image("app", Cue::NeverReady, version)).await?;
    let progresses = |v: &Value| crate::shop::stage_phase(v, "staging") == "Progressing";
    t.until(SOON, "the odd version to be on its way", ("release", &shop.home, &name), progresses).await?;
    head(&shop, "1.8.0", &good).await?;
    shop.rests("1.8.0", "staging").await?;
    let reverted = |v: &Value| crate::shop::stage_phase(v, "staging") == "Reverted";
    let release = t.until(SOON, "its rollout to be aborted", ("release", &shop.home, &name), reverted).await?;
    ensure!(text(&release, "/status/waitingFor") == "the head is 1.8.0", "{}", release["status"]);
    ensure!(shop.decisions("Ban").await?.is_empty(), "a head that moves back bans nothing");
    shop.keeps(&shop.staging, "checkout", &good).await?;

    // without a head the later one follows
    shop.edit(json!({"release": null})).await?;
    shop.delivered("1.9.0").await.map(drop)
}

async fn head(shop: &Shop<'_>, version: &str, image: &str) -> Result<Value> {
    shop.edit(json!({"release": {"version": version, "images": [{"name": "app", "ref": image}]}})).await
}

/// Waits until the pipeline is Stalled for that reason.
async fn stalls(t: &Story, shop: &Shop<'_>, reason: &str) -> Result<()> {
    let is_stalled = |v: &Value| {
        condition(v, "Stalled", "status") == "True" && condition(v, "Stalled", "reason") == reason
    };
    let of = ("dp", shop.home.as_str(), "checkout");
    t.until(SOON, &format!("the pipeline to be Stalled: {reason}"), of, is_stalled).await.map(drop)
}

/// The first ten hex digits of a text's hash.
fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}
