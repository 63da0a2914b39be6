//! A workload has one writing pipeline: the second is Stalled and names the first. When the first is deleted its claim
//! is void, and the second takes over what runs.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, stage_of};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    // both have adopted the workload before either claims it
    let mut second = shop.pipeline();
    second["metadata"]["name"] = json!("rival");
    t.apply(&second.to_string()).await?;
    let has_adopted = |v: &Value| stage_of(v, "production")["adopted"].is_string();
    t.until(SOON, "the second to adopt", ("dp", &shop.home, "rival"), has_adopted).await?;

    let ours = shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.delivered("1.0.0").await?;
    shop.settled().await?;
    let message = shop.stalled("dp", "rival", "WorkloadClaimed").await?;
    ensure!(message.contains(&format!("{}/checkout", shop.home)), "it does not name the first: {message}");
    let theirs = crate::cue::image("app", Cue::Good, "rival");
    let mut release = shop.release("2.0.0", 2, &theirs);
    release["metadata"]["name"] = json!("rival-2.0.0");
    release["spec"]["pipeline"] = json!("rival");
    t.apply(&release.to_string()).await?;
    let of = ("release", shop.home.as_str(), "rival-2.0.0");
    let is_told = |v: &Value| text(v, "/status/waitingFor").contains("belongs to pipeline");
    t.until(SOON, "the second's release to say what it waits for", of, is_told).await?;
    shop.keeps(&shop.staging, "checkout", &ours).await?;
    shop.keeps(&shop.production, "checkout", &ours).await?;

    t.delete("dp", &shop.home, "checkout").await?;
    t.until(SOON, "the second to deliver", of, |v| condition(v, "Delivered", "status") == "True").await?;
    for ns in [&shop.staging, &shop.production] {
        shop.runs(ns, &theirs).await?;
    }
    let rival = t.get_json("dp", &shop.home, "rival").await?;
    ensure!(condition(&rival, "Stalled", "status") == "False", "it is still stalled: {}", rival["status"]);
    Ok(())
}
