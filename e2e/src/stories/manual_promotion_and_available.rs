//! A stage with Manual promotion waits for a person, and everything says so: Ready and its reason, gates, waitingFor, the
//! stage's `available`, the table.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::kstatus::{Status, kstatus};
use crate::shop::{SOON, Shop, gate, stage_of};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    let before = shop.image(&shop.production, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.rests("1.0.0", "staging").await?;
    let release = shop.waits("1.0.0", "production is promoted by hand").await?;
    ensure!(kstatus(&release) == Status::Current, "what waits for a person is not Current");
    ensure!(condition(&release, "Ready", "status") == "True", "it is not Ready");
    let reason = condition(&release, "Ready", "reason");
    ensure!(["Waiting", "Delivered"].contains(&reason), "Ready has the reason {reason}");
    ensure!(condition(&release, "Delivered", "status") == "Unknown", "it is not known to be delivered");

    let gate = gate(&release, "production", "promotion")?;
    ensure!(gate["state"] == "Closed" && gate["source"] == "pipeline", "the gate is {gate}");
    ensure!(gate["reason"] == "production is promoted by hand" && gate["change"] == "a Decision Promote", "{gate}");
    let since: jiff::Timestamp = text(&gate, "/since").parse().context("since")?;
    ensure!(since <= jiff::Timestamp::now(), "the gate is closed since {since}");
    let evidence = self::gate(&release, "production", "evidence")?;
    ensure!(evidence["state"] == "Open", "the evidence is {evidence}");
    ensure!(shop.stage_text("production", "/available").await? == "checkout-1.0.0", "it is not available");
    let staging = shop.stage("staging").await?;
    ensure!(staging["available"].is_null(), "staging has it already: {}", staging["available"]);
    let table = shop.table().await?;
    let header: Vec<&str> = table.lines().next().unwrap_or_default().split("  ").map(str::trim).filter(|w| !w.is_empty()).collect();
    let wanted = ["NAME", "PIPELINE", "VERSION", "STAGE", "PHASE", "TESTS", "BY", "DELIVERED", "AGE", "WAITING FOR"];
    ensure!(header == wanted, "the table's columns are {header:?}");
    let line = table.lines().nth(1).unwrap_or_default();
    ensure!(["checkout-1.0.0", "production is promoted by hand", "maria"].iter().all(|w| line.contains(w)), "{table}");
    shop.is_still("the operator writes while it waits for a person").await?;
    shop.keeps(&shop.production, "checkout", &before).await?;

    let promote = shop.decide_on("1.0.0", "production", "Promote").await?;
    shop.decided(&promote, "Applied").await?;
    shop.delivered("1.0.0").await?;
    let taken = |v: &Value| stage_of(v, "production")["available"].is_null();
    t.until(SOON, "nothing to be available", ("dp", &shop.home, "checkout"), taken).await?;
    let table = shop.table().await?;
    ensure!(!table.contains("promoted by hand") && table.contains("Delivered"), "{table}");
    Ok(())
}
