//! Why not yet: the same words in the release's status, in `kubectl get`, in `kubectl describe` and in an event, for gates of
//! different owners one after the other, and each is told once.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, gate};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.rests("1.0.0", "staging").await?;
    let manual = says(&shop, "promotion", "a Decision Promote").await?;
    ensure!(manual.contains("promot"), "it says {manual:?}");

    let pin = json!([{"environment": "production", "release": "checkout-0.9.0", "reason": "the fair"}]);
    shop.edit(json!({"pins": pin})).await?;
    let pinned = says(&shop, "pin", "").await?;
    shop.edit(json!({"pins": null})).await?;
    says(&shop, "promotion", "").await?;
    shop.freeze(Some("stock-taking")).await?;
    shop.decide_on("1.0.0", "production", "Promote").await?;
    let frozen = says(&shop, "freeze", "").await?;
    ensure!(frozen == "frozen: stock-taking (spec.freeze)", "it says {frozen:?}");
    shop.freeze(None).await?;
    shop.delivered("1.0.0").await?;

    // of production's gates, and of others only where they kept it for a moment
    let events = waiting(t, &shop).await?;
    for (said, times) in [(&manual, 2), (&pinned, 1), (&frozen, 1)] {
        let told = format!("production: {said}");
        let found = events.iter().filter(|(about, message, _)| about == "Release" && *message == told);
        let count: i64 = found.map(|(.., count)| count).sum();
        ensure!(count == times, "{told:?} was told {count} times, and not {times}: {events:?}");
    }
    Ok(())
}

/// Waits until that gate is what keeps 1.0.0 out of production, and it says so wherever people look. Gives the words.
async fn says(shop: &Shop<'_>, name: &str, change: &str) -> Result<String> {
    let t = shop.story();
    let is_closed = |v: &Value| {
        let first = v["status"]["stages"][1]["gates"].as_array().and_then(|all| all.iter().find(|g| g["state"] == "Closed"));
        first.is_some_and(|g| g["gate"] == name)
    };
    let release = shop.until("1.0.0", &format!("to wait for its gate {name}"), is_closed).await?;
    let closed = gate(&release, "production", name)?;
    let said = text(&release, "/status/waitingFor").to_owned();
    ensure!(said == text(&closed, "/reason"), "it waits for {said:?}, and the gate is {closed}");
    ensure!(text(&closed, "/change").contains(change) && !text(&closed, "/change").is_empty(), "what would change it: {closed}");
    let shown = t.kubectl(["get", "release", "-n", &shop.home, "checkout-1.0.0"]).await?.ok()?;
    ensure!(shown.contains("WAITING FOR") && shown.contains(&said), "kubectl get shows {shown}");
    let described = || async {
        let shown = t.kubectl(["describe", "release", "-n", &shop.home, "checkout-1.0.0"]).await?.ok()?;
        let (status, events) = shown.split_once("Events:").unwrap_or((&shown, ""));
        // describe writes long words over several lines
        let is_told = |text: &str, part: &str| text.split_whitespace().collect::<String>().contains(&part.split_whitespace().collect::<String>());
        ensure!(is_told(status, &said), "kubectl describe shows {status}");
        Ok(is_told(events, &format!("production: {said}")).then_some(()))
    };
    t.eventually(SOON, &format!("an event to say {said:?}"), described).await?;
    Ok(said)
}

/// Events of waiting: about which kind, what, and how often.
async fn waiting(t: &Story, shop: &Shop<'_>) -> Result<Vec<(String, String, i64)>> {
    let all = t.list_json("event", &shop.home, "").await?;
    let of = |event: &Value| {
        let count = event["series"]["count"].as_i64().unwrap_or(1);
        (text(event, "/involvedObject/kind").to_owned(), text(event, "/message").to_owned(), count)
    };
    Ok(all.iter().filter(|event| event["reason"] == "Waiting").map(of).collect())
}
