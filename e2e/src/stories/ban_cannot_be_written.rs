//! The server does not take the record of a ban: the revert goes on all the same, the build stays banned by the
//! checkpoint, and the record is written as soon as it can be.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    forbid(t, &shop).await?;
    let bad = shop.deliver("1.8.0", 1, Cue::CrashLoop).await?;
    shop.phase("1.8.0", "staging", "Reverted").await?;
    shop.runs(&shop.staging, &Shop::revision_0()).await?;
    ensure!(shop.bans().await?.is_empty(), "the story does not keep bans away");
    let noted = shop.stage("staging").await?["bans"].clone();
    ensure!(noted[0]["release"] == "checkout-1.8.0", "the checkpoint has no ban: {noted}");

    t.apply(&shop.release("1.8.1", 2, &bad).to_string()).await?;
    shop.until("1.8.1", "to wait for the ban", |v| text(v, "/status/waitingFor").contains("banned in staging")).await?;
    shop.runs(&shop.staging, &Shop::revision_0()).await?;

    allow(t, &shop).await?;
    // it is tried again by and by, and at each look at the pipeline
    shop.edit(json!({"historyLimit": 21})).await?;
    let ban = t.eventually(SOON, "the ban to be written", || async { Ok(shop.bans().await?.pop()) }).await?;
    ensure!(text(&ban, "/spec/release") == "checkout-1.8.0", "{}", ban["spec"]);
    shop.pipeline_until("the checkpoint's note to go", |v| v["status"]["stages"][0]["bans"].is_null()).await?;
    shop.until("1.8.1", "to be banned still", |v| text(v, "/status/waitingFor").contains("banned in staging")).await?;
    ensure!(shop.bans().await?.len() == 1, "one ban, not {:?}", shop.bans().await?);
    shop.is_untouched(&shop.production).await
}

/// Lets nobody make a Ban in this shop, and returns once that is in force.
async fn forbid(t: &Story, shop: &Shop<'_>) -> Result<()> {
    let name = &shop.home;
    let rule = json!({"apiGroups": ["windlass.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["decisions"]});
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let group = "admissionregistration.k8s.io/v1";
    for object in [
        json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": here},
            "validations": [{"expression": "object.spec.type != 'Ban'", "message": "no bans in this story"}]}}),
        json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]}}),
    ] {
        t.apply(&object.to_string()).await?;
    }
    let in_force = || async { Ok(is_refused(t, shop).await?.then_some(())) };
    t.eventually(SOON, "the policy to be in force", in_force).await
}

/// Takes the rule away, and returns once that is in force.
async fn allow(t: &Story, shop: &Shop<'_>) -> Result<()> {
    t.delete("validatingadmissionpolicybinding", "", &shop.home).await?;
    t.delete("validatingadmissionpolicy", "", &shop.home).await?;
    let in_force = || async { Ok((!is_refused(t, shop).await?).then_some(())) };
    t.eventually(SOON, "the policy to be gone", in_force).await
}

/// Whether the server would refuse a Ban for the story's reason.
async fn is_refused(t: &Story, shop: &Shop<'_>) -> Result<bool> {
    let ban = json!({"type": "Ban", "pipeline": "nobody", "environment": "staging", "reason": "a try",
        "buildHash": "0".repeat(40), "attempt": "20260101t000000000z"});
    let object: Value = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "Decision",
        "metadata": {"name": "a-try", "namespace": shop.home}, "spec": ban});
    let tried = t.kubectl_with_input(["create", "--dry-run=server", "-f", "-"], &object.to_string()).await?.ok();
    match tried {
        Ok(_) => Ok(false),
        Err(said) if said.to_string().contains("no bans in this story") => Ok(true),
        Err(other) => Err(other),
    }
}
