//! What cannot be delivered as it is written says so with the field's name, and nothing rolls: images, dates, tags,
//! a first stage that may not be first, a Deployment that is paused.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::Shop;
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let (builds, first, paused) = tokio::join!(builds(t), not_the_first(t), paused(t));
    builds.and(first).and(paused)
}

async fn builds(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let good = cue::image("app", Cue::Good, "1.0.0");
    let foreign = shop.release("foreign", 1, &cue::image("web", Cue::Good, "1.0.0"));
    let mut missing = shop.release("missing", 2, &good);
    missing["spec"]["build"]["images"] = json!([{"name": "web", "ref": good}]);
    let mut future = shop.release("future", 3, &good);
    future["spec"]["build"]["createdAt"] = json!("2126-01-01T10:00:00Z");
    let expected = [
        (foreign, "foreign", "spec.build.images"),
        (missing, "missing", "spec.build.images"),
        (future, "future", "spec.build.createdAt"),
    ];
    for (release, version, field) in expected {
        t.apply(&release.to_string()).await?;
        let said = shop.stalled("release", &format!("checkout-{version}"), "InvalidBuild").await?;
        ensure!(said.contains(field), "{version}: {said}");
        let release = shop.until(version, "it to say so in the table", |v| {
            text(v, "/status/waitingFor").contains(field) && condition(v, "Delivered", "status") == "False"
        });
        release.await?;
    }
    let tagged = shop.release("tagged", 4, &format!("{}:latest", cue::repository("app")));
    t.apply(&tagged.to_string()).await?;
    let says_tag = |v: &Value| text(v, "/status/waitingFor").contains("does not allow tags");
    shop.until("tagged", "the tag to be refused", says_tag).await?;
    shop.keeps(&shop.staging, "checkout", &cue::image("app", Cue::Good, "revision-0")).await?;
    // the one that is dated a hundred years ahead keeps nobody from being delivered
    let image = shop.deliver("1.0.0", 5, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.runs(&shop.production, &image).await
}

async fn not_the_first(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let policy = json!({"spec": {"policy": {"requireUpstream": true}}});
    t.patch("environment", &shop.home, "staging", &policy).await?;
    t.apply(&shop.pipeline().to_string()).await?;
    let said = shop.stalled("dp", "checkout", "UpstreamRequired").await?;
    ensure!(said.contains("spec.stages") && said.contains("requireUpstream"), "{said}");
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let is_told = |v: &Value| text(v, "/status/waitingFor").contains("requireUpstream");
    shop.until("1.0.0", "the release to wait for that", is_told).await?;
    shop.keeps(&shop.staging, "checkout", &cue::image("app", Cue::Good, "revision-0")).await
}

async fn paused(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    t.kubectl(["rollout", "pause", "deployment/checkout", "-n", &shop.staging]).await?.ok()?;
    t.apply(&shop.pipeline().to_string()).await?;
    let said = shop.stalled("dp", "checkout", "WorkloadPaused").await?;
    ensure!(said.contains("Deployment/checkout") && said.contains("spec.paused"), "{said}");
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    let is_told = |v: &Value| text(v, "/status/waitingFor").contains("paused");
    shop.until("1.0.0", "the release to wait for that", is_told).await?;
    shop.keeps(&shop.staging, "checkout", &cue::image("app", Cue::Good, "revision-0")).await?;
    t.kubectl(["rollout", "resume", "deployment/checkout", "-n", &shop.staging]).await?.ok()?;
    shop.delivered("1.0.0").await.map(drop)
}
