//! Checks that could never have an answer: a Service that leads elsewhere, one that is not there, a provider that nobody
//! configured. Each is refused in words before anything is written; once it is mended the release goes on by itself.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cue::Cue;
use crate::shop::Shop;
use crate::story::Story;

pub async fn run(t: &Story) -> Result<()> {
    let shop = Shop::open(t).await?;
    let elsewhere = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "elsewhere"},
        "spec": {"type": "ExternalName", "externalName": "inner.example", "ports": [{"port": 80}]},
    });
    t.apply_in(&shop.staging, &elsewhere.to_string()).await?;
    let http = |service: &str| json!({"name": "answers", "http": {"service": service, "port": 80}});
    shop.adopt(|pipeline| pipeline["spec"]["stages"][0]["checks"] = json!([http("elsewhere")])).await?;
    let new = shop.deliver("1.8.0", 1, Cue::Good).await?;
    refused(&shop, "Service elsewhere is of type ExternalName").await?;

    check(&shop, http("nowhere")).await?;
    refused(&shop, "Service nowhere does not exist").await?;

    let metric = json!({"name": "errors", "metric": {"provider": "nobody", "query": "up", "max": "1"}});
    check(&shop, metric).await?;
    refused(&shop, "the operator knows no provider nobody").await?;
    shop.is_untouched(&shop.staging).await?;

    shop.edit(json!({"stages": stages(None)})).await?;
    shop.rests("1.8.0", "production").await?;
    shop.runs(&shop.production, &new).await
}

async fn check(shop: &Shop<'_>, check: Value) -> Result<()> {
    shop.edit(json!({"stages": stages(Some(check))})).await.map(drop)
}

fn stages(check: Option<Value>) -> Value {
    json!([
        {"environment": "staging", "bake": "1s", "progressDeadline": "90s", "checks": check.into_iter().collect::<Vec<_>>()},
        {"environment": "production", "bake": "1s", "progressDeadline": "90s"},
    ])
}

async fn refused(shop: &Shop<'_>, why: &str) -> Result<()> {
    shop.waits("1.8.0", why).await?;
    shop.stalled("dp", "checkout", "CannotMeasure").await.map(drop)
}
