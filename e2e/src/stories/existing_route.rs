//! Someone's own route: refused until its owner leaves the weights to the pipeline and it sends to both Services; then a canary
//! goes by it while other fields are edited; weights that someone writes are put right once; and when the pipeline goes, the
//! Services that it sends to stay until it sends elsewhere. No request fails from beginning to end.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop, weight_of};
use crate::story::{Story, condition, text};

const NAME: &str = "front";

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 3).await?;
    let host = shop.host();
    t.route(&shop.production, NAME, &host, &[("checkout", 1)]).await?;
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 20, "pause": "3s"}, {"weight": 50, "pause": "3s"}]));
        pipeline["spec"]["traffic"] = json!({"service": "checkout", "drain": "1s", "route": {"existing": NAME}});
    })
    .await?;

    let said = shop.stalled("dp", "checkout", "RouteNotGiven").await?;
    let consent = format!("windlass.dev/weights={}/checkout", shop.home);
    ensure!(said.contains(&consent.replace('=', ": ")), "it says {said}");
    // the pods of the first manifest, which end without a breath, are long gone by now
    let client = t.traffic()?.client(&host, 100);
    let from = client.mark();
    t.kubectl(["annotate", "httproute", NAME, "-n", &shop.production, &consent]).await?.ok()?;
    let is_said = |v: &Value| condition(v, "Stalled", "message").contains("must have a rule");
    shop.pipeline_until("the pipeline to ask for a rule", is_said).await?;
    knows(&shop, "checkout-stable").await?;
    t.route(&shop.production, NAME, &host, &[("checkout-stable", 100), ("checkout-canary", 0)]).await?;
    shop.pipeline_until("the pipeline to be ready", |v| condition(v, "Ready", "status") == "True").await?;

    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.seen_at(&client, "1.8.0", "1/3 20 20", 0.2).await?;
    t.patch("httproute", &shop.production, NAME, &json!({"metadata": {"labels": {"team": "shop"}}})).await?;
    shop.seen_at(&client, "1.8.0", "2/3 50 50", 0.5).await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await?;
    shop.runs(&shop.production, &new).await?;
    client.over(std::time::Duration::from_secs(1)).await.image_has(&new, 1.0)?;

    let bad = shop.deliver("1.8.1", 2, Cue::Good).await?;
    shop.shows("1.8.1", "1/3 20 20").await?;
    t.route(&shop.production, NAME, &host, &[("checkout-stable", 60), ("checkout-canary", 40)]).await?;
    weighs(&shop, 20).await?;
    t.route(&shop.production, NAME, &host, &[("checkout-stable", 60), ("checkout-canary", 40)]).await?;
    weighs(&shop, 0).await?;
    shop.stalled("dp", "checkout", "RouteContested").await?;
    shop.home().await?;
    shop.settled().await?;
    ensure!(shop.image(&shop.production, "checkout").await? != bad, "the workload runs what was contested");

    t.kubectl(["delete", "dp", "checkout", "-n", &shop.home, "--timeout=60s"]).await?.ok()?;
    let kept = || async {
        let found = t.find_json("service", &shop.production, "checkout-stable").await?;
        Ok(found.is_none().then(|| "the Service that a route sends to is gone".to_owned()))
    };
    t.never(crate::shop::A_WHILE, "the Service goes", kept).await?;
    t.route(&shop.production, NAME, &host, &[("checkout", 1)]).await?;
    for name in ["checkout-stable", "checkout-canary"] {
        shop.gone("service", &shop.production, name).await?;
    }
    let route = t.get_json("httproute", &shop.production, NAME).await?;
    ensure!(text(&route, "/metadata/labels/team") == "shop", "the owner's label is gone: {}", route["metadata"]);
    client.since(from).await.none_failed()
}

/// Waits until the router can send to a Service: it tells an HTTPRoute that it knows none of by errors.
async fn knows(shop: &Shop<'_>, service: &str) -> Result<()> {
    let (t, name) = (shop.story(), "probe");
    t.route(&shop.production, name, &format!("{name}.{}", shop.host()), &[(service, 1)]).await?;
    t.kubectl(["delete", "httproute", name, "-n", &shop.production]).await?.ok().map(drop)
}

async fn weighs(shop: &Shop<'_>, weight: i64) -> Result<Value> {
    let what = format!("the weight to be {weight}");
    shop.story().until(SOON, &what, ("httproute", &shop.production, NAME), |v| weight_of(v) == weight).await
}
