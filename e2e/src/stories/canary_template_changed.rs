//! The template of the workload changes while a clone of the old one is exposed: the canary starts anew from its first step,
//! in a clone of the new template.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{CLONE, SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt_canary(3, json!([{"weight": 25, "pause": "4s"}])).await?;
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 25 25").await?;
    let first = text(&shop.exposed(1).await?, "/metadata/uid").to_owned();
    let env = json!([{"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "LIMIT", "value": "2"}]}]);
    t.kubectl(["patch", "deploy", "checkout", "-n", &shop.production, "--type=json", "-p", &env.to_string()]).await?.ok()?;

    let anew = |v: &serde_json::Value| {
        text(v, "/metadata/uid") != first && text(v, "/spec/template/spec/containers/0/env/0/value") == "2"
    };
    t.until(SOON, "a clone of the new template", ("deploy", &shop.production, CLONE), anew).await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    let line = |outcome: &str| ("checkout-1.8.0".to_owned(), outcome.to_owned());
    let history = shop.history("production").await?;
    ensure!(history == [line("ImageOnly"), line("Delivered")], "history is {history:?}");
    let stage = shop.stage("production").await?;
    let interrupted = stage["history"].as_array().is_some_and(|all| all.iter().any(|e| e["cause"] == "Interrupted"));
    ensure!(interrupted && shop.bans().await?.is_empty(), "it was interrupted, and nothing is banned: {stage}");
    Ok(())
}
