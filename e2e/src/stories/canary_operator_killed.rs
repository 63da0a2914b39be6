//! The operator is killed at each step of a canary, in its bake, while the workload is rolled home, and at its end. It ends as if
//! nothing had happened: one rollout, and no clone left.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{Shop, share};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let settings = Settings::default();
    let mut operator = t.start_operator(&settings).await?;
    shop.adopt_canary(3, json!([{"weight": 25, "pause": "2s"}, {"weight": 40, "pause": "2s"}, {"weight": 50, "pause": "2s"}])).await?;
    let new = shop.deliver("1.8.0", 1, Cue::Slow).await?;
    for wanted in ["1/4 25 -", "1/4 25 25", "2/4 40 40", "3/4 50 50", "4/4 100 50"] {
        let is_there = || async {
            let now = share(&shop.look("1.8.0").await?);
            // what lasts a moment only may be over when someone looks
            Ok((now.as_str() >= wanted || now.is_empty() && wanted != "1/4 25 -").then_some(()))
        };
        t.eventually(crate::shop::SOON, &format!("the share {wanted}"), is_there).await?;
        t.kill(&operator, &settings).await?;
        operator = t.start_operator(&settings).await?;
    }
    shop.rolls_home(&new).await?;
    t.kill(&operator, &settings).await?;
    ensure!(shop.is_rolling(&new).await?, "the workload was home before the operator was dead");
    operator = t.start_operator(&settings).await?;
    shop.rests("1.8.0", "production").await?;
    t.kill(&operator, &settings).await?;
    let _operator = t.start_operator(&settings).await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    let history = shop.history("production").await?;
    ensure!(history == [("checkout-1.8.0".to_owned(), "Delivered".to_owned())], "history is {history:?}");
    Ok(())
}
