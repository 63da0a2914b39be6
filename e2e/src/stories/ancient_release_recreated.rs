//! Releases that are deleted and created again (new UIDs) deliver nothing: the old one is Superseded, the one whose build
//! is current shows Delivered, and no workload is written to.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let old = shop.deliver("1.7.0", 1, Cue::Good).await?;
    shop.delivered("1.7.0").await?;
    let image = shop.deliver("1.8.0", 2, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    shop.rests("1.8.0", "production").await?;
    let before = deployments(t, &shop).await?;
    let history = shop.history("production").await?;
    for (version, minute, image) in [("1.7.0", 1, &old), ("1.8.0", 2, &image)] {
        let name = format!("checkout-{version}");
        t.delete("release", &shop.home, &name).await?;
        shop.gone("release", &shop.home, &name).await?;
        t.apply(&shop.release(version, minute, image).to_string()).await?;
    }
    let again = shop.phase("1.7.0", "production", "Superseded").await?;
    ensure!(text(&again, "/status/phase") == "Superseded", "its phase is {}", text(&again, "/status/phase"));
    ensure!(condition(&again, "Delivered", "reason") == "Superseded", "its condition Delivered is not Superseded");
    ensure!(condition(&again, "Stalled", "status") == "False", "an old release is nobody's trouble");
    shop.delivered("1.8.0").await?;
    shop.is_still("Releases that were created again make the operator write").await?;
    ensure!(deployments(t, &shop).await? == before, "a Deployment was written to");
    ensure!(shop.history("production").await? == history, "history grew");
    // the next release goes its way all the same
    shop.deliver("1.9.0", 3, Cue::Good).await?;
    shop.delivered("1.9.0").await?;
    t.until(SOON, "1.8.0 to be Superseded", ("release", &shop.home, "checkout-1.8.0"), |v| {
        condition(v, "Delivered", "reason") == "Superseded"
    })
    .await
    .map(drop)
}

/// The resource versions of both Deployments.
async fn deployments(t: &Story, shop: &Shop<'_>) -> Result<Vec<String>> {
    let mut versions = Vec::new();
    for ns in [&shop.staging, &shop.production] {
        let found = t.get_json("deploy", ns, "checkout").await?;
        versions.push(text(&found, "/metadata/resourceVersion").to_owned());
    }
    Ok(versions)
}
