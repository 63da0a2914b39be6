//! Where the environment lets them, developers promote their own change. Then who is on call freezes production; a hotfix goes out
//! all the same, by an Override with its reason on record, past the freeze and an approval that nobody gave; the next one waits.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::shop::{A_WHILE, Guarded, Person, decided, gate, stage_of};
use crate::story::{Story, condition, text};

const MARIA: Person = ("maria", None);
const ANN: Person = ("ann", None);
const REASON: &str = "the till is down, and this mends it";

pub async fn run(t: &Story) -> Result<()> {
    let roles = [("deliver", "maria"), ("promote", "maria"), ("on-call", "ann")];
    let guarded = Guarded::open(t, &["identities.octo-maria=maria"], &roles).await?;
    let shop = &guarded.shop;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    let source = json!({"author": "octo-maria"});
    guarded.asks(MARIA, "1.0.0", 1, source.clone()).await?;
    shop.waits("1.0.0", "production is promoted by hand").await?;
    let own = guarded.decides(MARIA, "Promote", "1.0.0", json!({})).await?;
    shop.decided(&own, "Applied").await?;
    shop.delivered("1.0.0").await?;
    told(&shop.look("1.0.0").await?, &["Promote maria"])?;

    shop.rules(json!({"policy": {"approvals": {"required": 1}}})).await?;
    shop.edit(json!({"stages": [{"environment": "staging", "bake": "1s"}, {"environment": "production", "bake": "1s"}]})).await?;
    let mine = guarded.decides_here(MARIA, "Freeze", json!({"reason": "mine"})).await;
    ensure!(mine.is_err_and(|said| format!("{said:#}").contains("needs the verb freeze on environments/production")), "maria freezes");
    let freeze = guarded.decides_here(ANN, "Freeze", json!({"reason": "the bank is down"})).await?;
    shop.decided(&freeze, "Applied").await?;
    let environment = ("environment", shop.home.as_str(), "production");
    let is_frozen = |v: &Value| condition(v, "Frozen", "status") == "True";
    let frozen = t.until(crate::shop::SOON, "the freeze to be acknowledged", environment, is_frozen).await?;
    let by = format!("ann, by Decision {freeze}");
    ensure!(text(&frozen, "/status/freeze/source") == by, "it is frozen by {}", frozen["status"]["freeze"]);

    guarded.asks(MARIA, "1.1.0", 2, source.clone()).await?;
    let over = guarded.decides(ANN, "Override", "1.1.0", json!({"gates": ["freeze", "approvals"], "reason": REASON})).await?;
    shop.decided(&over, "Applied").await?;
    shop.delivered("1.1.0").await?;
    let hotfix = shop.look("1.1.0").await?;
    told(&hotfix, &["Override ann"])?;
    let record = &stage_of(&hotfix, "production")["decisions"][0];
    ensure!(record["gates"] == json!(["freeze", "approvals"]) && record["reason"] == REASON, "the record is {record}");

    guarded.asks(MARIA, "1.2.0", 3, source).await?;
    let waiting = shop.waits("1.2.0", "0 of 1 approvals; maria may not approve their own").await?;
    ensure!(gate(&waiting, "production", "freeze")?["state"] == "Closed", "the freeze is gone: {waiting}");
    let before = shop.image(&shop.production, "checkout").await?;
    let part = guarded.decides(ANN, "Override", "1.2.0", json!({"gates": ["approvals"], "reason": REASON})).await?;
    let waiting = shop.waits("1.2.0", &format!("frozen: the bank is down ({by})")).await?;
    let skipped = gate(&waiting, "production", "approvals")?;
    ensure!(skipped["state"] == "Overridden" && text(&skipped, "/reason").starts_with("by ann: the till"), "it is {skipped}");
    let look = || async { Ok((shop.image(&shop.production, "checkout").await? != before).then(|| "1.2.0 enters".to_owned())) };
    t.never(A_WHILE, "what one hotfix was let pass lets the next in", look).await?;
    let lift = guarded.decides_here(ANN, "Unfreeze", json!({})).await?;
    shop.decided(&lift, "Applied").await?;
    shop.decided(&part, "Applied").await?;
    shop.delivered("1.2.0").await?;
    ensure!(t.find_json("decision", &shop.home, &freeze).await?.is_none(), "the Freeze stays");
    Ok(())
}

/// The release says who decided what about it in production.
fn told(release: &Value, wanted: &[&str]) -> Result<()> {
    let said = decided(release, "production");
    ensure!(said == wanted, "it says {said:?}");
    Ok(())
}
