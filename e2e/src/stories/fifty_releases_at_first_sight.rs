//! Fifty releases stand there when a pipeline is first seen: nothing rolls until a person names one. The others never
//! follow; what comes afterwards does.

use anyhow::{Result, ensure};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop};
use crate::story::{Story, condition};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let image = |number: u32| cue::image("app", Cue::Good, &format!("0.0.{number}"));
    let all: Vec<String> =
        (1..=50).map(|n| shop.release(&format!("0.0.{n}"), n, &image(n)).to_string()).collect();
    t.apply(&all.join("\n---\n")).await?;
    let revision_0 = shop.image(&shop.staging, "checkout").await?;
    shop.adopt(|_| {}).await?;
    let of = ("dp", shop.home.as_str(), "checkout");
    let held = t.until(SOON, "an AdoptionHold", of, |v| condition(v, "Ready", "reason") == "AdoptionHold").await?;
    let message = condition(&held, "Ready", "message");
    ensure!(message.contains("50 releases") && message.contains("checkout-0.0.50"), "it says: {message}");
    shop.keeps(&shop.staging, "checkout", &revision_0).await?;
    shop.waits("0.0.50", "a Decision Promote names the one that is meant").await?;

    for (environment, ns) in [("staging", &shop.staging), ("production", &shop.production)] {
        let promote = shop.decide_on("0.0.20", environment, "Promote").await?;
        shop.decided(&promote, "Applied").await?;
        shop.rests("0.0.20", environment).await?;
        shop.keeps(ns, "checkout", &image(20)).await?;
    }
    shop.delivered("0.0.20").await?;
    for version in ["0.0.50", "0.0.21", "0.0.1"] {
        shop.phase(version, "production", "Superseded").await?;
    }
    shop.deliver("0.1.0", 55, Cue::Good).await?;
    shop.delivered("0.1.0").await?;
    for environment in ["staging", "production"] {
        let names: Vec<_> = shop.history(environment).await?.into_iter().map(|(release, _)| release).collect();
        ensure!(names.iter().all(|n| n == "checkout-0.0.20" || n == "checkout-0.1.0"), "{environment} ran {names:?}");
    }
    Ok(())
}
