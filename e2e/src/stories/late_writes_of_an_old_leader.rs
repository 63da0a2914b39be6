//! The leader is stopped before each of the writes of a rollout, one in each of many shops, for two lease times. Another takes over,
//! the build is withdrawn everywhere, and then the held writes arrive: none changes anything (S12).

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::{join_all, try_join_all};
use http::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::held::{First, Held, Write, tally};
use crate::settings::Settings;
use crate::shop::{CLONE, SOON, Shop, job_suite};
use crate::story::{Story, text};

/// In so many shops of each kind one write after the other is held.
const CANARIES: usize = 32;
const ROLLING: usize = 20;

/// And these, whose place among the others is not the same in each shop.
const OF_CANARY: [First; 2] = [First::Patch("/deployments/checkout-canary?"), First::Patch("/jobs/")];
const OF_ROLLING: [First; 1] = [First::Patch("/deployments/checkout?")];

pub async fn run(t: &Story) -> Result<()> {
    let settings = Settings {
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(12),
        extra: vec!["--concurrency".into(), "200".into()],
        ..Settings::default()
    };
    let held = Held::start(t.client()).await?;
    let through = Settings { kubeconfig: Some(t.cluster().kubeconfig_at(&held.url())?), ..settings.clone() };
    let first = t.start_operator(&through).await?;
    let canary = json!({"canary": {"steps": [{"weight": 50, "pause": "1s"}]}});
    let each = |shops: usize, and: &[First]| -> Vec<First> { (0..shops).map(First::After).chain(and.iter().copied()).collect() };
    let (of_canary, of_rolling) = (each(CANARIES, &OF_CANARY), each(ROLLING, &OF_ROLLING));
    let canaries = try_join_all(of_canary.iter().map(|_| open(t, canary.clone()))).await?;
    let rolling = try_join_all(of_rolling.iter().map(|_| open(t, json!({"rolling": {}})))).await?;
    let second = t.start_operator(&settings).await?;
    let shops: Vec<&Shop<'_>> = canaries.iter().chain(&rolling).collect();
    for (first, shop) in of_canary.iter().chain(&of_rolling).zip(&shops) {
        held.hold(&[&shop.home, &shop.production], *first);
    }
    try_join_all(shops.iter().map(|shop| shop.deliver("1.0.0", 1, Cue::Good))).await?;
    let all_stopped = || async {
        let writes = held.writes();
        let through = writes.iter().zip(&shops).filter(|(write, _)| write.is_none());
        let settled = try_join_all(through.map(|(_, shop)| rests(shop))).await?;
        Ok(settled.into_iter().all(|rests| rests).then_some(writes))
    };
    let writes = t.eventually(SOON, "each write of a rollout to be held in some shop", all_stopped).await?;
    ensure!(second.sum("windlass_leader", &[]).await? == 0.0, "the first has lost the lease before it was stopped");
    first.process().signal(Signal::STOP);
    let stopped: Vec<(&Shop<'_>, &Write)> = shops.iter().copied().zip(&writes).filter_map(|(s, w)| Some((s, w.as_ref()?))).collect();
    // before anybody leads again: who takes over has nothing to write that would be in the way of what is held
    let withdraw = json!({"release": "checkout-1.0.0"});
    let withdrawn = try_join_all(stopped.iter().map(|(shop, _)| shop.decide("Withdraw", withdraw.clone()))).await?;
    ensure!(second.sum("windlass_leader", &[]).await? == 0.0, "the other leads before the builds are withdrawn");
    tokio::time::sleep(settings.lease_duration * 2).await;
    t.eventually(SOON, "the other to lead", || async {
        Ok((second.sum("windlass_leader", &[]).await? == 1.0).then_some(()))
    })
    .await?;
    try_join_all(stopped.iter().zip(&withdrawn).map(|((shop, _), decision)| gone(shop, decision))).await?;
    let before = try_join_all(stopped.iter().map(|(shop, _)| shop.quiet())).await?;
    let sent = stopped.iter().map(|(_, write)| async { Ok(((*write).clone(), held.send(write).await?)) });
    let answers: Vec<(Write, StatusCode)> = join_all(sent).await.into_iter().collect::<Result<_>>()?;
    first.process().signal(Signal::CONT);
    for (write, code) in &answers {
        let is_lost = [StatusCode::CONFLICT, StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY].contains(code);
        let is_made = write.method == Method::POST && *code == StatusCode::CREATED;
        ensure!(is_lost || is_made, "{} {} is answered with {code}", write.method, write.path);
    }
    for first in OF_CANARY.iter().chain(&OF_ROLLING) {
        ensure!(answers.iter().any(|(write, _)| first.is(write, 0)), "{first:?} was not held");
    }
    let ended = first.process().wait().await?;
    ensure!(!ended.success(), "who has lost the lease goes on");
    for ((shop, write), before) in stopped.iter().zip(before) {
        unmoved(shop, write, &before).await?;
    }
    println!("     {} writes held, answered: {}", answers.len(), tally(&answers));
    Ok(())
}

/// Whether the rollout has come to its end there, to the last write.
async fn rests(shop: &Shop<'_>) -> Result<bool> {
    let stage = shop.stage("production").await?;
    let is_guarded = !shop.look("1.0.0").await?["metadata"]["finalizers"].is_null();
    Ok(stage["rollout"].is_null() && !is_guarded && text(&stage, "/current/release") == "checkout-1.0.0")
}

/// A shop with one stage of that strategy, with a suite.
async fn open(t: &Story, strategy: Value) -> Result<Shop<'_>> {
    let shop = Shop::open(t).await?;
    shop.suite(&shop.production, "smoke", None).await?;
    shop.adopt(|pipeline| {
        let tests = [job_suite("smoke")];
        pipeline["spec"]["stages"] = json!([{"environment": "production", "bake": "1s", "strategy": strategy, "tests": tests}]);
    })
    .await?;
    Ok(shop)
}

/// Waits until the build is declared bad and nothing of it is left.
async fn gone(shop: &Shop<'_>, decision: &str) -> Result<()> {
    shop.decided(decision, "Applied").await?;
    shop.settled().await?;
    shop.gone("deploy", &shop.production, CLONE).await?;
    shop.runs(&shop.production, &Shop::revision_0()).await
}

/// Nothing that was there has changed; what was made has no pods and goes again.
async fn unmoved(shop: &Shop<'_>, write: &Write, before: &std::collections::BTreeMap<String, String>) -> Result<()> {
    shop.gone("deploy", &shop.production, CLONE).await?;
    for job in shop.story().list_json("job", &shop.production, "").await? {
        let is_inert = job["spec"]["suspend"] == true || !text(&job, "/metadata/deletionTimestamp").is_empty();
        ensure!(is_inert, "a suite of a withdrawn build runs: {}", job["metadata"]["name"]);
    }
    let now = shop.versions().await?;
    let changed = before.iter().find(|(name, version)| !name.starts_with("event") && now.get(*name) != Some(*version));
    ensure!(changed.is_none(), "after {} {}: {changed:?} is changed", write.method, write.path);
    shop.runs(&shop.production, &Shop::revision_0()).await
}
