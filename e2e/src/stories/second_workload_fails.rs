//! Two workloads roll in order, one of them with an init container; the second fails. Both go back, the last first, as
//! one rollout: one ban, one line of history.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{SOON, Shop, deployment};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    workloads(t, &shop).await?;
    shop.adopt(two).await?;
    let (app, worker) = (cue::image("app", Cue::Good, "1.8.0"), cue::image("worker", Cue::CrashLoop, "1.8.0"));
    let mut release = shop.release("1.8.0", 1, &app);
    release["spec"]["build"]["images"] = json!([{"name": "app", "ref": app}, {"name": "worker", "ref": worker}]);
    t.apply(&release.to_string()).await?;

    let first = t.eventually(SOON, "the second workload to be written", || async {
        let is_written = images(t, &shop, "worker").await? == [worker.as_str()];
        Ok(if is_written { Some(t.get_json("deploy", &shop.staging, "checkout").await?) } else { None })
    });
    let first = first.await?;
    let is_through = ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|n| first["status"][n] == 2);
    ensure!(is_through && images(t, &shop, "checkout").await? == [app.as_str(), app.as_str()], "too early: {first}");
    back_in_reverse(t, &shop, &worker).await?;
    shop.phase("1.8.0", "staging", "Reverted").await?;
    let stage = shop.stage("staging").await?;
    let lines: Vec<&Value> = stage["history"].as_array().into_iter().flatten().filter(|e| e["outcome"] != "Adopted").collect();
    ensure!(lines.len() == 1 && lines[0]["outcome"] == "Reverted", "history is {lines:?}");
    ensure!(text(lines[0], "/reason").contains("Deployment/worker"), "it does not name the second: {}", lines[0]);
    ensure!(shop.bans().await?.len() == 1, "bans are {:?}", shop.bans().await?);
    shop.available(&shop.staging, "checkout").await
}

/// Never is the first back while the second is not. The first is looked at first, so a look in between misleads nobody.
async fn back_in_reverse(t: &Story, shop: &Shop<'_>, worker: &str) -> Result<()> {
    loop {
        let first = images(t, shop, "checkout").await?;
        let second = images(t, shop, "worker").await?;
        if first == [old("app"), old("app")] {
            ensure!(second == [old("worker")], "the first went back before the second, which has {second:?}");
            return Ok(());
        }
        ensure!(second == [worker] || second == [old("worker")], "the second runs {second:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What init container (if there is one) and container are to run in staging.
async fn images(t: &Story, shop: &Shop<'_>, name: &str) -> Result<Vec<String>> {
    let found = t.get_json("deploy", &shop.staging, name).await?;
    let pod = &found["spec"]["template"]["spec"];
    let all = ["initContainers", "containers"].into_iter().filter_map(|list| pod[list].as_array()).flatten();
    Ok(all.map(|c| text(c, "/image").to_owned()).collect())
}

async fn workloads(t: &Story, shop: &Shop<'_>) -> Result<()> {
    for ns in [&shop.staging, &shop.production] {
        let mut first = deployment(ns, "checkout", 2, &old("app"));
        first["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "migrate", "image": old("app")}]);
        t.apply(&first.to_string()).await?;
        shop.deployment(ns, "worker", 1, &old("worker")).await?;
        shop.available(ns, "checkout").await?;
        shop.available(ns, "worker").await?;
    }
    Ok(())
}

fn two(p: &mut Value) {
    let images = ["app", "worker"].map(|name| json!({"name": name, "repository": cue::repository(name)}));
    p["spec"]["images"] = json!(images);
    p["spec"]["workloads"] = json!([
        {"kind": "Deployment", "name": "checkout", "containers": [{"name": "app", "imageName": "app"}, {"name": "migrate", "imageName": "app"}]},
        {"kind": "Deployment", "name": "worker", "containers": [{"name": "app", "imageName": "worker"}]},
    ]);
}

fn old(name: &str) -> String {
    cue::image(name, Cue::Good, "revision-0")
}
