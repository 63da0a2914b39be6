//! The operator is killed at each step of a routed canary, in its bake, while the workload is rolled home, and when it is; then
//! while the suite of a blue-green runs, around its switch, and on its way back; with a user who asks all the while: no request
//! fails, one rollout each, nothing is left.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::{ROUTE, SOON, Shop, share, weight_of};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let settings = Settings::default();
    let mut operator = t.start_operator(&settings).await?;
    let client = shop.adopt_routed(json!([{"weight": 20, "pause": "2s"}, {"weight": 60, "pause": "2s"}])).await?;
    let from = client.mark();
    // its pods take three seconds to be ready: a way home of nine, and time to be killed on it
    let new = shop.deliver("1.8.0", 1, Cue::Slow).await?;
    let shares = ["1/3 20 -", "1/3 20 20", "2/3 60 -", "2/3 60 60", "3/3 100 -", "3/3 100 100"];
    operator = killed_at(&shop, "1.8.0", &shares, operator, &settings).await?;
    operator = killed_on_its_way(&shop, &new, operator, &settings).await?;
    operator = killed_at_home(&shop, "1.8.0", operator, &settings).await?;
    shop.runs(&shop.production, &new).await?;

    shop.edit(json!({"stages": [
        {"environment": "staging", "bake": "1s", "progressDeadline": "90s"},
        {"environment": "production", "bake": "4s", "progressDeadline": "90s", "strategy": {"blueGreen": {}},
            "tests": [{"suite": "api", "external": {}}]},
    ]}))
    .await?;
    let green = shop.deliver("1.9.0", 2, Cue::Good).await?;
    operator = killed_at(&shop, "1.9.0", &["1/2 0 -", "1/2 0 0"], operator, &settings).await?;
    shop.report("1.9.0", "production", "Passed").await?;
    operator = killed_at(&shop, "1.9.0", &["2/2 100 -", "2/2 100 100"], operator, &settings).await?;
    operator = killed_at_home(&shop, "1.9.0", operator, &settings).await?;
    shop.runs(&shop.production, &green).await?;

    shop.deliver("2.0.0", 3, Cue::Good).await?;
    shop.report("2.0.0", "production", "Passed").await?;
    shop.shows("2.0.0", "2/2 100 100").await?;
    shop.decide("Abort", json!({"environment": "production"})).await?;
    t.kill(&operator, &settings).await?;
    operator = t.start_operator(&settings).await?;
    shop.weighs(0).await?;
    t.kill(&operator, &settings).await?;
    let _operator = t.start_operator(&settings).await?;
    shop.home().await?;
    shop.settled().await?;
    shop.runs(&shop.production, &green).await?;
    let history = shop.history("production").await?;
    let ends = [("1.8.0", "Delivered"), ("1.9.0", "Delivered"), ("2.0.0", "Reverted")];
    let ends = ends.map(|(version, end)| (format!("checkout-{version}"), end.to_owned()));
    ensure!(history == ends, "history is {history:?}");
    client.since(from).await.none_failed()
}

/// Kills the operator at each of these shares; gives the last one.
async fn killed_at(
    shop: &Shop<'_>,
    version: &str,
    shares: &[&str],
    mut operator: Operator,
    settings: &Settings,
) -> Result<Operator> {
    let t = shop.story();
    for wanted in shares {
        let is_there = || async {
            let now = share(&shop.look(version).await?);
            // what lasts a moment only may be over when someone looks
            let is_over = now.is_empty() && *wanted != shares[0];
            Ok((&*now >= *wanted || is_over).then_some(()))
        };
        t.eventually(SOON, &format!("the share {wanted}"), is_there).await?;
        t.kill(&operator, settings).await?;
        operator = t.start_operator(settings).await?;
    }
    Ok(operator)
}

/// Kills it when the workload is written on its way home, and not rolled yet. The requests stay with the clone until it is.
async fn killed_on_its_way(shop: &Shop<'_>, new: &str, operator: Operator, settings: &Settings) -> Result<Operator> {
    let t = shop.story();
    let is_early = || async {
        let weight = weight_of(&t.get_json("httproute", &shop.production, ROUTE).await?);
        let is_rolling = shop.is_rolling(new).await?;
        ensure!(weight == 100 || !is_rolling, "a weight of {weight} while the workload is rolled");
        anyhow::Ok(is_rolling)
    };
    shop.rolls_home(new).await?;
    t.kill(&operator, settings).await?;
    ensure!(is_early().await?, "the workload was home before the operator was dead");
    let operator = t.start_operator(settings).await?;
    ensure!(is_early().await?, "the workload was home before another operator was there");
    while is_early().await? {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Ok(operator)
}

/// Kills it once more when the requests are home, and waits until all of it is.
async fn killed_at_home(shop: &Shop<'_>, version: &str, operator: Operator, settings: &Settings) -> Result<Operator> {
    shop.weighs(0).await?;
    shop.story().kill(&operator, settings).await?;
    let operator = shop.story().start_operator(settings).await?;
    shop.rests(version, "production").await?;
    shop.home().await?;
    Ok(operator)
}
