//! Abort in mid-rollout goes back and bans nothing; Promote brings the release again. Where nothing is under way, or what
//! is goes back already, Abort is refused and changes nothing.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    // pods go before new ones come: so going back takes as long as the old build's start
    let recreate = json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}});
    t.patch("deploy", &shop.staging, "checkout", &recreate).await?;
    shop.adopt(|_| {}).await?;
    let good = shop.deliver("1.7.0", 1, Cue::Slow).await?;
    shop.rests("1.7.0", "staging").await?;

    let idle = shop.decide_in("staging", "Abort", json!({})).await?;
    shop.refused(&idle, "nothing is under way there").await?;
    shop.keeps(&shop.staging, "checkout", &good).await?;

    let aborted = shop.deliver("1.8.0", 2, Cue::Slow).await?;
    shop.phase("1.8.0", "staging", "Progressing").await?;
    let abort = shop.decide_in("staging", "Abort", json!({})).await?;
    shop.decided(&abort, "Applied").await?;
    let again = shop.decide_in("staging", "Abort", json!({})).await?;
    shop.refused(&again, "it is going back already").await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    ensure!(text(&release, "/status/stages/0/reason") == "Aborted", "its reason is not Aborted: {}", release["status"]);
    ensure!(text(&release, "/status/waitingFor") == "aborted by joe", "{}", release["status"]);
    ensure!(condition(&release, "Stalled", "status") == "False", "a person's wish is no trouble: {}", release["status"]);
    let line = shop.history("staging").await?.pop();
    ensure!(line == Some(("checkout-1.8.0".into(), "Reverted".into())), "history ends with {line:?}");
    shop.rests("1.7.0", "staging").await?;
    shop.keeps(&shop.staging, "checkout", &good).await?;
    ensure!(shop.image(&shop.production, "checkout").await? != aborted, "it came to production");
    ensure!(shop.decisions("Ban").await?.is_empty(), "an Abort bans nothing");

    let promote = shop.decide_on("1.8.0", "staging", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.phase("1.8.0", "staging", "Delivered").await.map(drop)
}
