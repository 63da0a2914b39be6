//! CI finds its TestRun by labels or fields and writes the result into its status. A pass lets the release go on; no
//! result in time is Errored and leaves it Unverified; CI may replace its own Errored before that.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| p["spec"]["stages"][0]["tests"] = contract("60s")).await?;
    passed(t, &shop).await?;
    shop.edit(stages(&shop, "6s")).await?;
    let image = shop.deliver("1.8.2", 3, Cue::Good).await?;
    shop.phase("1.8.2", "staging", "Unverified").await?;
    let run = waiting(t, &shop, "1.8.2").await?;
    let said = text(&run, "/status/message");
    ensure!(text(&run, "/status/phase") == "Errored" && said == "no result within 6s", "the run says {said}");
    shop.runs(&shop.staging, &image).await?;
    ensure!(shop.bans().await?.is_empty(), "silence condemned the build");
    ensure!(shop.image(&shop.production, "checkout").await? != image, "production took it without evidence");
    Ok(())
}

/// A pass by CI; then an Errored of its own that it replaces.
async fn passed(t: &Story, shop: &Shop<'_>) -> Result<()> {
    for (version, minute) in [("1.8.0", 1), ("1.8.1", 2)] {
        shop.deliver(version, minute, Cue::Good).await?;
        let run = waiting(t, shop, version).await?;
        let verifying = shop.phase(version, "staging", "Verifying").await?;
        ensure!(text(&verifying, "/status/waitingFor") == "tests: contract", "{}", verifying["status"]["waitingFor"]);
        if version == "1.8.1" {
            report(t, shop, &run, json!({"phase": "Errored", "message": "the runner was lost"})).await?;
            t.never(std::time::Duration::from_secs(2), "CI's own Errored ends it", || async {
                let stage = shop.stage("staging").await?;
                Ok((stage["rollout"]["state"]["verifying"].is_null()).then(|| stage["rollout"].to_string()))
            })
            .await?;
        }
        let counts = json!({"total": 12, "passed": 12});
        report(t, shop, &run, json!({"phase": "Passed", "counts": counts, "message": null})).await?;
        let release = shop.delivered(version).await?;
        ensure!(text(&release, "/status/tests") == "1/1", "tests are {}", release["status"]["tests"]);
        ensure!(text(&waiting(t, shop, version).await?, "/status/phase") == "Passed", "its word was changed");
    }
    Ok(())
}

/// The TestRun, found as CI finds it: by fields. By labels it is the same one.
async fn waiting(t: &Story, shop: &Shop<'_>, version: &str) -> Result<Value> {
    let fields = format!("--field-selector=spec.release=checkout-{version},spec.environment=staging,spec.suite=contract");
    let found = t.eventually(SOON, "the TestRun to be there", || async {
        let names = t.kubectl(["get", "testrun", "-n", &shop.home, &fields, "-o", "name"]).await?.ok()?;
        Ok(names.trim().strip_prefix("testrun.windlass.dev/").map(str::to_owned))
    });
    let name = found.await?;
    let runs = shop.test_runs(version, "staging").await?;
    let run = runs.into_iter().find(|r| text(r, "/metadata/name") == name).context("labels and fields disagree")?;
    ensure!(name.starts_with(&format!("checkout-{version}.staging.contract.")), "it is called {name}");
    Ok(run)
}

async fn report(t: &Story, shop: &Shop<'_>, run: &Value, status: Value) -> Result<()> {
    let name = text(run, "/metadata/name");
    t.patch_status("testrun", &shop.home, name, &json!({"status": status})).await.map(drop)
}

fn contract(timeout: &str) -> Value {
    json!([{"suite": "contract", "external": {}, "timeout": timeout}])
}

fn stages(shop: &Shop<'_>, timeout: &str) -> Value {
    let mut spec = shop.pipeline()["spec"].clone();
    spec["stages"][0]["tests"] = contract(timeout);
    json!({"stages": spec["stages"]})
}
