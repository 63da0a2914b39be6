//! A freeze comes between a plan and its write: the operator's watches have gone silent, and nothing tells it. Before it raises exposure
//! it asks the server itself, and nothing rises. When it hears again it says what it waits for, and goes on after the freeze.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::proxy::Proxy;
use crate::settings::Settings;
use crate::shop::{SOON, Shop};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let proxy = Proxy::start(t.cluster().server()).await?;
    let settings = Settings { kubeconfig: Some(t.cluster().kubeconfig_at(&proxy.server)?), ..Settings::default() };
    let operator = t.start_operator(&settings).await?;
    let shop = Shop::open(t).await?;
    shop.adopt_canary(4, json!([{"weight": 25, "pause": "5s"}, {"weight": 50, "pause": "1s"}])).await?;
    let old = shop.image(&shop.production, "checkout").await?;
    let generation = shop.generation().await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.shows("1.0.0", "1/3 25 20").await?;

    // what it wrote itself it has seen
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.deafen();
    shop.freeze(Some("stock-taking")).await?;
    let environment = ("environment", shop.home.as_str(), "production");
    let rises = || async {
        let pods = shop.clone().await?.map_or(0, |clone| clone["spec"]["replicas"].as_i64().unwrap_or_default());
        Ok((pods != 1).then(|| format!("the clone is to have {pods} pods")))
    };
    t.never(Duration::from_secs(12), "exposure rises", rises).await?;
    let status = t.get_json(environment.0, environment.1, environment.2).await?;
    ensure!(condition(&status, "Frozen", "status").is_empty(), "it heard of the freeze: {}", status["status"]);
    let log = std::fs::read_to_string(operator.log()).context("the operator's log")?;
    let asked = format!("Environment {}/production: it is not as it was planned with", shop.home);
    ensure!(log.contains(&asked), "it did not try to raise exposure, or the server did not tell it of the freeze");

    proxy.hear();
    t.until(SOON, "the freeze to be acknowledged", environment, |v| condition(v, "Frozen", "status") == "True").await?;
    shop.waits("1.0.0", "frozen: stock-taking (spec.freeze)").await?;
    t.never(Duration::from_secs(3), "exposure rises in the end", rises).await?;
    shop.untouched(&old, generation).await?;
    shop.freeze(None).await?;
    let release = shop.delivered("1.0.0").await?;
    ensure!(text(&release, "/status/phase") == "Delivered", "it is {}", release["status"]);
    Ok(())
}
