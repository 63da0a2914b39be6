//! Nothing is written into a namespace whose owner has not let the Environment in: it says what to do, waits, and goes on
//! when consent comes. Of two Environments on one's own namespace the first holds. Consent withdrawn in mid-rollout: no
//! more writes, and the rollout ends and says why.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop, last};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let (given, taken, withdrawn) = tokio::join!(given_later(t), taken(t), withdrawn(t));
    given.and(taken).and(withdrawn)
}

async fn consent(t: &Story, ns: &str, to: Value) -> Result<()> {
    let annotations = json!({"metadata": {"annotations": {"windlass.dev/accept-from": to}}});
    t.patch("namespace", "", ns, &annotations).await.map(drop)
}

async fn given_later(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    consent(t, &shop.staging, Value::Null).await?;
    t.apply(&shop.pipeline().to_string()).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Good).await?;
    for (kind, name) in [("environment", "staging"), ("dp", "checkout")] {
        let is_waiting = |v: &Value| condition(v, "Reconciling", "reason") == "NoConsent";
        let seen = t.until(SOON, "it waits for consent", (kind, &shop.home, name), is_waiting).await?;
        ensure!(condition(&seen, "Reconciling", "status") == "True", "{kind} is stalled at once: {}", seen["status"]);
    }
    for (kind, name) in [("environment", "staging"), ("dp", "checkout")] {
        let message = shop.stalled(kind, name, "NoConsent").await?;
        let wanted = format!("windlass.dev/accept-from: {}/staging", shop.home);
        ensure!(message.contains(&shop.staging) && message.contains(&wanted), "{kind} does not say what to do: {message}");
    }
    let first = cue::image("app", Cue::Good, "revision-0");
    shop.runs(&shop.staging, &first).await?;
    consent(t, &shop.staging, json!(format!("{}/staging", shop.home))).await?;
    shop.delivered("1.0.0").await?;
    shop.runs(&shop.staging, &image).await?;
    let is_ready = |v: &Value| condition(v, "Ready", "status") == "True";
    t.until(SOON, "the Environment to be Ready", ("environment", &shop.home, "staging"), is_ready).await.map(drop)
}

async fn taken(t: &Story) -> Result<()> {
    let home = t.ns("shop").await?;
    let environment = |name: &str| {
        json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": "Environment",
            "metadata": {"name": name, "namespace": home}, "spec": {"targetNamespace": home},
        })
    };
    let is = |status: &'static str| move |v: &Value| condition(v, "Ready", "status") == status;
    t.apply(&environment("first").to_string()).await?;
    t.until(SOON, "the first to be Ready", ("environment", &home, "first"), is("True")).await?;
    // creation times are whole seconds, and within one the name decides
    tokio::time::sleep(Duration::from_millis(1100)).await;
    t.apply(&environment("afterwards").to_string()).await?;
    let second = t.until(SOON, "the second to be Stalled", ("environment", &home, "afterwards"), |v| {
        condition(v, "Stalled", "reason") == "NamespaceTaken" && condition(v, "Stalled", "status") == "True"
    });
    let message = condition(&second.await?, "Stalled", "message").to_owned();
    ensure!(message.contains(&format!("{home}/first")), "it does not name the first: {message}");
    t.delete("environment", &home, "first").await?;
    t.until(SOON, "the second to take its place", ("environment", &home, "afterwards"), is("True")).await.map(drop)
}

async fn withdrawn(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["progressDeadline"] = json!("10s")).await?;
    let image = shop.deliver("1.0.0", 1, Cue::NeverReady).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    consent(t, &shop.staging, Value::Null).await?;
    let is_told = |v: &Value| text(v, "/status/waitingFor").contains("does not accept");
    shop.until("1.0.0", "the release to say why it does not go on", is_told).await?;
    let stage = shop.stage_until("staging", "the rollout to end", |s| s["rollout"].is_null()).await?;
    let last = last(&stage);
    ensure!(last["outcome"] == "Failed" && text(&last, "/reason").contains("does not accept"), "history: {last}");
    shop.stalled("dp", "checkout", "NoConsent").await?;
    shop.keeps(&shop.staging, "checkout", &image).await?;
    ensure!(t.list_json("decision", &shop.home, "").await?.is_empty(), "the build was banned for it");
    Ok(())
}
