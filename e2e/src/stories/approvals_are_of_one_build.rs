//! An approval is of one build: another build under the release's name has none. And while an admission policy of the chart is
//! missing nobody has approved anything, neither then nor before it is back.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::{self, Cue};
use crate::shop::{Guarded, Person};
use crate::story::Story;

const ANN: Person = ("ann", None);
const JOE: Person = ("joe", None);

pub async fn run(t: &Story) -> Result<()> {
    let guarded = Guarded::open(t, &["admission.user=auto"], &[("approve", "ann"), ("approve", "joe"), ("edit", "maria")]).await?;
    let shop = &guarded.shop;
    let floor = json!({"spec": {"policy": {"approvals": {"required": 2}}}});
    t.patch("environment", &shop.home, "production", &floor).await?;
    shop.adopt(|_| {}).await?;
    let before = shop.image(&shop.production, "checkout").await?;

    guarded.asks(("maria", None), "1.0.0", 1, json!(null)).await?;
    shop.waits("1.0.0", "0 of 2 approvals; maria may not approve their own").await?;
    let approve = guarded.decides(ANN, "Approve", "1.0.0", json!({})).await?;
    shop.decided(&approve, "Applied").await?;
    shop.waits("1.0.0", "1 of 2 approvals (ann)").await?;
    t.delete("release", &shop.home, "checkout-1.0.0").await?;
    let mut another = shop.release("1.0.0", 2, &cue::image("app", Cue::Good, "another"));
    another["spec"]["requestedBy"] = json!("maria");
    t.apply(&another.to_string()).await?;
    let approve = guarded.decides(JOE, "Approve", "1.0.0", json!({})).await?;
    shop.decided(&approve, "Applied").await?;
    shop.waits("1.0.0", "1 of 2 approvals (joe)").await?;

    let binding = "validatingadmissionpolicybinding";
    t.delete(binding, "", "windlass-decide").await?;
    shop.waits("1.0.0", "approvals cannot be relied on: ValidatingAdmissionPolicyBinding windlass-decide is missing").await?;
    let unguarded = guarded.decides(ANN, "Approve", "1.0.0", json!({})).await?;
    shop.refused(&unguarded, "it cannot be relied on").await?;
    guarded.mend().await?;
    shop.waits("1.0.0", "1 of 2 approvals (joe)").await?;
    let warns = json!({"spec": {"validationActions": ["Warn"]}});
    t.patch(binding, "", "windlass-status", &warns).await?;
    shop.waits("1.0.0", "ValidatingAdmissionPolicyBinding windlass-status does not deny").await?;
    shop.keeps(&shop.production, "checkout", &before).await?;
    t.patch(binding, "", "windlass-status", &json!({"spec": {"validationActions": ["Deny"]}})).await?;
    shop.waits("1.0.0", "1 of 2 approvals (joe)").await?;
    ensure!(shop.image(&shop.production, "checkout").await? == before, "it entered with one approval");
    let approve = guarded.decides(ANN, "Approve", "1.0.0", json!({})).await?;
    shop.decided(&approve, "Applied").await?;
    shop.delivered("1.0.0").await.map(drop)
}
