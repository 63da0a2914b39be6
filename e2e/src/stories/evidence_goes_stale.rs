//! The pod template changes in staging after a release was tested there: its suites run again before production takes it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, cron_job};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.apply(&cron_job(&shop.staging, "api-tests", &json!([])).to_string()).await?;
    shop.adopt(|pipeline| {
        pipeline["spec"]["stages"][0]["tests"] = json!([{"suite": "api", "job": {"cronJob": "api-tests"}}]);
        pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.rests("1.8.0", "staging").await?;
    shop.waits("1.8.0", "").await?;
    let generation = |v: &Value| v["metadata"]["generation"].as_i64().unwrap_or(0);
    let before = generation(&t.get_json("deploy", &shop.staging, "checkout").await?);

    // the suite hangs, so that what is stale can be looked at
    let hangs = json!([{"name": "BEHAVE", "value": Cue::JobHangs.word()}]);
    t.apply(&cron_job(&shop.staging, "api-tests", &hangs).to_string()).await?;
    let env = json!([{"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "LIMIT", "value": "2"}]}]);
    t.kubectl(["patch", "deploy", "checkout", "-n", &shop.staging, "--type=json", "-p", &env.to_string()]).await?.ok()?;
    shop.phase("1.8.0", "staging", "Verifying").await?;
    let promote = shop.decide_on("1.8.0", "production", "Promote").await?;
    let why = shop.decided(&promote, "Pending").await?;
    ensure!(why.contains("its evidence in staging is stale: the pod template changed there since"), "it says {why}");
    shop.keeps(&shop.production, "checkout", &Shop::revision_0()).await?;
    let after = generation(&t.get_json("deploy", &shop.staging, "checkout").await?);
    ensure!(after == before + 1, "the workload in staging was written for a test: generation {before}, then {after}");

    let jobs = t.list_json("job", &shop.staging, "").await?;
    for pod in t.pods(&shop.staging, "job-name").await? {
        let done = json!({"status": {"phase": "Succeeded", "containerStatuses": [{"name": "test", "image": "x", "imageID": "",
            "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}]}});
        t.patch_status("pod", &shop.staging, text(&pod, "/metadata/name"), &done).await?;
    }
    ensure!(jobs.len() == 1, "{} Jobs run again", jobs.len());
    shop.delivered("1.8.0").await?;
    shop.runs(&shop.production, &new).await?;
    let runs = || async {
        let runs = t.list_json("testrun", &shop.home, "").await?;
        let passed = runs.iter().filter(|run| text(run, "/status/phase") == "Passed").count();
        Ok((passed == 2).then_some(()))
    };
    t.eventually(SOON, "two TestRuns that passed", runs).await
}
