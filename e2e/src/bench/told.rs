//! How soon a release says why it waits: from the server's answer to a change to the gate's new state in the release's status.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{Shop, gate};
use crate::story::Story;

/// Longer than this, and it is not told at all.
const LIMIT: Duration = Duration::from_secs(60);

/// A gate, and what closes it: the object, and what is patched in and out of it.
struct Cause {
    gate: &'static str,
    kind: &'static str,
    namespace: String,
    name: String,
    close: Value,
    open: Value,
}

/// Closes and opens each gate so many times; the times until that was told.
pub(super) async fn times(story: &Story, runs: u32) -> Result<Vec<Duration>> {
    let shop = Shop::open(story).await?;
    shop.adopt(|pipeline| pipeline["spec"]["stages"][1]["promotion"] = json!({"mode": "Manual"})).await?;
    shop.deliver("1.0.0", 1, Cue::Good).await?;
    shop.rests("1.0.0", "staging").await?;
    let causes = causes(&shop);
    let mut times = Vec::new();
    for _ in 0..runs {
        for Cause { gate, kind, namespace, name, close, open } in &causes {
            for (patch, state) in [(close, "Closed"), (open, "Open")] {
                story.patch(kind, namespace, name, patch).await?;
                times.push(told(&shop, gate, state).await?);
            }
        }
    }
    Ok(times)
}

async fn told(shop: &Shop<'_>, name: &str, state: &str) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let now = gate(&shop.look("1.0.0").await?, "production", name)?;
        if now["state"] == state {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < LIMIT, "the gate {name} is not told to be {state}: {now}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn causes(shop: &Shop<'_>) -> Vec<Cause> {
    let home = |gate, kind, name: &str, close, open| Cause {
        gate,
        kind,
        namespace: shop.home.clone(),
        name: name.to_owned(),
        close,
        open,
    };
    let policy = |gate, rule: Value| {
        let (close, open) = (json!({"spec": {"policy": rule}}), json!({"spec": {"policy": null}}));
        home(gate, "environment", "production", close, open)
    };
    let environment = |gate, field: &str, value: Value| {
        home(gate, "environment", "production", json!({"spec": {field: value}}), json!({"spec": {field: null}}))
    };
    let pin = json!([{"environment": "production", "release": "checkout-0.9.0", "reason": "the fair"}]);
    let freeze = |reason: Value| json!({"metadata": {"annotations": {"windlass.dev/freeze": reason}}});
    let annotated = Cause {
        namespace: String::new(),
        ..home("freeze", "namespace", &shop.production, freeze(json!("audit")), freeze(Value::Null))
    };
    vec![
        home(
            "pause",
            "release",
            "checkout-1.0.0",
            json!({"spec": {"paused": true}}),
            json!({"spec": {"paused": false}}),
        ),
        home("pause", "dp", "checkout", json!({"spec": {"suspend": true}}), json!({"spec": {"suspend": false}})),
        home("pin", "dp", "checkout", json!({"spec": {"pins": pin}}), json!({"spec": {"pins": null}})),
        policy("requiredSuites", json!({"requiredSuites": ["scan"]})),
        policy("soak", json!({"minSoak": "700h"})),
        policy("approvals", json!({"approvals": {"required": 1}})),
        environment("window", "windows", json!([{"deny": "0 0 1 * *", "for": "744h"}])),
        environment("freeze", "freeze", json!({"reason": "stock-taking"})),
        annotated,
    ]
}
