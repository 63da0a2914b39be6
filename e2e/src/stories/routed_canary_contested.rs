//! Someone writes the weights by hand: they are put right once. The second time the clone gets nothing any more, its
//! release goes back without a ban, the pipeline names who wrote, and the route is left alone.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::shop::{ROUTE, SOON, Shop, weight_of};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 2).await?;
    let client = shop.adopt_routed(json!([{"weight": 20, "pause": "1h"}])).await?;
    let from = client.mark();
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 20 20").await?;

    rewrite(&shop, 60).await?;
    shop.weighs(20).await?;
    shop.shows("1.8.0", "1/2 20 20").await?;
    rewrite(&shop, 60).await?;
    shop.weighs(0).await?;
    let said = shop.stalled("dp", "checkout", "RouteContested").await?;
    ensure!(said.contains("kubectl-patch"), "it says {said}");
    shop.home().await?;
    shop.settled().await?;
    ensure!(shop.decisions("Ban").await?.is_empty(), "the build was banned");
    client.since(from).await.none_failed()?;

    let hostnames = json!([{"op": "add", "path": "/spec/hostnames/-", "value": "theirs.example"}]).to_string();
    patch(&shop, &hostnames).await?;
    let is_ours = || async {
        let now = t.get_json("httproute", &shop.production, ROUTE).await?;
        Ok((now["spec"]["hostnames"].as_array().map(Vec::len) != Some(2)).then(|| now["spec"].to_string()))
    };
    t.never(crate::shop::A_WHILE, "the route is written a third time", is_ours).await
}

/// `kubectl patch` of both weights.
async fn rewrite(shop: &Shop<'_>, weight: i64) -> Result<()> {
    let at = |index: usize| format!("/spec/rules/0/backendRefs/{index}/weight");
    let both = json!([{"op": "replace", "path": at(0), "value": 100 - weight}, {"op": "replace", "path": at(1), "value": weight}]);
    patch(shop, &both.to_string()).await?;
    // it may be put right before anyone looks
    let seen = || async {
        let now = shop.story().get_json("httproute", &shop.production, ROUTE).await?;
        Ok((weight_of(&now) != weight).then_some(()))
    };
    shop.story().eventually(SOON, "the weights to be put right", seen).await
}

async fn patch(shop: &Shop<'_>, operations: &str) -> Result<()> {
    let args = ["patch", "httproute", ROUTE, "-n", &shop.production, "--type=json", "-p", operations];
    shop.story().kubectl(args).await?.ok().map(drop)
}
