//! A migration fails: nothing of the build is exposed, what was begun is undone, the release says what the migration said last, and
//! the next one is not kept.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{Shop, cron_job, hook};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for name in ["backup", "undo"] {
        shop.suite(&shop.production, name, None).await?;
    }
    let env = |behave: Cue| {
        let log = "migrating 12 tables\n\ncolumn price exists already\ngave up\n";
        json!([{"name": "BEHAVE", "value": behave.word()}, {"name": "LOG", "value": log}])
    };
    t.apply(&cron_job(&shop.production, "migrate", &env(Cue::JobFails)).to_string()).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][1]["hooks"] =
            json!({"before": [hook("backup"), hook("migrate")], "onRevert": [hook("undo")]});
    })
    .await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "production", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    let said = "exit code 1: migrating 12 tables; column price exists already; gave up";
    ensure!(why == format!("hook before/migrate failed: {said}"), "it says {why}");
    shop.is_untouched(&shop.production).await?;
    shop.runs(&shop.staging, &image).await?;
    let ended = shop.last("production").await?;
    ensure!(ended["outcome"] == "Aborted" && ended["cause"] == "Failed", "history ends with {ended}");
    ensure!(shop.bans().await?.len() == 1, "it is not banned");
    let told = ["before/backup Passed", "before/migrate Failed", "onRevert/undo Passed"];
    ensure!(shop.hooks("1.8.0", "production").await? == told, "{:?}", shop.hooks("1.8.0", "production").await?);
    let run = shop.jobs_run(&shop.production).await?;
    ensure!(run == ["backup", "migrate", "undo"], "these have run: {run:?}");

    t.apply(&cron_job(&shop.production, "migrate", &env(Cue::Good)).to_string()).await?;
    shop.deliver("1.8.1", 2, Cue::Good).await?;
    shop.delivered("1.8.1").await.map(drop)
}
