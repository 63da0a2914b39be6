//! Of TestRuns and used Decisions the last twenty of each stage stay; Bans, Withdraws and a standing Promote always do.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

const KEPT: usize = 20;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    shop.deliver("1.0.0", 1, Cue::CrashLoop).await?;
    shop.phase("1.0.0", "staging", "Reverted").await?;
    shop.edit(json!({"suspend": true})).await?;
    shop.deliver("1.1.0", 2, Cue::Good).await?;
    shop.deliver("1.2.0", 3, Cue::Good).await?;
    let promote = shop.decide_on("1.2.0", "staging", "Promote").await?;
    let withdraw = shop.decide("Withdraw", json!({"release": "checkout-1.1.0"})).await?;
    shop.decided(&withdraw, "Applied").await?;
    shop.decided(&promote, "Pending").await?;
    // names tell the order, as creation times are whole seconds
    let used: Vec<String> = (10..35).map(|n| decision(&shop, n).to_string()).collect();
    t.apply(&used.join("\n---\n")).await?;
    let release = shop.look("1.2.0").await?;
    let runs: Vec<String> = (10..35).map(|n| test_run(&release, n).to_string()).collect();
    t.apply(&runs.join("\n---\n")).await?;

    let shop = &shop;
    for kind in ["testrun", "decision"] {
        let is_used = |v: &Value| kind == "testrun" || text(v, "/spec/type") == "Unhold";
        let kept = || async move {
            let all = t.list_json(kind, &shop.home, "").await?;
            let left: Vec<_> = all.iter().filter(|v| is_used(v)).map(|v| text(v, "/metadata/name").to_owned()).collect();
            ensure!(left.len() == KEPT, "{} are left", left.len());
            Ok(Some(left))
        };
        let left = t.eventually(SOON, &format!("{KEPT} of kind {kind} to be left"), kept).await?;
        ensure!(left.iter().any(|name| name.contains("34")), "the newest {kind} went: {left:?}");
    }
    let runs = t.list_json("testrun", &shop.home, "").await?;
    ensure!(runs.iter().all(|r| text(r, "/spec/attempt") >= "20260101t100015000z"), "an old run stayed before a newer one");
    shop.is_still("retention goes on though all is pruned").await?;
    for (r#type, phase) in [("Ban", "Applied"), ("Withdraw", "Applied"), ("Promote", "Pending")] {
        let all = shop.decisions(r#type).await?;
        ensure!(all.len() == 1 && all.iter().all(|d| text(d, "/status/phase") == phase), "{type}: {all:?}");
    }
    Ok(())
}

/// An act that is refused at once: used.
fn decision(shop: &Shop<'_>, number: u32) -> Value {
    json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": "Decision",
        "metadata": {"name": format!("unhold-{number}"), "namespace": shop.home},
        "spec": {"type": "Unhold", "pipeline": "checkout", "environment": "staging", "user": "joe", "reason": "told in a story"},
    })
}

/// A TestRun of an attempt long ago.
fn test_run(release: &Value, number: u32) -> Value {
    let attempt = format!("20260101t1000{number}000z");
    json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": "TestRun",
        "metadata": {"name": format!("checkout-1.2.0.staging.api.{attempt}"), "namespace": text(release, "/metadata/namespace")},
        "spec": {
            "pipeline": "checkout", "release": "checkout-1.2.0", "releaseUid": text(release, "/metadata/uid"),
            "buildHash": text(release, "/status/buildHash"), "template": "", "environment": "staging",
            "attempt": attempt, "suite": "api", "runner": "External",
        },
    })
}
