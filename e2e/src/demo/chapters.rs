//! The chapters. Each applies something, follows it, and looks at what must be so and what must not.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::stand::{HOME, PACE, Stand};
use crate::chart;
use crate::cue::{self, Cue};
use crate::dirs;
use crate::locked::lock;
use crate::shop::{stage_of, stage_phase};
use crate::story::text;

/// A longer moment than any step takes here.
pub(super) const SOON: Duration = Duration::from_secs(90);
const SETTINGS: &str = "--set settings.bakeGrace=2s --set settings.referenceGrace=5s";

pub(super) async fn install(stand: &Stand<'_>) -> Result<()> {
    let paper = stand.paper;
    paper.chapter("2. Windlass, by its Helm chart");
    let chart = dirs::repository().join("charts/windlass").canonicalize().context("there is no chart")?;
    std::os::unix::fs::symlink(&chart, stand.files().join("windlass")).context("failed to link the chart")?;
    let line = format!(
        "helm install windlass ./windlass \\\n      --namespace {} --create-namespace \\\n      --set image={} \\\n      \
         --set 'targetNamespaces={{shop-staging,shop-production}}' \\\n      {SETTINGS}",
        chart::NAMESPACE,
        chart::IMAGE
    );
    stand.run("kubectl create namespace shop-staging; kubectl create namespace shop-production").await?;
    paper.command(&line);
    stand.run(&line).await?;
    stand.show("kubectl api-resources --api-group=windlass.dev").await?;
    let operator = chart::operator(stand.cluster()).await?;
    *lock(&stand.operator) = Some(operator);
    chart::in_force(stand.cluster()).await?;
    paper.say(
        "Its pods are kwok's and run nothing, so the operator runs beside them: with exactly the token of the chart's \
         ServiceAccount and its settings; the chart's rights and admission policies are in force.",
    );
    Ok(())
}

pub(super) async fn shop(stand: &Stand<'_>) -> Result<()> {
    let paper = stand.paper;
    paper.chapter("3. A shop: two environments and a pipeline");
    let old = cue::image("checkout", Cue::Good, "revision-0");
    stand.file("shop.yaml", &include_str!("../../demo/shop.yaml").replace("REVISION-0", &old))?;
    stand.file("pipeline.yaml", include_str!("../../demo/pipeline.yaml"))?;
    stand.file("revert.yaml", include_str!("../../demo/revert.yaml"))?;
    stand
        .run("kubectl apply --server-side -f shop.yaml && kubectl config set-context --current --namespace=shop")
        .await?;
    for namespace in ["shop-staging", "shop-production"] {
        stand.run(&format!("kubectl rollout status deployment/checkout -n {namespace} --timeout=60s")).await?;
    }
    stand.show("kubectl apply -f pipeline.yaml && sed -n '/traffic:/,$p' pipeline.yaml").await?;
    stand.run("kubectl wait --for=condition=Ready dp/checkout --timeout=60s").await?;
    stand.show("kubectl get deliverypipelines,environments").await?;
    let adopted =
        |v: &Value| v["status"]["stages"].as_array().is_some_and(|all| all.iter().all(|s| s["adopted"].is_string()));
    stand.story().until(SOON, "the pipeline to adopt", ("dp", HOME, "checkout"), adopted).await?;
    for namespace in ["shop-staging", "shop-production"] {
        stand.runs(namespace, &old).await?;
        let found = stand.cluster().objects().get("deployment", namespace, "checkout").await?;
        let is_claimed = found.pointer("/metadata/annotations/windlass.dev~1claimed-by").is_some();
        ensure!(found["metadata"]["generation"] == 1 && !is_claimed, "{namespace} was written to at first sight");
    }
    paper.seen("what ran in both is recorded as revision 0; nothing was written to a workload");
    stand.open_to_users(SOON).await?;
    stand.show("kubectl get httproutes,services -n shop-production").await?;
    paper.say(&format!(
        "Route, checkout-stable and checkout-canary are Windlass's. From now on a user sends {PACE} requests a second to \
         production through that route, and what becomes of each is counted."
    ));
    Ok(())
}

pub(super) async fn fails_its_suite(stand: &Stand<'_>) -> Result<()> {
    let paper = stand.paper;
    paper.chapter("5. Joe delivers 1.9.0: its pods are fine, its suite is not");
    let (good, bad) = (cue::image("checkout", Cue::Good, "1.8.0"), stand.release("1.9.0", Cue::JobFails)?);
    stand.show("kubectl --as=joe apply -f release-1.9.0.yaml").await?;
    let is_back = |v: &Value| stage_phase(v, "staging") == "Reverted";
    stand.follow("checkout-1.9.0", "1.9.0 reverted in staging", None, is_back).await?;
    stand.show("kubectl get testruns").await?;
    stand.runs("shop-staging", &good).await?;
    stand.runs("shop-production", &good).await?;
    stand.never_ran("shop-production", &bad).await?;
    banned(stand, "staging", "checkout-1.9.0").await?;
    paper.seen("staging runs 1.8.0 again, 1.9.0 is banned there, and production never ran it");
    Ok(())
}

pub(super) async fn end(stand: &Stand<'_>, took: Duration) -> Result<()> {
    let paper = stand.paper;
    settled(stand).await?;
    paper.chapter("7. What was delivered");
    let table = stand.show("kubectl get releases --sort-by=.spec.build.createdAt").await?;
    let says = |words: &[&str]| table.lines().any(|line| words.iter().all(|word| line.contains(word)));
    ensure!(says(&["1.8.0", "production", "Delivered", "maria"]), "the table does not show 1.8.0 delivered");
    ensure!(says(&["1.9.0", "staging", "Reverted", "joe"]), "the table does not show 1.9.0 reverted in staging");
    ensure!(says(&["2.0.0", "production", "Reverted", "maria"]), "the table does not show 2.0.0 reverted");
    paper.seen(&format!("every step was seen to happen, in {:.0} s", took.as_secs_f32()));
    Ok(())
}

/// Waits until nothing is under way in any stage.
pub(super) async fn settled(stand: &Stand<'_>) -> Result<()> {
    let is_calm =
        |v: &Value| v["status"]["stages"].as_array().is_some_and(|all| all.iter().all(|s| s["rollout"].is_null()));
    stand.story().until(SOON, "all rollouts to have ended", ("dp", HOME, "checkout"), is_calm).await.map(drop)
}

/// Fails unless the build of that release is banned there.
pub(super) async fn banned(stand: &Stand<'_>, environment: &str, release: &str) -> Result<()> {
    let is_it = |d: &&Value| {
        text(d, "/spec/type") == "Ban"
            && text(d, "/spec/environment") == environment
            && text(d, "/spec/release") == release
    };
    let found =
        || async { Ok(stand.cluster().objects().list("decision", HOME, "").await?.iter().find(is_it).map(drop)) };
    stand.story().eventually(SOON, &format!("a Ban of {release} in {environment}"), found).await
}

/// Passed and all suites of a stage, as `1/1`.
pub(super) fn tests(release: &Value, environment: &str) -> String {
    let all = stage_of(release, environment)["tests"].as_array().cloned().unwrap_or_default();
    format!("{}/{}", all.iter().filter(|t| t["phase"] == "Passed").count(), all.len())
}
