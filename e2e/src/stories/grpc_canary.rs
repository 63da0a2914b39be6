//! A canary of a gRPC service by the weights of a GRPCRoute: the caller sees each step's weight and no call fails, through to
//! the end; then by a GRPCRoute of someone else, which is aborted half-way.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{ROUTE, SOON, Shop, canary, weight_of};
use crate::story::{Story, condition};
use crate::traffic::{PORT, Speech, has_accepted};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let mut traffic = shop.traffic();
    traffic["route"]["kind"] = json!("GRPCRoute");
    traffic["route"]["matches"] = json!([{"method": {"service": "shop.Checkout"}}]);
    let pair = json!([
        {"name": "checkout-stable", "port": PORT, "weight": 100}, {"name": "checkout-canary", "port": PORT, "weight": 0},
    ]);
    let parents = traffic["route"]["parentRefs"].clone();
    shop.adopt(|pipeline| {
        canary(pipeline, &json!([{"weight": 20, "pause": "6s"}, {"weight": 50, "pause": "6s"}]));
        pipeline["spec"]["traffic"] = traffic;
    })
    .await?;
    weighs(&shop, ROUTE, 0).await?;
    let client = shop.comes_through(Speech::Grpc).await?;
    let from = client.mark();

    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.seen_at(&client, "1.8.0", "1/3 20 20", 0.2).await?;
    shop.seen_at(&client, "1.8.0", "2/3 50 50", 0.5).await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    client.over(Duration::from_secs(1)).await.image_has(&new, 1.0)?;

    let front = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute",
        "metadata": {"name": "front", "annotations": {"windlass.dev/weights": format!("{}/checkout", shop.home)}},
        "spec": {"parentRefs": parents, "hostnames": [shop.host()], "rules": [{"backendRefs": pair}]},
    });
    t.apply_in(&shop.production, &front.to_string()).await?;
    weighs(&shop, "front", 0).await?;
    let existing = json!({"kind": "GRPCRoute", "existing": "front", "parentRefs": null, "hostnames": null, "matches": null});
    shop.edit(json!({"traffic": {"route": existing}})).await?;
    shop.gone("grpcroute", &shop.production, ROUTE).await?;
    shop.pipeline_until("the pipeline to be ready", |v| condition(v, "Ready", "status") == "True").await?;
    shop.deliver("1.8.1", 2, Cue::Good).await?;
    shop.seen_at(&client, "1.8.1", "1/3 20 20", 0.2).await?;
    shop.decide("Abort", json!({"environment": "production"})).await?;
    weighs(&shop, "front", 0).await?;
    shop.home().await?;
    client.over(Duration::from_secs(1)).await.image_has(&new, 1.0)?;
    client.since(from).await.none_failed()
}

async fn weighs(shop: &Shop<'_>, name: &str, weight: i64) -> Result<Value> {
    let what = format!("GRPCRoute {name} to be accepted with weight {weight}");
    let is_so = |v: &Value| weight_of(v) == weight && has_accepted(v);
    shop.story().until(SOON, &what, ("grpcroute", &shop.production, name), is_so).await
}
