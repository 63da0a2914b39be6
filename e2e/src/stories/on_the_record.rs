//! What an auditor asks of a release, answered by its own object when all is over: who asked and what went in, what was proven and who
//! said so, who approved, when it was exposed, what happened then, and how it went the second time.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::shop::{Guarded, Person, SOON, decided, stage_of};
use crate::story::{Story, text};

const MARIA: Person = ("maria", None);
const ANN: Person = ("ann", None);
const JOE: Person = ("joe", None);
const CI: &str = "ci";

pub async fn run(t: &Story) -> Result<()> {
    let roles = [("deliver", "maria"), ("approve", "ann"), ("on-call", "joe"), ("report", CI)];
    let guarded = Guarded::open(t, &["identities.octo-maria=maria"], &roles).await?;
    let shop = &guarded.shop;
    shop.rules(json!({"policy": {"approvals": {"required": 1}}})).await?;
    shop.adopt(|pipeline| {
        let suite = |name: &str| json!([{"suite": name, "external": {}, "timeout": "10m"}]);
        pipeline["spec"]["tests"] = json!([{"suite": "unit", "external": {}}]);
        pipeline["spec"]["stages"][0]["tests"] = suite("api");
        pipeline["spec"]["stages"][1]["tests"] = suite("smoke");
    })
    .await?;

    let pulled = json!({"number": 7, "title": "Round to cents", "author": "octo-maria", "url": "https://git.example/shop/pull/7"});
    let source = json!({"repository": "https://git.example/shop", "revision": "9f1c2d3", "author": "octo-maria", "pullRequests": [pulled]});
    guarded.asks(MARIA, "1.0.0", 1, source).await?;
    reports(&guarded, "build", 40).await?;
    reports(&guarded, "staging", 12).await?;
    guarded.decides(ANN, "Approve", "1.0.0", json!({"reason": "seen with the shop"})).await?;
    shop.phase("1.0.0", "production", "Verifying").await?;
    guarded.decides_here(JOE, "Abort", json!({"pipeline": "checkout", "reason": "the fair"})).await?;
    shop.phase("1.0.0", "production", "Reverted").await?;
    guarded.decides(JOE, "Retry", "1.0.0", json!({"reason": "the fair is over"})).await?;
    shop.phase("1.0.0", "production", "Verifying").await?;
    reports(&guarded, "production", 3).await?;
    let release = shop.delivered("1.0.0").await?;

    ensure!(text(&release, "/spec/requestedBy") == "maria", "who asked: {}", release["spec"]);
    ensure!(release["spec"]["build"]["source"]["pullRequests"] == json!([pulled]), "what went in: {}", release["spec"]);
    proven(&release["status"]["buildTests"], "unit", 40)?;
    proven(&stage_of(&release, "staging")["tests"], "api", 12)?;
    let production = stage_of(&release, "production");
    proven(&production["tests"], "smoke", 3)?;
    let said = decided(&release, "production");
    ensure!(said == ["Approve ann", "Abort joe", "Retry joe"], "who decided: {said:?}");
    in_order(production, &["startedAt", "exposedAt", "deliveredAt"])?;
    let [first] = production["earlier"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        anyhow::bail!("what happened before: {}", production["earlier"]);
    };
    ensure!(first["outcome"] == "Reverted" && first["cause"] == "Aborted", "the first time: {first}");
    ensure!(text(first, "/message") == "aborted by joe", "why: {first}");
    ensure!(text(first, "/tests/0/phase") == "Aborted", "its suite: {first}");
    in_order(first, &["startedAt", "exposedAt", "finishedAt"])
}

/// CI reports the open run of 1.0.0 there, under its own name.
async fn reports(guarded: &Guarded<'_>, environment: &str, tests: i64) -> Result<()> {
    let (shop, t) = (&guarded.shop, guarded.shop.story());
    let find = || async {
        let runs = shop.test_runs("1.0.0", environment).await?;
        Ok(runs.into_iter().find(|run| text(run, "/status/phase") == "Running"))
    };
    let run = t.eventually(SOON, &format!("a TestRun in {environment}"), find).await?;
    let theirs = t.cluster().objects().through(t.cluster().client_for_user(CI, None).await?);
    let status = json!({"status": {"phase": "Passed", "counts": {"total": tests, "passed": tests}, "url": "https://ci.example/8412"}});
    theirs.merge("testrun", &shop.home, text(&run, "/metadata/name"), &status, true).await.context("CI may not report")?;
    Ok(())
}

fn proven(tests: &Value, suite: &str, count: i64) -> Result<()> {
    let run = &tests[0];
    ensure!(run["suite"] == suite && run["phase"] == "Passed" && run["reporter"] == CI, "what was proven: {tests}");
    ensure!(run["counts"]["passed"] == count && run["url"] == "https://ci.example/8412", "in figures: {tests}");
    in_order(run, &["startedAt", "finishedAt"])
}

/// These times are there, each no earlier than the one before.
fn in_order(object: &Value, names: &[&str]) -> Result<()> {
    let times = names.iter().map(|name| object[*name].as_str().unwrap_or_default().parse::<jiff::Timestamp>());
    let times: Vec<_> = times.collect::<Result<_, _>>().with_context(|| format!("{names:?} of {object}"))?;
    ensure!(times.is_sorted(), "{names:?} are {times:?}");
    Ok(())
}
