//! All of `config/samples` applied as it is: the pipeline becomes Ready, its release is delivered with both kinds of
//! suite, and every Decision sample is taken by the server.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::dirs;
use crate::settings::Settings;
use crate::shop::{SOON, stage_of};
use crate::story::{Story, condition, text};

pub async fn run(t: &Story) -> Result<()> {
    let samples = dirs::repository().join("config/samples").canonicalize()?;
    let type_ = |line: String| { let samples = samples.clone(); async move {
        t.cluster().shell(&line, &samples, &t.cluster().kubeconfig_path()).await?.ok().context(line)
    }};
    let _operator = t.start_operator(&Settings::default()).await?;
    type_("kubectl apply -k .".to_owned()).await?;
    type_("kubectl wait -n shop --for=condition=Ready dp/checkout --timeout=30s".to_owned()).await?;
    let before = t.get_json("dp", "shop", "checkout").await?;
    let again = type_("kubectl apply -f release.yaml -f pipeline.yaml".to_owned()).await?;
    let after = t.get_json("dp", "shop", "checkout").await?;
    ensure!(again.contains("release.windlass.dev/checkout-1.8.0 unchanged"), "applied again: {again}");
    ensure!(before["metadata"]["generation"] == after["metadata"]["generation"], "applied again it changes the pipeline");
    contract_passes(t).await?;
    type_("kubectl wait -n shop --for=condition=Delivered release/checkout-1.8.0 --timeout=40s".to_owned()).await?;

    let release = t.get_json("release", "shop", "checkout-1.8.0").await?;
    for (stage, suites) in [("staging", 2), ("production", 1)] {
        let tests = stage_of(&release, stage)["tests"].as_array().cloned().unwrap_or_default();
        ensure!(tests.len() == suites && tests.iter().all(|t| t["phase"] == "Passed"), "{stage}: {tests:?}");
        let found = t.get_json("deploy", &format!("shop-{stage}"), "checkout").await?;
        let image = text(&found, "/spec/template/spec/containers/0/image");
        ensure!(image == text(&release, "/spec/build/images/0/ref"), "{stage} runs {image}");
    }
    ensure!(text(&release, "/status/by") == "maria", "it shows the author where nobody is stamped");

    // the same pipeline by the git path: the sample's other digest, and a Release made by the operator
    type_("kubectl apply -f pipeline-with-head.yaml".to_owned()).await?;
    let made = |v: &Value| text(v, "/spec/build/version") == "1.8.1";
    t.until(SOON, "the head's Release", ("release", "shop", "checkout-1.8.1"), made).await?;
    let pipeline = t.get_json("dp", "shop", "checkout").await?;
    ensure!(condition(&pipeline, "Stalled", "status") == "False", "the sample stalls: {}", pipeline["status"]);
    for more in ["canary", "blue-green", "hooks", "gates"] {
        type_(format!("kubectl apply --dry-run=server -f pipeline-with-{more}.yaml")).await?;
    }
    type_("kubectl apply --dry-run=server -f environments-with-rules.yaml".to_owned()).await?;
    for file in std::fs::read_dir(samples.join("decisions"))? {
        let path = file?.path().display().to_string();
        type_(format!("kubectl create --dry-run=server -f {path}")).await?;
    }
    Ok(())
}

/// CI's part: the suite `contract` of staging is reported in the TestRun's status.
async fn contract_passes(t: &Story) -> Result<()> {
    let labels = "windlass.dev/release=checkout-1.8.0,windlass.dev/environment=staging,windlass.dev/suite=contract";
    let find = || async { Ok(t.list_json("testrun", "shop", labels).await?.pop()) };
    let run = t.eventually(SOON, "the TestRun of contract", find).await?;
    let passed = json!({"status": {"phase": "Passed", "counts": {"total": 42, "passed": 42}}});
    t.patch_status("testrun", "shop", text(&run, "/metadata/name"), &passed).await.map(drop)
}
