//! The clone's pods are lost while it has weight: the weight goes to 0 until new ones are ready, and comes back then. Pods
//! that fail for good take the release back; users see at most what failed before anyone could know.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::Shop;
use crate::story::{Break, Story, text};

pub async fn run(t: &Story) -> Result<()> {
    // unready pods are to come back here, however busy the machine is, and not to cost the build its health
    let settings = Settings { bake_grace: Duration::from_secs(60), ..Settings::default() };
    let _operator = t.start_operator(&settings).await?;
    let shop = Shop::open_routed(t, 3).await?;
    let client = shop.adopt_routed(json!([{"weight": 50, "pause": "1h"}])).await?;
    let from = client.mark();
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.shows("1.8.0", "1/2 50 50").await?;

    // deleted ones go on answering until new ones do: nobody notices
    let names = || async {
        let pods = t.pods(&shop.production, "windlass.dev/track=canary").await?;
        let names = pods.iter().map(|pod| text(pod, "/metadata/name").to_owned());
        Ok::<_, anyhow::Error>(names.collect::<BTreeSet<String>>())
    };
    let old = names().await?;
    for pod in &old {
        t.kubectl(["delete", "pod", "-n", &shop.production, pod, "--wait=false"]).await?.ok()?;
    }
    let replaced = || async {
        let now = names().await?;
        Ok((now.len() == 2 && now.is_disjoint(&old)).then_some(()))
    };
    t.eventually(crate::shop::SOON, "the clone's pods to be replaced", replaced).await?;
    shop.exposed(2).await?;
    shop.weighs(50).await?;
    client.since(from).await.none_failed()?;

    // the controller of endpoints takes a breath after changes, and unready for long is lost health
    tokio::time::sleep(Duration::from_secs(2)).await;
    t.break_pods(&shop.production, "windlass.dev/track=canary", Break::Unready).await?;
    shop.weighs(0).await?;
    t.break_pods(&shop.production, "windlass.dev/track=canary", Break::Mended).await?;
    shop.weighs(50).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let back = client.over(Duration::from_secs(2)).await;
    back.none_failed()?;
    back.track_has("canary", 0.5)?;

    let lost = client.mark();
    t.break_pods(&shop.production, "windlass.dev/track=canary", Break::CrashLoop).await?;
    shop.weighs(0).await?;
    // a router says that it took a route a moment before it goes by it
    tokio::time::sleep(Duration::from_secs(1)).await;
    let cut = client.mark();
    shop.home().await?;
    shop.settled().await?;
    let history = shop.history("production").await?;
    ensure!(history == [("checkout-1.8.0".to_owned(), "Reverted".to_owned())], "history is {history:?}");
    let after = client.over(Duration::from_secs(2)).await;
    after.track_has("stable", 1.0)?;
    client.since(cut).await.none_failed()?;
    let counts = client.between(lost, cut).await;
    ensure!(counts.failed() * 2 <= counts.total(), "{} of {} failed before the cut", counts.failed(), counts.total());
    Ok(())
}
