//! The Namespace of a stage is deleted in mid-rollout: the rollout ends within its deadlines, the pipeline says what is
//! missing, and then nothing is written any more.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, condition};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][0]["progressDeadline"] = json!("10s")).await?;
    let before = shop.image(&shop.production, "checkout").await?;
    shop.deliver("1.0.0", 1, Cue::NeverReady).await?;
    shop.phase("1.0.0", "staging", "Progressing").await?;
    t.delete("namespace", "", &shop.staging).await?;
    // as the server does by itself after some seconds
    t.delete("deploy", &shop.staging, "checkout").await?;
    shop.waits("1.0.0", "Deployment/checkout does not exist").await?;
    shop.gone("namespace", "", &shop.staging).await?;
    shop.settled().await?;
    let is_told = |v: &Value| condition(v, "Stalled", "status") == "True" && condition(v, "Resolved", "status") == "False";
    let of = ("dp", shop.home.as_str(), "checkout");
    let pipeline = t.until(SOON, "the pipeline to say what is missing", of, is_told).await?;
    let message = condition(&pipeline, "Stalled", "message");
    ensure!(message == format!("Namespace {} does not exist", shop.staging), "it says: {message}");
    let is_stalled = |v: &Value| condition(v, "Stalled", "status") == "True";
    t.until(SOON, "the Environment to say so too", ("environment", &shop.home, "staging"), is_stalled).await?;
    shop.is_still("the operator writes about a namespace that is gone").await?;
    ensure!(shop.image(&shop.production, "checkout").await? == before, "it went on to production");
    let last = shop.history("staging").await?.pop();
    ensure!(last.as_ref().is_some_and(|(release, _)| release == "checkout-1.0.0"), "history ends with {last:?}");
    let release = shop.look("1.0.0").await?;
    ensure!(release["metadata"]["finalizers"].is_null(), "it is kept by a finalizer");
    Ok(())
}
