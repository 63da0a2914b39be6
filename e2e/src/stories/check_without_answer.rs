//! A check whose provider does not answer, or answers nothing that can be used: nothing is known, so the build goes back at
//! the deadline without a ban, and what was delivered stays. An answer of a gigabyte costs a megabyte. One whose certificate no
//! configured authority has signed is not asked; one with its authority is.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::check_errors_reverted::errors;
use crate::cue::Cue;
use crate::metrics::{Answer, Metrics};
use crate::shop::Shop;
use crate::story::{Story, number, text};

/// What the operator may use; a body of a gigabyte in its memory would be far beyond.
const MEMORY: f64 = 400.0 * 1024.0 * 1024.0;

pub async fn run(t: &Story) -> Result<()> {
    let kinds = [
        ("gone", Answer::Nothing, ""),
        ("stranger", Answer::of("0"), ""),
        ("prometheus", Answer::Status(503), "status 503"),
        ("prometheus", Answer::of("NaN"), "the value is NaN"),
        ("prometheus", Answer::Nothing, "no data"),
        ("prometheus", Answer::Silence, "no answer within 1s"),
        ("prometheus", Answer::Endless, "the answer is longer than 1048576 bytes"),
    ];
    let before = kinds.into_iter().map(|(provider, answer, why)| before_delivery(t, provider, answer, why));
    let before = futures::future::try_join_all(before);
    let (before, after) = tokio::join!(before, in_the_bake(t));
    before.and(after)?;
    let (_, shown) = t.operator()?.get("/metrics").await?;
    let line = shown.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap_or_default();
    let used: f64 = line.rsplit(' ').next().unwrap_or_default().parse()?;
    ensure!(used < MEMORY, "the operator uses {used} bytes");
    Ok(())
}

async fn before_delivery(t: &Story, provider: &str, answer: Answer, why: &str) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        let stage = &mut p["spec"]["stages"][0];
        stage["checks"] = json!([errors()]);
        stage["progressDeadline"] = "25s".into();
        stage["checks"][0]["metric"]["provider"] = provider.into();
    })
    .await?;
    Metrics::shared().await?.answer(&shop.staging, answer);
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let release = shop.phase("1.8.0", "staging", "Reverted").await?;
    let said = text(&release, "/status/waitingFor");
    let wanted = format!("check errors: no answer: provider {provider}: {why}");
    ensure!(said.contains(&wanted), "it waits for {said}, not {wanted}");
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "Reverted" && ended["cause"] == "Inconclusive", "history ends with {ended}");
    let bans = shop.bans().await?;
    ensure!(bans.is_empty(), "bans are {bans:?}");
    shop.is_untouched(&shop.production).await
}

async fn in_the_bake(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["stages"][0]["checks"] = json!([errors()]);
        p["spec"]["stages"][0]["checks"][0]["metric"]["provider"] = "secure".into();
        p["spec"]["stages"][0]["bake"] = "8s".into();
        p["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"});
    })
    .await?;
    let metrics = Metrics::shared().await?;
    metrics.answer(&shop.staging, Answer::of("0"));
    let image = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.phase("1.8.0", "staging", "Delivered").await?;
    metrics.answer(&shop.staging, Answer::Status(500));
    let is_told = |v: &Value| v["status"]["stages"].to_string().contains("check errors: no answer: provider secure: status 500");
    shop.until("1.8.0", "to say that the check gives no answer", is_told).await?;
    shop.rests("1.8.0", "staging").await?;
    let ended = shop.last("staging").await?;
    ensure!(ended["outcome"] == "Delivered", "history ends with {ended}");
    ensure!(number(&shop.look("1.8.0").await?, "/status/observedGeneration") > 0, "it has no status");
    shop.runs(&shop.staging, &image).await
}
