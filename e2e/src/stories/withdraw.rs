//! A withdrawn release is reverted wherever it is live and delivered nowhere again, under no other name either.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop, stage_phase};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let good = shop.deliver("1.7.0", 1, Cue::Good).await?;
    shop.delivered("1.7.0").await?;
    let bad = shop.deliver("1.8.0", 2, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    shop.rests("1.8.0", "production").await?;

    let decision = shop.decide("Withdraw", json!({"release": "checkout-1.8.0"})).await?;
    shop.decided(&decision, "Applied").await?;
    for environment in ["staging", "production"] {
        shop.rests("1.7.0", environment).await?;
        let line = shop.history(environment).await?.pop();
        ensure!(line == Some(("checkout-1.8.0".into(), "Reverted".into())), "history of {environment}: {line:?}");
    }
    let is_withdrawn = |v: &serde_json::Value| {
        ["staging", "production"].iter().all(|e| stage_phase(v, e) == "Withdrawn")
            && text(v, "/status/waitingFor") == "withdrawn by joe"
    };
    let of = ("release", shop.home.as_str(), "checkout-1.8.0");
    let release = t.until(SOON, "1.8.0 to be Withdrawn everywhere", of, is_withdrawn).await?;
    ensure!(condition(&release, "Delivered", "status") == "False", "it is still Delivered");
    ensure!(condition(&release, "Stalled", "status") == "True", "nobody is told");
    let resolved = t.get_json("decision", &shop.home, &decision).await?;
    let (hash, of_release) = (text(&resolved, "/status/buildHash"), text(&release, "/status/buildHash"));
    ensure!(!hash.is_empty() && hash == of_release, "it is resolved to {hash:?}, not {of_release:?}");

    // the same digests under another name
    t.apply(&shop.release("1.8.0-again", 3, &bad).to_string()).await?;
    shop.waits("1.8.0-again", "withdrawn by joe").await?;
    let promote = shop.decide_on("1.8.0-again", "staging", "Promote").await?;
    shop.refused(&promote, "was withdrawn by joe").await?;
    // the record of the build binds even where the release is gone
    t.delete("release", &shop.home, "checkout-1.8.0").await?;
    shop.gone("release", &shop.home, "checkout-1.8.0").await?;
    shop.keeps(&shop.staging, "checkout", &good).await?;
    ensure!(shop.image(&shop.production, "checkout").await? == good, "production does not run 1.7.0");
    shop.waits("1.8.0-again", "withdrawn by joe").await?;
    ensure!(shop.decisions("Ban").await?.is_empty(), "the Decision is the ban; there is no other");
    // what comes next is delivered
    shop.deliver("1.9.0", 4, Cue::Good).await?;
    shop.delivered("1.9.0").await.map(drop)
}
