//! The chapters with a canary in production: one that goes through, and one that errors and is taken back.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::chapters::{SOON, banned, settled, tests};
use super::ledger::Ledger;
use super::stand::Stand;
use crate::cue::{self, Cue};
use crate::shop::{stage_of, stage_phase};
use crate::story::{condition, text};

/// How long is counted once a canary is over.
const AFTER: Duration = Duration::from_secs(2);

pub(super) async fn goes_through(stand: &Stand<'_>) -> Result<()> {
    let paper = stand.paper;
    paper.chapter("4. Maria delivers 1.8.0: staging, then a canary in production");
    paper.say(
        "STEP and ASKED are what the release shows, ROUTE is the new build's weight in the HTTPRoute, and the rest counts what \
         became of the user's requests in that time.",
    );
    let (old, image) = (cue::image("checkout", Cue::Good, "revision-0"), stand.release("1.8.0", Cue::Good)?);
    let mut ledger = Ledger::open(stand, &old, &image)?;
    stand.show("kubectl --as=maria apply -f release-1.8.0.yaml").await?;
    let release = stand.follow("checkout-1.8.0", "1.8.0 at home in production", Some(&mut ledger), is_home).await?;
    ensure!(text(&release, "/spec/requestedBy") == "maria", "the API server did not stamp who asked");
    ensure!(tests(&release, "staging") == "1/1", "its suite in staging did not pass: {}", release["status"]);
    let proven = text(stage_of(&release, "staging"), "/deliveredAt");
    let entered = text(stage_of(&release, "production"), "/startedAt");
    ensure!(
        !proven.is_empty() && proven <= entered,
        "production began at {entered:?}, staging was proven at {proven:?}"
    );
    ledger.rest(AFTER).await?.image_has(&image, 1.0)?;
    stand.show("kubectl wait --for=condition=Delivered release/checkout-1.8.0 --timeout=60s").await?;
    for namespace in ["shop-staging", "shop-production"] {
        stand.runs(namespace, &image).await?;
    }
    let (tenth, half, all) = (ledger.at(10)?, ledger.at(50)?, ledger.all()?);
    ensure!(all.failed == 0, "{} of {} requests failed", all.failed, all.total);
    paper.seen("both run the same digest; production began only when its suite had passed in staging");
    paper.seen(&format!(
        "asked for 10 %, 1.8.0 got {:.1} % of {} requests; asked for 50 %, {:.1} % of {}; now it gets all",
        tenth.percent(),
        tenth.total,
        half.percent(),
        half.total
    ));
    gone(stand).await?;
    paper.seen(&format!("of {} requests, from before its first pod to after its canary's end, none failed", all.total));
    Ok(())
}

pub(super) async fn comes_back(stand: &Stand<'_>) -> Result<()> {
    let paper = stand.paper;
    paper.chapter("6. Maria delivers 2.0.0: it passes in staging, and answers users with errors");
    paper.say("Half of its answers are errors. Its suite does not see that; production's check does.");
    settled(stand).await?;
    let (good, bad) = (cue::image("checkout", Cue::Good, "1.8.0"), stand.release("2.0.0", Cue::Errors)?);
    let generation = generation(stand).await?;
    let mut ledger = Ledger::open(stand, &good, &bad)?;
    stand.show("kubectl --as=maria apply -f release-2.0.0.yaml").await?;
    let is_back = |v: &Value| stage_phase(v, "production") == "Reverted";
    let release = stand.follow("checkout-2.0.0", "2.0.0 reverted in production", Some(&mut ledger), is_back).await?;
    ensure!(tests(&release, "staging") == "1/1", "its suite in staging did not pass: {}", release["status"]);
    let after = ledger.rest(AFTER).await?;
    after.none_failed()?;
    after.image_has(&good, 1.0)?;
    let table = stand.show("kubectl get release checkout-2.0.0").await?;
    ensure!(table.contains("check answers failed"), "the table does not say that its check failed");
    banned(stand, "production", "checkout-2.0.0").await?;
    stand.show("kubectl get decisions").await?;
    stand.runs("shop-production", &good).await?;
    ensure!(self::generation(stand).await? == generation, "production's Deployment was written to");
    gone(stand).await?;
    told(stand, &ledger, after.total())
}

/// What the user had of it.
fn told(stand: &Stand<'_>, ledger: &Ledger<'_>, after: usize) -> Result<()> {
    let paper = stand.paper;
    let (peak, all) = (ledger.peak(), ledger.all()?);
    let weight = ledger.stood().unwrap_or(peak);
    let exposed = ledger.at(weight)?;
    ensure!(all.failed > 0, "no request failed, so nothing shows that 2.0.0 was bad");
    paper.seen(&format!(
        "2.0.0 never had a weight above {peak} %; asked for {weight} %, it got {:.1} % of {} requests",
        exposed.percent(),
        exposed.total
    ));
    paper.seen(&format!(
        "of {} requests {} failed, each answered by 2.0.0; then 1.8.0 answered {after} of {after}",
        all.total, all.failed
    ));
    paper.seen("production's Deployment was not touched; 2.0.0 does not come back without a person (Unban)");
    Ok(())
}

/// Delivered, and no bake or homecoming goes on.
fn is_home(release: &Value) -> bool {
    let is_done = text(stage_of(release, "production"), "/reason").is_empty();
    condition(release, "Delivered", "status") == "True" && is_done
}

/// The version of the spec of production's workload.
async fn generation(stand: &Stand<'_>) -> Result<Value> {
    let found = stand.cluster().objects().get("deployment", "shop-production", "checkout").await?;
    Ok(found["metadata"]["generation"].clone())
}

/// Waits until nothing of the canary is left.
async fn gone(stand: &Stand<'_>) -> Result<()> {
    let none = || async {
        let left = stand.story().pods("shop-production", "windlass.dev/track=canary").await?;
        Ok(left.is_empty().then_some(()))
    };
    stand.story().eventually(SOON, "the canary's pods to be gone", none).await
}
