//! An operator that is told to stop in mid-rollout ends with success within seconds and releases its lease; the next one
//! leads at once and brings the rollout to its end.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::cue::Cue;
use crate::settings::Settings;
use crate::shop::{Shop, endings};
use crate::story::{Story, text};

pub async fn run(t: &Story) -> Result<()> {
    // so long that only a released lease explains a soon start
    let settings = Settings {
        lease_duration: Duration::from_secs(60),
        renew_deadline: Duration::from_secs(20),
        ..Settings::default()
    };
    let operator = t.start_operator(&settings).await?;
    let shop = Shop::open(t).await?;
    shop.adopt(|_| {}).await?;
    let image = shop.deliver("1.0.0", 1, Cue::Slow).await?;
    shop.comes_to_run(&shop.staging, &image).await?;
    let began = Instant::now();
    let status = operator.stop().await?;
    ensure!(status.success(), "it ended with {status}: {}", operator.tail(5));
    ensure!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
    let lease = t.get_json("lease", &settings.lease_namespace, &settings.lease_name).await?;
    ensure!(text(&lease, "/spec/holderIdentity").is_empty(), "the lease is still held: {}", lease["spec"]);

    let began = Instant::now();
    let next = t.start_operator(&settings).await?;
    t.eventually(Duration::from_secs(50), "the next one to lead", || async {
        Ok((next.sum("windlass_leader", &[]).await? == 1.0).then_some(()))
    })
    .await?;
    ensure!(began.elapsed() < Duration::from_secs(45), "it led only after {:?}", began.elapsed());
    shop.delivered("1.0.0").await?;
    let stage = shop.stage_until("staging", "staging to settle", |s| s["rollout"].is_null()).await?;
    ensure!(endings(&stage).len() == 1, "it was not one rollout: {}", stage["history"]);
    Ok(())
}
