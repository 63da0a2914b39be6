//! In mid-rollout the container gets another name: nothing is written to a container that is not there, the release says
//! what is missing, and the rollout ends by its deadline without a ban.

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::shop::{Shop, readiness};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["progressDeadline"] = "10s".into()).await?;
    shop.deliver("1.8.0", 1, Cue::NeverReady).await?;
    shop.until("1.8.0", "to be under way", |v| text(v, "/status/waitingFor").contains("new pods available")).await?;
    let rename = r#"[{"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "web"}]"#;
    t.kubectl(["patch", "deploy", "checkout", "-n", &shop.staging, "--type=json", "-p", rename]).await?.ok()?;

    let says = "ContainerNotFound: Deployment/checkout has no container app";
    shop.until("1.8.0", "to say what is missing", |v| text(v, "/status/waitingFor") == says).await?;
    let pipeline = shop.pipeline_until("to be Stalled", |v| readiness(v).contains("/True ")).await?;
    ensure!(readiness(&pipeline) == "False/False/True ContainerNotFound", "{}", readiness(&pipeline));
    shop.calm("staging").await?;
    let ended = shop.last("staging").await?;
    ensure!(ended["cause"] == "Inconclusive" && ended["outcome"] != "Reverted", "history ends with {ended}");
    ensure!(shop.bans().await?.is_empty(), "the build was condemned: {:?}", shop.bans().await?);
    let found = t.get_json("deploy", &shop.staging, "checkout").await?;
    let names: Vec<&str> = found["spec"]["template"]["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| text(c, "/name"))
        .collect();
    ensure!(names == ["web"], "containers are {names:?}");
    shop.is_untouched(&shop.production).await
}
