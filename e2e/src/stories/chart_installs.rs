//! `helm install` on a bare server, then the operator with exactly the chart's ServiceAccount, rights, policies and
//! settings: a release with a Job suite goes to production, a bad one comes back, namespaces that are not listed are not
//! written to; upgrade and uninstall leave CRDs and objects.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::chart;
use crate::cue::Cue;
use crate::shop::{Shop, cron_job, stage_phase};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let cluster = t.cluster();
    let said = chart::helm(cluster, "install", &["settings.referenceGrace=5s"]).await?;
    ensure!(said.contains("list the namespaces of your workloads"), "NOTES say what is missing: {said}");
    let shop = Shop::open(t).await?;
    let operator = chart::operator(cluster).await?;
    chart::in_force(cluster).await?;
    t.apply(&cron_job(&shop.staging, "tests", &json!([])).to_string()).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = json!([{"suite": "api", "job": {"cronJob": "tests",
        "containers": [{"name": "test", "imageName": "app"}]}}]))
        .await?;

    not_listed_is_not_written(t, &shop).await?;

    let targets = format!("targetNamespaces={{{},{}}}", shop.staging, shop.production);
    let said = chart::helm(cluster, "upgrade", &["settings.referenceGrace=5s", &targets]).await?;
    ensure!(said.contains(&format!("kubectl annotate namespace {}", shop.staging)), "NOTES tell of consent: {said}");
    shop.delivered("1.8.0").await?;
    shop.deliver("1.9.0", 9, Cue::JobFails).await?;
    shop.phase("1.9.0", "staging", "Reverted").await?;
    let good = shop.settled().await?;
    ensure!(text(&good, "/status/stages/1/current/version") == "1.8.0", "production runs {good}");
    let ban = || async { Ok(t.list_json("decision", &shop.home, "").await?.into_iter().find(|d| text(d, "/spec/type") == "Ban")) };
    t.eventually(crate::shop::SOON, "the Ban of 1.9.0", ban).await?;
    let leader = t.get_json("lease", chart::NAMESPACE, "windlass").await?;
    ensure!(leader["spec"]["leaseDurationSeconds"] == 15, "the lease is {}", leader["spec"]);
    nothing_was_forbidden(&operator).await?;

    cluster.helm(&["uninstall", "windlass", "--namespace", chart::NAMESPACE, "--wait"]).await?.ok()?;
    ensure!(t.find_json("deployment", chart::NAMESPACE, "windlass").await?.is_none(), "the operator stays");
    ensure!(t.find_json("clusterrole", "", "windlass-own").await?.is_none(), "its rights stay");
    let release = t.get_json("release", &shop.home, "checkout-1.8.0").await?;
    ensure!(condition(&release, "Delivered", "status") == "True", "the record went with the chart");
    chart::helm(cluster, "install", &[&targets]).await.context("it cannot be installed again over what was kept")?;
    Ok(())
}

/// Consent alone is not enough: without the RoleBinding of the chart nothing is written, and the release says why.
async fn not_listed_is_not_written(t: &Story, shop: &Shop<'_>) -> Result<()> {
    let before = shop.image(&shop.staging, "checkout").await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    let why = |v: &serde_json::Value| condition(v, "Stalled", "status") == "True";
    let stalled = t.until(crate::shop::SOON, "the pipeline to say that it is forbidden", ("dp", &shop.home, "checkout"), why).await?;
    let message = condition(&stalled, "Stalled", "message");
    ensure!(message.contains("forbidden") && message.contains("targetNamespaces"), "it says: {message}");
    ensure!(shop.image(&shop.staging, "checkout").await? == before, "it wrote where it may not");
    let release = t.get_json("release", &shop.home, "checkout-1.8.0").await?;
    ensure!(stage_phase(&release, "production") != "Delivered", "1.8.0 is delivered");
    Ok(())
}

/// Least privilege is enough: since the namespaces were listed no write was refused.
async fn nothing_was_forbidden(operator: &crate::operator::Operator) -> Result<()> {
    let (_, metrics) = operator.get("/metrics").await?;
    let refused = |line: &&str| line.starts_with("windlass_writes_total") && line.contains("refused");
    let refused: Vec<&str> = metrics.lines().filter(refused).collect();
    ensure!(refused.iter().all(|line| line.contains("Deployment")), "refused: {refused:?}");
    Ok(())
}
