//! Promote of an older release: refused in an Automatic stage where a newer one would take its place at once, delivered in a
//! Manual one, refused above the head.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    let older = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.rests("1.0.0", "staging").await?;
    let newer = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.rests("1.1.0", "staging").await?;

    // a Manual stage: the newer one, then the older one, and it stays
    let first = shop.decide_on("1.1.0", "production", "Promote").await?;
    shop.decided(&first, "Applied").await?;
    shop.rests("1.1.0", "production").await?;
    let second = shop.decide_on("1.0.0", "production", "Promote").await?;
    shop.decided(&second, "Applied").await?;
    shop.rests("1.0.0", "production").await?;
    shop.keeps(&shop.production, "checkout", &older).await?;
    shop.phase("1.1.0", "production", "Superseded").await?;

    // an Automatic stage, busy, with a newer release at the door
    shop.deliver("1.2.0", 3, Cue::Slow).await?;
    shop.phase("1.2.0", "staging", "Progressing").await?;
    let newest = shop.deliver("1.3.0", 4, Cue::Good).await?;
    shop.waits("1.3.0", "1.2.0 to finish in staging").await?;
    let refused = shop.decide_on("1.1.0", "staging", "Promote").await?;
    shop.refused(&refused, "checkout-1.3.0 is newer and may enter: checkout-1.1.0 would be replaced at once; use Revert").await?;
    shop.rests("1.3.0", "staging").await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == newest, "staging does not run the newest");

    // above the head
    shop.edit(json!({"release": {"version": "1.1.0", "images": [{"name": "app", "ref": newer}]}})).await?;
    shop.rests("1.1.0", "staging").await?;
    let above = shop.decide_on("1.3.0", "staging", "Promote").await?;
    shop.refused(&above, "the head is 1.1.0; change spec.release").await?;
    shop.keeps(&shop.staging, "checkout", &newer).await?;
    let names: Vec<_> = shop.history("production").await?.into_iter().map(|(release, _)| release).collect();
    ensure!(names == ["checkout-1.1.0", "checkout-1.0.0"], "production took more than was promoted: {names:?}");
    Ok(())
}
