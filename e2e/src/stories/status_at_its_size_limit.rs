//! A status that is full: the operator goes on, the oldest history goes first, and what is needed stays.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::cue::{self, Cue};
use crate::shop::{Shop, stage_of};
use crate::story::Story;

const BUDGET: usize = 64 * 1024;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    shop.adopt(|p| {
        p["spec"]["historyLimit"] = json!(50);
        let images = (0..20).map(|n| json!({"name": name(n), "repository": cue::repository(&name(n))}));
        p["spec"]["images"] = images.collect();
        p["spec"]["workloads"][0]["containers"][0]["imageName"] = json!(name(0));
    })
    .await?;
    fill(t, &shop).await?;
    let image = cue::image(&name(0), Cue::Good, "1.8.0");
    let mut release = shop.release("1.8.0", 59, &image);
    release["spec"]["build"]["images"] = refs(json!(image));
    t.apply(&release.to_string()).await?;
    shop.delivered("1.8.0").await?;
    let pipeline = shop.settled().await?;
    let size = pipeline["status"].to_string().len();
    ensure!(size <= BUDGET && size > BUDGET / 2, "the status has {size} bytes");
    for environment in ["staging", "production"] {
        let stage = stage_of(&pipeline, environment);
        let lines = stage["history"].as_array().cloned().unwrap_or_default();
        let last = lines.last().cloned().unwrap_or_default();
        ensure!(last["outcome"] == "Delivered" && last["release"] == "checkout-1.8.0", "the newest line is {last}");
        let first = lines.first().map(|l| l["attempt"].to_string()).unwrap_or_default();
        ensure!((10..50).contains(&lines.len()) && !first.contains("t000000000z"), "{} lines from {first}", lines.len());
        ensure!(!stage["previous"][0].is_null(), "there is nothing left to go back to");
    }
    let known = pipeline["status"]["builds"].as_array().into_iter().flatten().any(|b| b["hash"] == stage_of(&pipeline, "staging")["current"]["build"]);
    ensure!(known, "the images of what runs are forgotten");
    shop.runs(&shop.staging, &image).await
}

/// Long lines of history, and ten builds to go back to in each stage, each of twenty images.
async fn fill(t: &Story, shop: &Shop<'_>) -> Result<()> {
    let pipeline = t.get_json("dp", &shop.home, "checkout").await?;
    let mut status = pipeline["status"].clone();
    let mut rows = status["builds"].as_array().cloned().unwrap_or_default();
    for (s, stage) in status["stages"].as_array_mut().into_iter().flatten().enumerate() {
        let hash = |n: usize| format!("{s}{n:039}");
        let at = "2026-01-01T09:00:00Z";
        stage["history"] = (0..50).map(|n| json!({
            "release": format!("checkout-{}", "x".repeat(40)), "build": "0".repeat(12), "attempt": format!("2026010{s}t{n:09}z"),
            "outcome": "Reverted", "cause": "EvidenceWithdrawn", "reason": "é".repeat(50), "at": at,
        })).collect();
        stage["previous"] = (0..10).map(|n| json!({
            "release": format!("checkout-{}", "y".repeat(40)), "releaseUid": "u".repeat(36), "version": "v".repeat(60),
            "build": hash(n), "createdAt": at, "attempt": "20260101t000000000z", "since": at, "healthy": true, "template": "0".repeat(16),
        })).collect();
        rows.extend((0..10).map(|n| {
            let images = (0..20).map(|i| json!({"name": name(i), "digest": cue::digest(Cue::Good, &format!("{s}{n}{i}"))}));
            json!({"hash": hash(n), "images": images.collect::<Value>()})
        }));
    }
    status["builds"] = json!(rows);
    ensure!(status.to_string().len() > BUDGET, "the story's status has only {} bytes", status.to_string().len());
    t.patch_status("dp", &shop.home, "checkout", &json!({"status": status})).await.map(drop)
}

fn name(n: usize) -> String {
    format!("image-{n:02}-{}", "n".repeat(30))
}

fn refs(first: Value) -> Value {
    let of = |n: usize| if n == 0 { first.clone() } else { json!(cue::image(&name(n), Cue::Good, "1.8.0")) };
    (0..20).map(|n| json!({"name": name(n), "ref": of(n)})).collect()
}
