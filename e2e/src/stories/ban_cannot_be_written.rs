//! The server does not take the record of a ban: the revert goes on all the same, the build stays banned by the
//! checkpoint, and the record is written as soon as it can be.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Denial, Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let denial = no_bans(&shop);
    denial.begin(t).await?;
    let bad = shop.deliver("1.8.0", 1, Cue::CrashLoop).await?;
    shop.phase("1.8.0", "staging", "Reverted").await?;
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    ensure!(shop.bans().await?.is_empty(), "the story does not keep bans away");
    let noted = shop.stage("staging").await?["bans"].clone();
    ensure!(noted[0]["release"] == "checkout-1.8.0", "the checkpoint has no ban: {noted}");

    t.apply(&shop.release("1.8.1", 2, &bad).to_string()).await?;
    shop.until("1.8.1", "to wait for the ban", |v| text(v, "/status/waitingFor").contains("banned in staging")).await?;
    shop.runs(&shop.staging, &Shop::revision_0()).await?;

    denial.end(t).await?;
    // it is tried again by and by, and at each look at the pipeline
    shop.edit(json!({"historyLimit": 21})).await?;
    let ban = t.eventually(SOON, "the ban to be written", || async { Ok(shop.bans().await?.pop()) }).await?;
    ensure!(text(&ban, "/spec/release") == "checkout-1.8.0", "{}", ban["spec"]);
    shop.pipeline_until("the checkpoint's note to go", |v| v["status"]["stages"][0]["bans"].is_null()).await?;
    shop.until("1.8.1", "to be banned still", |v| text(v, "/status/waitingFor").contains("banned in staging")).await?;
    ensure!(shop.bans().await?.len() == 1, "one ban, not {:?}", shop.bans().await?);
    shop.is_untouched(&shop.production).await
}

/// Nobody makes a Ban in this shop.
fn no_bans(shop: &Shop<'_>) -> Denial {
    let ban = json!({"type": "Ban", "pipeline": "nobody", "environment": "staging", "reason": "a try",
        "buildHash": "0".repeat(40), "attempt": "20260101t000000000z"});
    Denial {
        namespace: shop.home.clone(),
        rule: json!({"apiGroups": ["windlass.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["decisions"]}),
        lets: "object.spec.type != 'Ban'",
        probe: json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "Decision",
            "metadata": {"name": "a-try", "namespace": shop.home}, "spec": ban}),
    }
}
