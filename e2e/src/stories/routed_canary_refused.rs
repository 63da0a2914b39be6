//! What a route cannot be made for is refused before anything is written, in words that name the remedy; when that is
//! mended, the canary goes its way.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{ROUTE, Shop};
use crate::story::Story;
use crate::traffic::{route, service};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open_routed(t, 2).await?;
    let older = route("older", &shop.host(), &[("checkout", 1)]);
    t.apply_in(&shop.production, &older.to_string()).await?;
    let bare = json!({"spec": {"template": {"metadata": {"labels": {"windlass.dev/track": null}}}}});
    t.patch("deploy", &shop.production, "checkout", &bare).await?;
    t.patch("service", &shop.production, "checkout", &json!({"spec": {"selector": null}})).await?;
    let traffic = shop.traffic();
    shop.adopt(|pipeline| {
        crate::shop::canary(pipeline, &json!([{"weight": 50}]));
        pipeline["spec"]["traffic"] = traffic;
    })
    .await?;

    let said = shop.stalled("dp", "checkout", "ServiceNotRoutable").await?;
    ensure!(said.contains("Service checkout in production") && said.contains("selector"), "it says {said}");
    t.patch("service", &shop.production, "checkout", &json!({"spec": {"selector": {"app": "checkout"}}})).await?;

    let said = shop.stalled("dp", "checkout", "TrackLabelMissing").await?;
    ensure!(said.contains("windlass.dev/track: stable") && said.contains("spec.template.metadata.labels"), "it says {said}");
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.waits("1.8.0", "windlass.dev/track: stable").await?;
    let labelled = json!({"spec": {"template": {"metadata": {"labels": {"windlass.dev/track": "stable"}}}}});
    t.patch("deploy", &shop.production, "checkout", &labelled).await?;

    let said = shop.stalled("dp", "checkout", "RouteShadowed").await?;
    ensure!(said.contains(&format!("{}/older", shop.production)), "it says {said}");
    t.apply_in(&shop.production, &service("checkout-stable", "elsewhere").to_string()).await?;
    t.delete("httproute", &shop.production, "older").await?;

    let said = shop.stalled("dp", "checkout", "ServiceNameTaken").await?;
    ensure!(said.contains("Service checkout-stable in production is there and is not of this pipeline"), "it says {said}");
    nothing_was_written(&shop).await?;
    t.delete("service", &shop.production, "checkout-stable").await?;
    shop.rests("1.8.0", "production").await?;
    shop.home().await
}

async fn nothing_was_written(shop: &Shop<'_>) -> Result<()> {
    let t = shop.story();
    ensure!(shop.clone().await?.is_none(), "a clone was made");
    ensure!(t.find_json("httproute", &shop.production, ROUTE).await?.is_none(), "a route was made");
    ensure!(t.find_json("service", &shop.production, "checkout-canary").await?.is_none(), "a Service was made");
    let theirs: Value = t.get_json("service", &shop.production, "checkout-stable").await?;
    ensure!(theirs["spec"]["selector"] == json!({"app": "elsewhere"}), "it was written: {theirs}");
    Ok(())
}
