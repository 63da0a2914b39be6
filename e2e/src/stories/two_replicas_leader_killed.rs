//! Of two replicas one acts. When the leader is killed in mid-rollout the other takes over within the lease's time and
//! brings the rollout to its end; a leader that is stopped hands over at once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::{Shop, endings};
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let settings = Settings {
        lease_duration: Duration::from_secs(10),
        renew_deadline: Duration::from_secs(8),
        ..Settings::default()
    };
    let first = t.start_operator(&settings).await?;
    leads(t, &first, Duration::from_secs(60)).await?;
    let second = t.start_operator(&settings).await?;
    let (code, body) = second.get("/readyz").await?;
    ensure!(code == 200 && body.contains("standing by"), "the standby says {code} {body}");
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Slow).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    ensure!(first.writes().await? > 0.0, "the leader has written nothing");
    ensure!(second.writes().await? == 0.0 && second.sum("windlass_leader", &[]).await? == 0.0, "the standby acts");

    let killed = Instant::now();
    first.kill().await?;
    leads(t, &second, settings.lease_duration * 6).await?;
    let took = killed.elapsed();
    ensure!(took >= settings.lease_duration - settings.renew_deadline, "it took over after {took:?}, too soon");
    shop.delivered("1.0.0").await?;
    let pipeline = shop.settled().await?;
    for (stage, ns) in [("staging", &shop.staging), ("production", &shop.production)] {
        shop.runs(ns, &image).await?;
        let endings = endings(crate::shop::stage_of(&pipeline, stage));
        ensure!(endings == [("checkout-1.0.0".to_owned(), "Delivered".to_owned())], "{stage}: {endings:?}");
    }
    println!("     taken over {} ms after the kill", took.as_millis());

    let third = t.start_operator(&settings).await?;
    let stopped = Instant::now();
    let status = second.stop().await?;
    ensure!(status.success(), "the stopped leader ended with {status}");
    leads(t, &third, settings.lease_duration * 6).await?;
    println!("     handed over {} ms after the signal", stopped.elapsed().as_millis());
    shop.deliver("1.0.1", 2, Cue::Good).await?;
    shop.delivered("1.0.1").await.map(drop)
}

async fn leads(t: &Story, operator: &Operator, within: Duration) -> Result<()> {
    t.eventually(within, "the operator to lead", || async {
        Ok((operator.sum("windlass_leader", &[]).await? == 1.0).then_some(()))
    })
    .await
}
