//! A build soaks in staging for as long as the Environment's owner says; a pipeline that asks for less changes nothing, and a
//! newer build that takes its place there for a while starts its time anew.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, gate, stage_of};
use crate::story::{Story, text};

/// Long enough to see that nothing enters before.
const SOAK: i64 = 20;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.rules(json!({"policy": {"minSoak": format!("{SOAK}s")}})).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"soak": "1s"})).await?;
    let before = shop.image(&shop.production, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let release = shop.waits("1.0.0", "its soak in staging until").await?;
    let closed = gate(&release, "production", "soak")?;
    ensure!(closed["state"] == "Closed" && closed["source"] == "policy", "the gate is {closed}");
    let change = text(&closed, "/change");
    ensure!(change.ends_with("if it runs there until then"), "what would change it: {change}");
    shop.keeps(&shop.production, "checkout", &before).await?;
    shop.delivered("1.0.0").await?;
    soaked(&shop.look("1.0.0").await?)?;

    // what takes its place in staging and is taken back is a break
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.waits("1.1.0", "its soak in staging until").await?;
    shop.deliver("1.2.0", 3, Cue::CrashLoop).await?;
    let ends = |v: &Value| ["Reverted", "Failed"].contains(&text(v, "/status/phase"));
    let of = ("release", shop.home.as_str(), "checkout-1.2.0");
    let bad = t.until(SOON, "the bad one to go back", of, ends).await?;
    let back: jiff::Timestamp = text(stage_of(&bad, "staging"), "/startedAt").parse().context("startedAt of 1.2.0")?;
    shop.delivered("1.1.0").await?;
    let second = shop.look("1.1.0").await?;
    soaked(&second)?;
    let entered = at(&second, "production", "/startedAt")?;
    let was = at(&second, "staging", "/deliveredAt")?;
    ensure!(
        back.duration_since(was).as_secs() >= SOAK || entered.duration_since(back).as_secs() >= SOAK,
        "1.1.0 was delivered to staging at {was}, 1.2.0 took its place at {back}, and it entered production at {entered}"
    );
    Ok(())
}

fn at(release: &Value, environment: &str, field: &str) -> Result<jiff::Timestamp> {
    text(stage_of(release, environment), field).parse().with_context(|| format!("{field} in {environment}"))
}

/// It has run in staging for as long as it had to before it entered production.
fn soaked(release: &Value) -> Result<()> {
    let (proven, entered) = (at(release, "staging", "/deliveredAt")?, at(release, "production", "/startedAt")?);
    ensure!(entered.duration_since(proven).as_secs() >= SOAK, "proven at {proven}, it entered at {entered}");
    Ok(())
}
