//! An image that is good for as long as staging looks fails in production: production goes back to the build before and
//! bans it there; staging keeps it with its evidence.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{Shop, readiness, stage_of, stage_phase};
use crate::story::{Break, Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][1]["bake"] = "20s".into()).await?;
    let before = shop.deliver("1.7.0", 1, Cue::Good).await?;
    shop.delivered("1.7.0").await?;
    let bad = shop.deliver("1.8.0", 2, Cue::Good).await?;
    shop.phase("1.8.0", "production", "Delivered").await?;
    t.break_pods(&shop.production, "app=checkout", Break::Unready).await?;
    let release = shop.phase("1.8.0", "production", "Reverted").await?;
    ensure!(text(&release, "/status/stage") == "production", "STAGE is {}", release["status"]["stage"]);
    ensure!(text(&release, "/status/phase") == "Reverted", "PHASE is {}", release["status"]["phase"]);
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("container app: runs and is not ready"), "it says {why}");
    ensure!(condition(&release, "Delivered", "status") == "False", "{}", release["status"]["conditions"]);
    ensure!(readiness(&release) == "False/False/True Reverted", "{}", readiness(&release));
    let production = shop.stage("production").await?;
    ensure!(text(&production, "/current/release") == "checkout-1.7.0", "current is {}", production["current"]);
    shop.runs(&shop.production, &before).await?;

    ensure!(stage_phase(&release, "staging") == "Delivered", "staging says {}", stage_of(&release, "staging"));
    shop.runs(&shop.staging, &bad).await?;
    let proofs = shop.stage("staging").await?["proofs"].as_array().cloned().unwrap_or_default();
    ensure!(proofs.iter().all(|p| p["void"].is_null()) && proofs.len() == 2, "its evidence is gone: {proofs:?}");
    let bans = shop.bans().await?;
    ensure!(bans.len() == 1 && text(&bans[0], "/spec/environment") == "production", "bans are {bans:?}");
    let old = shop.phase("1.7.0", "production", "Delivered").await?;
    ensure!(condition(&old, "Delivered", "status") == "True", "{}", old["status"]["conditions"]);
    let table = shop.table().await?;
    let line = table.lines().find(|l| l.starts_with("checkout-1.8.0")).unwrap_or_default();
    ensure!(line.contains("production") && line.contains("Reverted") && line.contains("not ready"), "{table}");
    Ok(())
}
