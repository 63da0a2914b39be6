//! The operator is killed without warning again and again, while one release with a suite goes its way and one fails.
//! It ends as if nothing had happened: one rollout each, one Job per try, one ban.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use k8s_openapi::api::batch::v1::Job;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::locked::lock;
use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{Shop, cron_job, endings, stage_of};
use crate::story::Story;

const KILLS: usize = 10;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    for ns in [&shop.staging, &shop.production] {
        t.apply(&cron_job(ns, "tests", &json!([])).to_string()).await?;
    }
    let jobs = Arc::new(Mutex::new(BTreeSet::new()));
    let _watch = Watch(tokio::spawn(collect(Api::all(t.client()), Arc::clone(&jobs))));
    let settings = Settings { retry_period: Duration::from_millis(100), ..Settings::default() };
    let first = t.start_operator(&settings).await?;
    let tests = json!([{"suite": "api", "job": {"cronJob": "tests"}}]);
    shop.adopt(|p| {
        for stage in p["spec"]["stages"].as_array_mut().into_iter().flatten() {
            stage["tests"] = tests.clone();
        }
    })
    .await?;
    let good = shop.deliver("1.0.0", 1, Cue::Slow).await?;
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("a clock before 1970")?.as_millis() as u64;
    println!("     seed {seed}");
    let mut random = seed | 1;
    let mut operator = first;
    for kill in 0..KILLS {
        if kill == KILLS / 2 {
            shop.delivered("1.0.0").await?;
            shop.deliver("1.1.0", 2, Cue::CrashLoop).await?;
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis((random >> 33) % 1200)).await;
        t.kill(&operator, &settings).await?;
        operator = t.start_operator(&settings).await?;
    }
    shop.phase("1.1.0", "staging", "Reverted").await?;
    let pipeline = shop.settled().await?;
    for ns in [&shop.staging, &shop.production] {
        shop.runs(ns, &good).await?;
    }
    let ended = |release: &str, outcome: &str| (format!("checkout-{release}"), outcome.to_owned());
    let staging = endings(stage_of(&pipeline, "staging"));
    ensure!(staging == [ended("1.0.0", "Delivered"), ended("1.1.0", "Reverted")], "staging: {staging:?}");
    let production = endings(stage_of(&pipeline, "production"));
    ensure!(production == [ended("1.0.0", "Delivered")], "production: {production:?}");
    let bans = t.list_json("decision", &shop.home, "").await?;
    ensure!(bans.len() == 1, "{} bans: {bans:?}", bans.len());
    let runs = t.list_json("testrun", &shop.home, "").await?;
    ensure!(runs.len() == 2 && runs.iter().all(|r| r["status"]["phase"] == "Passed"), "test runs: {runs:?}");
    let made = lock(&jobs).len();
    ensure!(made == 2, "{made} Jobs were made for two suites");
    t.eventually(Duration::from_secs(60), "the Jobs to be gone", || async {
        let left = t.list_json("job", &shop.staging, "").await?.len() + t.list_json("job", &shop.production, "").await?.len();
        Ok((left == 0).then_some(()))
    })
    .await
}

struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The UIDs of all Jobs that ever are.
async fn collect(jobs: Api<Job>, seen: Arc<Mutex<BTreeSet<String>>>) {
    let mut events = std::pin::pin!(watcher(jobs, watcher::Config::default()).default_backoff().applied_objects());
    while let Some(event) = events.next().await {
        if let Some(uid) = event.ok().and_then(|job| job.uid()) {
            lock(&seen).insert(uid);
        }
    }
}
