//! The README's recipes, taken from its text and typed as they stand (namespaces of this story put in): every line for a
//! Decision does what its row says, CI's lines report a suite, and the lines to look at a delivery work.

mod recipes;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop, stage_phase};
use crate::story::{Story, text};
use recipes::Recipes;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let r = Recipes::read(t, &shop).await?;
    shop.adopt(|_| {}).await?;
    shop.deliver("1.7.2", 1, Cue::Good).await?;
    shop.delivered("1.7.2").await?;

    edit(&shop, "1s").await?;
    r.file("release.yaml", &shop.release("1.8.0", 2, &cue::image("app", Cue::Good, "1.8.0")).to_string())?;
    r.type_("kubectl apply -f release.yaml").await?;
    r.type_(&r.reporting).await.context("CI reports the suite contract")?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    shop.phase("1.8.0", "production", "Waiting").await?;

    r.decide("Promote", "").await?;
    for line in &r.looking {
        r.type_(line).await?;
    }
    runs(&shop, "production", "1.8.0").await?;
    for revert in ["too slow", "to: checkout-1.7.2"] {
        r.decide("Revert", revert).await?;
        runs(&shop, "production", "1.7.2").await?;
        ensure!(shop.stage("production").await?["held"].is_object(), "after a Revert the stage is held");
        r.decide("Unhold", "").await?;
        ensure!(shop.stage("production").await?["held"].is_null(), "Unhold does not lift the hold");
        edit(&shop, "20s").await?;
        r.decide("Promote", "").await?;
        shop.phase("1.8.0", "production", "Delivered").await?;
    }
    r.decide("Abort", "").await?; // the bake of the last Promote is open
    runs(&shop, "production", "1.7.2").await?;
    edit(&shop, "1s").await?;

    evidence(t, &shop, &r).await?;
    by_hand(t, &shop, &r).await?;
    r.decide("Withdraw", "").await?;
    runs(&shop, "staging", "1.7.2").await?;
    let left = r.not_typed();
    ensure!(left.is_empty(), "these recipes of the README were not tried: {left:?}");
    Ok(())
}

/// The suite in staging, and production by hand with that bake.
async fn edit(shop: &Shop<'_>, bake: &str) -> Result<()> {
    let stages = json!([
        {"environment": "staging", "bake": "1s", "tests": [{"suite": "contract", "external": {}}]},
        {"environment": "production", "bake": bake, "promotion": {"mode": "Manual"}},
    ]);
    shop.edit(json!({"stages": stages})).await.map(drop)
}

/// Waits until a stage settled on that version.
async fn runs(shop: &Shop<'_>, environment: &str, version: &str) -> Result<()> {
    let is_so = |s: &Value| text(s, "/current/version") == version && s["rollout"].is_null();
    shop.stage_until(environment, &format!("to run {version}"), is_so).await.map(drop)
}

/// The pass is taken back without kubectl; Unban and Retry bring the build to a new attempt, which is reported anew.
async fn evidence(t: &Story, shop: &Shop<'_>, r: &Recipes<'_>) -> Result<()> {
    let run = t.list_json("testrun", &shop.home, "windlass.dev/suite=contract").await?.pop().context("no TestRun")?;
    r.patch_as_curl_would(text(&run, "/metadata/name")).await?;
    let bans = || async {
        let said = r.type_(&r.bans).await?;
        Ok(said.contains("checkout-1.8.0").then_some(()))
    };
    t.eventually(SOON, "the Ban in staging", bans).await?;
    r.decide("Unban", "").await?;
    r.decide_soon("Retry", "").await?;
    let again = |v: &Value| stage_phase(v, "staging") == "Verifying";
    t.until(SOON, "a new attempt in staging", ("release", &shop.home, "checkout-1.8.0"), again).await?;
    r.type_(&r.reporting).await?;
    shop.phase("1.8.0", "staging", "Delivered").await.map(drop)
}

/// Someone writes an image by hand: Restore, and Adopt.
async fn by_hand(t: &Story, shop: &Shop<'_>, r: &Recipes<'_>) -> Result<()> {
    let ours = shop.image(&shop.production, "checkout").await?;
    for (decision, seed) in [("Restore", "by hand 1"), ("Adopt", "by hand 2")] {
        let theirs = cue::image("app", Cue::Good, seed);
        let set = format!("kubectl set image deployment/checkout app={theirs} -n {}", shop.production);
        r.type_(&set).await?;
        let is_held = |s: &Value| s["held"]["kind"] == "ExternalChange";
        shop.stage_until("production", "to be held", is_held).await?;
        r.decide(decision, "").await?;
        let wanted = if decision == "Restore" { &ours } else { &theirs };
        let is_so = |v: &Value| text(v, "/spec/template/spec/containers/0/image") == wanted;
        t.until(SOON, decision, ("deploy", &shop.production, "checkout"), is_so).await?;
        let is_free = |s: &Value| s["held"].is_null() && s["rollout"].is_null();
        shop.stage_until("production", "to be free again", is_free).await?;
    }
    Ok(())
}
