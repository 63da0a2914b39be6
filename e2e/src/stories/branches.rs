//! staging, then Europe and America side by side, then the world after both. What is proven in the one does not wait for the other;
//! what fails in the one comes no further; and the release says what it waits for.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let mut places = Vec::new();
    for name in ["europe", "america"] {
        let ns = Shop::place(t, &shop.home, name).await?;
        shop.deployment(&ns, "checkout", 1, &cue::image("app", Cue::Good, "revision-0")).await?;
        shop.available(&ns, "checkout").await?;
        places.push(ns);
    }
    let [europe, america] = &places[..] else { unreachable!("two places") };
    let tests = json!([{"suite": "smoke", "external": {}, "timeout": "10m"}]);
    shop.adopt(|pipeline| {
        pipeline["spec"]["stages"] = json!([
            {"environment": "staging", "bake": "1s"},
            {"environment": "europe", "bake": "1s", "tests": tests},
            {"environment": "america", "bake": "1s", "after": ["staging"], "tests": tests},
            {"environment": "production", "bake": "1s", "after": ["europe", "america"]},
        ]);
    })
    .await?;

    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    // side by side: each has it, and neither has proven it
    for ns in [europe, america] {
        shop.comes_to_run(ns, &image).await?;
    }
    shop.report("1.0.0", "europe", "Passed").await?;
    shop.rests("1.0.0", "europe").await?;
    let waits = crate::shop::gate(&shop.look("1.0.0").await?, "production", "evidence")?;
    ensure!(waits["reason"] == "not proven in america yet", "production waits for {waits}");
    shop.runs(&shop.production, &Shop::revision_0()).await?;
    shop.report("1.0.0", "america", "Passed").await?;
    shop.delivered("1.0.0").await?;
    shop.runs(&shop.production, &image).await?;

    // what fails in America stays in Europe, and comes no further
    let newer = shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.comes_to_run(america, &newer).await?;
    shop.report("1.1.0", "europe", "Passed").await?;
    shop.report("1.1.0", "america", "Failed").await?;
    shop.comes_to_run(america, &image).await?;
    shop.rests("1.1.0", "europe").await?;
    shop.runs(europe, &newer).await?;
    shop.keeps(&shop.production, "checkout", &image).await
}
