//! A StatefulSet rolls, and a bad image in it is taken back by itself: its controller waits for the broken pod for ever,
//! so that pod, and no other, is deleted. Strategies under which no new template reaches all pods are refused first.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::{SOON, Shop};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    tokio::try_join!(bad_image(t), partition(t), on_delete(t)).map(drop)
}

async fn bad_image(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    with_sets(t, &shop, json!({"type": "RollingUpdate"})).await?;
    let good = shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.delivered("1.8.0").await?;
    let before = serving(t, &shop.staging, &good).await?;
    serving(t, &shop.production, &good).await?;

    shop.deliver("1.9.0", 2, Cue::CrashLoop).await?;
    let release = shop.phase("1.9.0", "staging", "Reverted").await?;
    let why = text(&release, "/status/waitingFor");
    ensure!(why.starts_with("StatefulSet/db: container app: CrashLoopBackOff"), "it says {why}");
    let after = serving(t, &shop.staging, &good).await?;
    ensure!(before[..2] == after[..2], "pods that served were deleted: {before:?} became {after:?}");
    ensure!(before[2] != after[2], "the last pod was never replaced: {after:?}");
    ensure!(shop.last("staging").await?["outcome"] == "Reverted", "history: {}", shop.last("staging").await?);
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);
    let set = t.get_json("statefulset", &shop.production, "db").await?;
    ensure!(set["metadata"]["generation"] == 2, "production was written to: {}", set["metadata"]);
    shop.deliver("1.9.1", 3, Cue::Good).await?;
    shop.delivered("1.9.1").await.map(drop)
}

async fn partition(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    with_sets(t, &shop, json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.waits("1.8.0", "StatefulSet/db in staging has a partition: pods below ordinal 1 would not roll").await?;
    let set = t.get_json("statefulset", &shop.staging, "db").await?;
    ensure!(set["metadata"]["generation"] == 1, "it was written to: {}", set["metadata"]);
    for ns in [&shop.staging, &shop.production] {
        let free = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}});
        t.patch("statefulset", ns, "db", &free).await?;
    }
    shop.delivered("1.8.0").await.map(drop)
}

async fn on_delete(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    with_sets(t, &shop, json!({"type": "OnDelete"})).await?;
    shop.deliver("1.8.0", 1, Cue::Good).await?;
    shop.waits("1.8.0", "StatefulSet/db in staging has updateStrategy OnDelete").await?;
    let set = t.get_json("statefulset", &shop.staging, "db").await?;
    ensure!(set["metadata"]["generation"] == 1, "it was written to: {}", set["metadata"]);
    Ok(())
}

/// Three replicas in both environments, adopted.
async fn with_sets(t: &Story, shop: &Shop<'_>, strategy: Value) -> Result<()> {
    for ns in [&shop.staging, &shop.production] {
        let labels = json!({"app": "db"});
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": ns},
            "spec": {"replicas": 3, "serviceName": "db", "updateStrategy": strategy, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": Shop::revision_0()}]}}},
        });
        t.apply(&set.to_string()).await?;
        serving(t, ns, &Shop::revision_0()).await?;
    }
    let workload = json!({"kind": "StatefulSet", "name": "db", "containers": [{"name": "app", "imageName": "app"}]});
    shop.adopt(|p| p["spec"]["workloads"] = json!([workload])).await
}

/// UIDs of the set's pods by ordinal, once all of them are ready and run that image.
async fn serving(t: &Story, ns: &str, image: &str) -> Result<Vec<String>> {
    let is_ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    };
    let look = || async move {
        let mut pods = t.pods(ns, "app=db").await?;
        pods.sort_by_key(|pod| text(pod, "/metadata/name").to_owned());
        let is_whole = pods.len() == 3
            && pods.iter().all(|p| is_ready(p) && text(p, "/spec/containers/0/image") == image)
            && pods.iter().all(|p| p["metadata"]["deletionTimestamp"].is_null());
        Ok(is_whole.then(|| pods.iter().map(|p| text(p, "/metadata/uid").to_owned()).collect()))
    };
    t.eventually(SOON, &format!("all pods of db in {ns} to be ready with {image}"), look).await
}
