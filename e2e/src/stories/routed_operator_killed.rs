//! The operator is killed at each step of a routed canary, in its bake and on its way home, with a user who asks all the
//! while: no request fails, one rollout, nothing is left.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{SOON, Shop, share};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let settings = Settings::default();
    let mut operator = t.start_operator(&settings).await?;
    let client = shop.adopt_routed(json!([{"weight": 20, "pause": "2s"}, {"weight": 60, "pause": "2s"}])).await?;
    let from = client.mark();
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    for wanted in ["1/3 20 -", "1/3 20 20", "2/3 60 -", "2/3 60 60", "3/3 100 -", "3/3 100 100"] {
        let is_there = || async {
            let now = share(&shop.look("1.8.0").await?);
            // what lasts a moment only may be over when someone looks
            Ok((now.as_str() >= wanted || now.is_empty() && wanted != "1/3 20 -").then_some(()))
        };
        t.eventually(SOON, &format!("the share {wanted}"), is_there).await?;
        t.kill(&operator, &settings).await?;
        operator = t.start_operator(&settings).await?;
    }
    shop.weighs(0).await?;
    t.kill(&operator, &settings).await?;
    let _operator = t.start_operator(&settings).await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    let history = shop.history("production").await?;
    ensure!(history == [("checkout-1.8.0".to_owned(), "Delivered".to_owned())], "history is {history:?}");
    client.since(from).await.none_failed()
}
