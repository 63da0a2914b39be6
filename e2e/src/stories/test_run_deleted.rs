//! A TestRun that is deleted after its verdict changes nothing; before it, its suite has Errored: the build is Unverified
//! and goes no further.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{Shop, with_external_suite};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| with_external_suite(pipeline, 0)).await?;

    // after its verdict
    let good = shop.deliver("1.0.0", 1, Cue::Good).await?;
    let run = shop.report("1.0.0", "staging", "Passed").await?;
    shop.phase("1.0.0", "staging", "Delivered").await?;
    t.delete("testrun", &shop.home, &run).await?;
    shop.delivered("1.0.0").await?;
    shop.rests("1.0.0", "production").await?;
    shop.is_still("a TestRun that is gone makes the operator write").await?;
    ensure!(t.list_json("testrun", &shop.home, "").await?.is_empty(), "it was made again");

    // after it failed: still banned
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    let run = shop.report("1.1.0", "staging", "Failed").await?;
    shop.phase("1.1.0", "staging", "Reverted").await?;
    t.delete("testrun", &shop.home, &run).await?;
    let promote = shop.decide_on("1.1.0", "staging", "Promote").await?;
    shop.refused(&promote, "is banned in staging").await?;

    // before its verdict
    let unknown = shop.deliver("1.2.0", 3, Cue::Good).await?;
    shop.phase("1.2.0", "staging", "Verifying").await?;
    let runs = || async { Ok(t.list_json("testrun", &shop.home, "").await?.pop()) };
    let run = t.eventually(crate::shop::SOON, "its TestRun", runs).await?;
    t.delete("testrun", &shop.home, crate::story::text(&run, "/metadata/name")).await?;
    shop.phase("1.2.0", "staging", "Unverified").await?;
    shop.waits("1.2.0", "its TestRun was deleted").await?;
    ensure!(shop.image(&shop.staging, "checkout").await? == unknown, "no verdict is no reason to go back");
    shop.keeps(&shop.production, "checkout", &good).await
}
