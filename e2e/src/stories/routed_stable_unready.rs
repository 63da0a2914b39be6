//! A canary that has all requests is aborted while no pod of the workload is ready. The requests stay where they are
//! answered until one of its pods is ready again, then they go back; a user who asks all the while notices nothing.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{A_WHILE, ROUTE, SOON, Shop, canary, weight_of};
use crate::story::{Break, Story, number};

const STABLE: &str = "windlass.dev/track=stable";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let client = shop
        .adopt_behind_a_route(|pipeline| {
            canary(pipeline, &json!([{"weight": 50, "pause": "1s"}]));
            pipeline["spec"]["stages"][1]["bake"] = json!("1h");
        })
        .await?;
    let (old, generation) = (Shop::revision_0(), shop.generation().await?);
    let from = client.mark();
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "2/2 100 100").await?;
    t.break_pods(&shop.production, STABLE, Break::Unready).await?;
    ready(&shop, |ready| ready == 0).await?;

    shop.decide_in("production", "Abort", json!({})).await?;
    shop.phase("1.8.0", "production", "Reverting").await?;
    let seen = client.mark();
    let falls = || async {
        let route = t.get_json("httproute", &shop.production, ROUTE).await?;
        let pods = t.get_json("deploy", &shop.production, "checkout-canary").await?;
        let (weight, pods) = (weight_of(&route), number(&pods, "/spec/replicas"));
        Ok((weight != 100 || pods != 3).then(|| format!("weight {weight}, {pods} pods of the clone")))
    };
    t.never(A_WHILE * 2, "the requests are taken from the clone while nothing else answers", falls).await?;
    let waited = client.since(seen).await;
    waited.none_failed()?;
    waited.image_has(&new, 1.0)?;

    // one pod is enough to go back to
    t.break_some(&shop.production, STABLE, Break::Mended, 1).await?;
    ready(&shop, |ready| ready == 1).await?;
    shop.weighs(0).await?;
    t.break_pods(&shop.production, STABLE, Break::Mended).await?;
    shop.home().await?;
    shop.settled().await?;
    shop.untouched(&old, generation).await?;
    let history = shop.history("production").await?;
    ensure!(history == [("checkout-1.8.0".to_owned(), "Reverted".to_owned())], "history is {history:?}");
    client.over(A_WHILE / 2).await.image_has(&old, 1.0)?;
    client.since(from).await.none_failed()
}

/// Waits until so many endpoints of the workload's own Service are ready.
async fn ready(shop: &Shop<'_>, is_so: impl Fn(usize) -> bool) -> Result<()> {
    let (t, is_so) = (shop.story(), &is_so);
    let counted = || async move {
        let of = "kubernetes.io/service-name=checkout-stable";
        let slices = t.list_json("endpointslice", &shop.production, of).await?;
        let all = slices.iter().filter_map(|slice| slice["endpoints"].as_array()).flatten();
        let ready = all.filter(|endpoint: &&Value| endpoint["conditions"]["ready"] == true).count();
        ensure!(!slices.is_empty() && is_so(ready), "{ready} endpoints are ready");
        Ok(Some(()))
    };
    t.eventually(SOON, "the endpoints of checkout-stable", counted).await
}
