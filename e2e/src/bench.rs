//! How soon a change is told, and how fast exposure falls: from the moment at which a failing pod of a clone is on the API server
//! to the write there that leaves the clone without pods, or without weight. Played pods; API server, controllers and router are real.

mod fall;
mod told;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Options};
use crate::cue::Cue;
use crate::operator::Operator;
use crate::settings::Settings;
use crate::shop::{Shop, canary};
use crate::story::Story;
use crate::traffic::Traffic;

/// Pipelines that run beside each other; each has its canaries one after the other.
const SHOPS: u32 = 4;

/// What a canary's share is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exposure {
    Pods,
    Weight,
}

/// Closes gates, then runs so many canaries of each kind that fail at their first step; prints the times.
pub async fn all(runs: u32) -> Result<()> {
    ensure!((SHOPS..=SHOPS * 59).contains(&runs), "--runs must be between {SHOPS} and {}", SHOPS * 59);
    let cluster = Arc::new(Cluster::start(Options::default()).await?);
    let traffic = Arc::new(Traffic::start(&cluster).await?);
    let operator = Arc::new(Operator::start(&cluster, &Settings::default()).await?);
    let story = Story::new("bench", cluster, Some(operator), Some(traffic));
    let told = told::times(&story, runs.div_ceil(10)).await?;
    let mut lines = vec![summary("change to its words", "of nine causes", told)];
    for exposure in [Exposure::Pods, Exposure::Weight] {
        let shops = (0..SHOPS).map(|_| one_shop(&story, exposure, runs.div_ceil(SHOPS)));
        let times = try_join_all(shops).await?.into_iter().flatten().collect();
        lines.push(summary("failure to exposure 0", exposure.words(), times));
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn summary(what: &str, of: &str, mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| {
        let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default().as_millis()
    };
    let runs = times.len();
    let (p50, p99, longest) = (at(50), at(99), at(100));
    format!("{what}: p50 {p50} ms, p99 {p99} ms ({of}; {runs} runs, longest {longest} ms)")
}

async fn one_shop(story: &Story, exposure: Exposure, runs: u32) -> Result<Vec<Duration>> {
    let shop = exposure.open(story).await?;
    let mut times = Vec::new();
    for run in 1..=runs {
        let version = format!("1.{run}.0");
        shop.deliver(&version, run, Cue::Good).await?;
        shop.shows(&version, exposure.first_step()).await?;
        let fell = exposure.fall(&shop).await?;
        times.push(fell);
        shop.phase(&version, "production", "Reverted").await?;
        shop.home().await?;
        println!("{}, {}: run {run} of {runs}, {} ms", exposure.words(), shop.production, fell.as_millis());
    }
    Ok(times)
}

impl Exposure {
    fn words(self) -> &'static str {
        match self {
            Self::Pods => "by pods",
            Self::Weight => "by weight",
        }
    }

    /// The share that a release shows at the first step, beside two pods.
    fn first_step(self) -> &'static str {
        match self {
            Self::Pods => "1/2 25 33",
            Self::Weight => "1/2 25 25",
        }
    }

    /// A shop whose pipeline has one stage, a canary.
    async fn open(self, story: &Story) -> Result<Shop<'_>> {
        let shop = match self {
            Self::Pods => Shop::open(story).await?,
            Self::Weight => Shop::open_routed(story, 2).await?,
        };
        let traffic = (self == Self::Weight).then(|| shop.traffic());
        shop.adopt(|pipeline| one_stage(pipeline, traffic)).await?;
        if self == Self::Weight {
            shop.weighs(0).await?;
        }
        Ok(shop)
    }
}

fn one_stage(pipeline: &mut Value, traffic: Option<Value>) {
    canary(pipeline, &json!([{"weight": 25, "pause": "1h"}]));
    pipeline["spec"]["stages"].as_array_mut().into_iter().for_each(|stages| drop(stages.remove(0)));
    if let Some(traffic) = traffic {
        pipeline["spec"]["traffic"] = traffic;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let line = "failure to exposure 0: p50 50 ms, p99 99 ms (by weight; 100 runs, longest 100 ms)";
        assert_eq!(summary("failure to exposure 0", "by weight", times), line);
    }
}
