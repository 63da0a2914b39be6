//! Back-up, migration, clean-up, suite, smoke test: each runs once, in that order, with the new build's image, and nothing is exposed
//! before the first two have passed.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop, cron_job, hook, job_suite};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for name in ["backup", "clean", "api", "smoke", "undo"] {
        shop.suite(&shop.staging, name, None).await?;
    }
    t.apply(&cron_job(&shop.staging, "migrate", &json!([{"name": "TAKES", "value": "5s"}])).to_string()).await?;
    shop.adopt(|p| {
        let stage = &mut p["spec"]["stages"][0];
        stage["tests"] = json!([job_suite("api")]);
        stage["hooks"] = json!({
            "before": [hook("backup"), hook("migrate")], "beforeTests": [hook("clean")], "after": [hook("smoke")],
            "onRevert": [hook("undo")],
        });
    })
    .await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    let waits = |v: &serde_json::Value| text(v, "/status/waitingFor") == "hook before/migrate: runs";
    let release = shop.until("1.8.0", "to wait for the migration", waits).await?;
    ensure!(text(&release, "/status/phase") == "Preparing", "{}", release["status"]);
    let jobs = t.list_json("job", &shop.staging, "windlass.dev/hook=before.migrate").await?;
    ensure!(jobs.len() == 1, "there are {} Jobs of the migration", jobs.len());
    let pod = &jobs[0]["spec"]["template"];
    ensure!(text(pod, "/spec/containers/0/image") == image, "the migration runs {}", pod["spec"]["containers"]);
    ensure!(text(pod, "/metadata/annotations/windlass.dev~1version") == "1.8.0", "{}", pod["metadata"]);
    shop.is_untouched(&shop.staging).await?;

    shop.delivered("1.8.0").await?;
    let wanted = ["backup", "migrate", "clean", "api", "smoke"];
    ensure!(shop.jobs_run(&shop.staging).await? == wanted, "these have run: {:?}", shop.jobs_run(&shop.staging).await?);
    let told = ["before/backup Passed", "before/migrate Passed", "beforeTests/clean Passed", "after/smoke Passed"];
    ensure!(shop.hooks("1.8.0", "staging").await? == told, "{:?}", shop.hooks("1.8.0", "staging").await?);
    shop.told("1.8.0", "Prepared").await?;
    t.eventually(SOON, "the Jobs to be gone", || async {
        Ok(t.list_json("job", &shop.staging, "").await?.is_empty().then_some(()))
    })
    .await
}
