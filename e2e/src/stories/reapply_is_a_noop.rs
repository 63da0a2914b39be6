//! Applying release, pipeline and Environments again is nothing: no rollout, and not one write by the operator but its Lease.

use anyhow::{Result, ensure};

use crate::cue::{self, Cue};
use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let operator = t.start_operator(&Settings::default()).await?;
    let shop = Shop::open(t).await?;
    let image = cue::image("app", Cue::Good, "1.0.0");
    let environments = [("staging", &shop.staging), ("production", &shop.production)];
    let environments = environments.map(|(name, ns)| Shop::environment(&shop.home, name, ns).to_string());
    let all = [shop.pipeline().to_string(), shop.release("1.0.0", 1, &image).to_string()];
    let all = [environments.as_slice(), all.as_slice()].concat().join("\n---\n");
    t.kubectl_apply(&all).await?;
    shop.delivered("1.0.0").await?;
    shop.rests("1.0.0", "production").await?;
    shop.is_still("the operator writes though all is delivered").await?;

    let writes = writes(&operator).await?;
    ensure!(!writes.is_empty(), "there is no metric of writes");
    t.kubectl_apply(&all).await?;
    // the server sorts managers by time: the first one after another's write moves an entry, whoever's the object is
    let versions = shop.versions().await?;
    t.kubectl_apply(&all).await?;
    shop.is_still("a manifest that was applied again makes the operator write").await?;
    let after = shop.versions().await?;
    let changed: Vec<_> = after.iter().filter(|(name, version)| versions.get(*name) != Some(*version)).collect();
    ensure!(changed.is_empty(), "written: {changed:?}");
    let now = self::writes(&operator).await?;
    ensure!(now == writes, "the operator wrote: {writes:?}, then {now:?}");
    let history = shop.history("production").await?;
    ensure!(history == [("checkout-1.0.0".to_owned(), "Delivered".to_owned())], "it rolled again: {history:?}");
    Ok(())
}

/// The operator's own count of its writes, without those to its Lease.
async fn writes(operator: &Operator) -> Result<Vec<String>> {
    let (_, metrics) = operator.get("/metrics").await?;
    let lines = metrics.lines().filter(|l| l.starts_with("windlass_writes_total") && !l.contains("Lease"));
    Ok(lines.map(str::to_owned).collect())
}
