//! Suites that the operator measures itself: they pass, fail, or give no verdict, each told in its TestRun.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::metrics::{Answer, Metrics};
use crate::shop::Shop;
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let (passes, fails, errs) = tokio::join!(
        told(t, Answer::of("1"), "Delivered", "Passed", ""),
        told(t, Answer::of("0"), "Reverted", "Failed", "0 is less than 1"),
        told(t, Answer::Nothing, "Unverified", "Errored", "no result within 4s: no answer: provider prometheus: no data"),
    );
    passes.and(fails).and(errs)
}

async fn told(t: &Story, answer: Answer, phase: &str, verdict: &str, why: &str) -> Result<()> {
    let shop = Shop::open(t).await?;
    let metric = json!({"provider": "prometheus", "query": "up{ns=\"{{namespace}}\"}", "min": "1"});
    let suite = json!({"suite": "smoke", "interval": "1s", "samples": 2, "failures": 2, "timeout": "4s", "metric": metric});
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([suite])).await?;
    Metrics::shared().await?.answer(&shop.staging, answer);
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.phase("1.8.0", "staging", phase).await?;
    let is_said = |runs: &[Value]| runs.len() == 1 && text(&runs[0], "/status/phase") == verdict;
    let runs = shop.test_runs("1.8.0", "staging").await?;
    ensure!(is_said(&runs), "the runs are {runs:?}");
    ensure!(text(&runs[0], "/spec/runner") == "Metric", "{}", runs[0]["spec"]);
    let said = text(&runs[0], "/status/message");
    ensure!(said == why, "it says {said}");
    let bans = shop.bans().await?;
    ensure!(bans.len() == usize::from(verdict == "Failed"), "bans are {bans:?}");
    Ok(())
}
