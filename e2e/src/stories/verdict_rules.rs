//! What a Job's end means: a broken tool gives no verdict, and says in words what broke; a bad result fails the build.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, cron_job, job_suite};
use crate::story::{Story, text};

/// Suites without a verdict: the cue or message of their Job, and what their TestRun says.
const BROKEN: [(&str, &str, &str, &str); 7] = [
    ("oom", "BEHAVE", "oom", "memory"),
    ("exit", "BEHAVE", "exit126", "exit code 126"),
    ("drained", "BEHAVE", "disrupted", "evicted or drained"),
    ("pull", "BEHAVE", "pull", "ErrImagePull ImagePullBackOff"),
    ("hangs", "BEHAVE", "hang", "no result within 12s"),
    ("empty", "MESSAGE", r#"{"total":0,"passed":0,"failed":0}"#, "no test ran"),
    ("absent", "", "", "CronJob absent does not exist"),
];

pub async fn run(t: &Story) -> Result<()> {
    tokio::try_join!(broken(t), bad(t)).map(drop)
}

/// Each is Errored with its reason, beside one that passes; together they are no verdict.
async fn broken(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for (name, variable, value, _) in BROKEN.iter().filter(|b| b.0 != "absent") {
        let env = json!([{"name": variable, "value": value}]);
        t.apply(&cron_job(&shop.staging, name, &env).to_string()).await?;
    }
    shop.suite(&shop.staging, "fine", None).await?;
    let names = BROKEN.iter().map(|b| b.0).chain(["fine"]);
    let suites: Vec<Value> = names.map(|name| suite(name, if name == "hangs" { "12s" } else { "30s" })).collect();
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!(suites)).await?;
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.phase("1.8.0", "staging", "Unverified").await?;
    let runs = shop.test_runs("1.8.0", "staging").await?;
    let of = |suite: &str| runs.iter().find(|r| text(r, "/spec/suite") == suite).context("a suite has no TestRun");
    for (name, _, _, says) in BROKEN {
        let (phase, said) = (text(of(name)?, "/status/phase"), text(of(name)?, "/status/message"));
        let is_said = said.contains(says) || says.split(' ').any(|word| name == "pull" && said.contains(word));
        ensure!(phase == "Errored" && is_said, "suite {name} is {phase}: {said}");
    }
    ensure!(of("fine")?["status"]["counts"]["passed"] == 3, "{}", of("fine")?["status"]);
    ensure!(shop.bans().await?.is_empty(), "a broken tool condemned the build");
    shop.runs(&shop.staging, &image).await?;
    shop.is_untouched(&shop.production).await
}

/// Exit code 0 does not outweigh a report of failed tests.
async fn bad(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let message = r#"{"total":4,"passed":3,"failed":1,"failing":["pay"]}"#;
    t.apply(&cron_job(&shop.staging, "api", &json!([{"name": "MESSAGE", "value": message}])).to_string()).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([suite("api", "30s")])).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.contains("reports failed tests"), "it says {why}");
    ensure!(shop.bans().await?.len() == 1, "it is not banned");
    shop.is_untouched(&shop.production).await
}

fn suite(name: &str, timeout: &str) -> Value {
    let mut suite = job_suite(name);
    suite["retries"] = json!(0);
    suite["timeout"] = json!(timeout);
    suite
}
