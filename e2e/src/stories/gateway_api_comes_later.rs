//! A server without the Gateway API: the operator is ready, a pipeline that wants a route says what is missing, and when it
//! is installed the route is made by itself.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::settings::Settings;
use crate::shop::{ROUTE, SOON, Shop};
use crate::story::{Story, condition};
use crate::{crds, tools};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 1).await?;
    // it waits until the operator is ready
    let operator = t.start_operator(&Settings::default()).await?;
    let traffic = shop.traffic();
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 50}]));
        pipeline["spec"]["traffic"] = traffic;
    })
    .await?;
    let said = shop.stalled("dp", "checkout", "GatewayApiMissing").await?;
    ensure!(said.contains("gateway.networking.k8s.io/v1"), "it says {said}");
    let (code, body) = operator.get("/readyz").await?;
    ensure!(code == 200, "/readyz says {code} {body}");

    crds::apply_from(t.cluster().objects(), &tools::gateway_api().await?).await?;
    let is_ready = |v: &serde_json::Value| condition(v, "Ready", "status") == "True";
    t.until(SOON, "the pipeline to be ready", ("dp", &shop.home, "checkout"), is_ready).await?;
    let made = || async { t.find_json("httproute", &shop.production, ROUTE).await };
    t.eventually(SOON, "the route to be made", made).await.map(drop)
}
