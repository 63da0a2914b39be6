//! An approval is of one build: another build under the release's name has none. And while an admission policy of the chart is
//! missing nobody has approved anything, neither then nor before it is back. Told where users and groups are stated, and not stamped.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{Guarded, Person};
use crate::story::Story;

const ANN: Person = ("ann", Some("release-managers"));
const JOE: Person = ("joe", Some("release-managers"));

pub async fn run(t: &Story) -> Result<()> {
    let sets = ["admission.user=demand", "identities.octo-maria=maria"];
    let guarded = Guarded::open(t, &sets, &[("approve", "ann"), ("approve", "joe"), ("edit", "maria")]).await?;
    let shop = &guarded.shop;
    shop.rules(json!({"policy": {"approvals": {"required": 2, "groups": ["release-managers"]}}})).await?;
    shop.adopt(|_| {}).await?;
    let before = shop.image(&shop.production, "checkout").await?;

    guarded.asks(("maria", None), "1.0.0", 1, json!({"author": "octo-maria"})).await?;
    shop.waits("1.0.0", "0 of 2 approvals; maria may not approve their own").await?;
    let unstated = guarded.decides(ANN, "Approve", "1.0.0", json!({"user": "ann"})).await?;
    shop.refused(&unstated, "spec.groups: ann is not in release-managers").await?;
    let forged = guarded.decides(ANN, "Approve", "1.0.0", json!({"user": "ann", "groups": ["sre"]})).await;
    ensure!(forged.is_err_and(|said| format!("{said:#}").contains("spec.groups: ann is in")), "a group is not hers");
    let approve = guarded.decides(ANN, "Approve", "1.0.0", stated("ann")).await?;
    shop.decided(&approve, "Applied").await?;
    shop.waits("1.0.0", "1 of 2 approvals (ann)").await?;
    t.delete("release", &shop.home, "checkout-1.0.0").await?;
    let mut another = shop.release("1.0.0", 2, &cue::image("app", Cue::Good, "another"));
    another["spec"]["requestedBy"] = json!("windlass-e2e-admin");
    another["spec"]["build"]["source"] = json!({"author": "octo-maria"});
    t.apply(&another.to_string()).await?;
    let approve = guarded.decides(JOE, "Approve", "1.0.0", stated("joe")).await?;
    shop.decided(&approve, "Applied").await?;
    shop.waits("1.0.0", "1 of 2 approvals (joe)").await?;

    let binding = "validatingadmissionpolicybinding";
    t.delete(binding, "", "windlass-decide").await?;
    shop.waits("1.0.0", "approvals cannot be relied on: ValidatingAdmissionPolicyBinding windlass-decide is missing").await?;
    let unguarded = guarded.decides(ANN, "Approve", "1.0.0", stated("ann")).await?;
    shop.refused(&unguarded, "it cannot be relied on").await?;
    guarded.mend().await?;
    // who wrote what while it was missing nobody knows, so what was said before counts no more
    shop.waits("1.0.0", "0 of 2 approvals").await?;
    let warns = json!({"spec": {"validationActions": ["Warn"]}});
    t.patch(binding, "", "windlass-status", &warns).await?;
    shop.waits("1.0.0", "ValidatingAdmissionPolicyBinding windlass-status does not deny").await?;
    t.patch(binding, "", "windlass-status", &json!({"spec": {"validationActions": ["Deny"]}})).await?;
    shop.waits("1.0.0", "0 of 2 approvals").await?;
    for (person, user) in [(ANN, "ann"), (JOE, "joe")] {
        ensure!(shop.image(&shop.production, "checkout").await? == before, "it entered with one approval");
        let approve = guarded.decides(person, "Approve", "1.0.0", stated(user)).await?;
        shop.decided(&approve, "Applied").await?;
    }
    shop.delivered("1.0.0").await.map(drop)
}

/// What a person must say of themselves where it is not stamped.
fn stated(user: &str) -> Value {
    json!({"user": user, "groups": ["release-managers"]})
}
