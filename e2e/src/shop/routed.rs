//! The shop behind a route: a Service before production's workload, a host of its own, and a user who asks all the while.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{SOON, Shop, share};
use crate::cue::{self, Cue};
use crate::story::{Story, number};
use crate::traffic::{Client, Counts, GATEWAY, GATEWAY_NAMESPACE, Speech, deployment, has_accepted, service};

/// The name of the shop's route.
pub const ROUTE: &str = "windlass-checkout";

/// Requests a second of the shop's user.
const PACE: u32 = 100;

impl<'a> Shop<'a> {
    /// Production's workload as a route needs it: so many pods that outlive their end by a moment, the label, and a Service.
    pub async fn open_routed(t: &'a Story, pods: u32) -> Result<Self> {
        let shop = Self::open(t).await?;
        shop.t
            .apply_in(&shop.production, &labelled(pods, &cue::image("app", Cue::Good, "revision-0")).to_string())
            .await?;
        shop.t.apply_in(&shop.production, &service("checkout", "checkout").to_string()).await?;
        shop.available(&shop.production, "checkout").await?;
        Ok(shop)
    }

    /// The host name of this shop's requests.
    pub fn host(&self) -> String {
        format!("{}.example", self.production)
    }

    /// `spec.traffic` of this shop.
    pub fn traffic(&self) -> Value {
        json!({
            "service": "checkout", "drain": "1s",
            "route": {"parentRefs": [{"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}], "hostnames": [self.host()]},
        })
    }

    /// Adopts a pipeline whose production is a routed canary of these steps, and waits until requests come through. Gives
    /// the user who sends them from then on.
    pub async fn adopt_routed(&self, steps: Value) -> Result<Client> {
        self.adopt_behind_a_route(|pipeline| super::canary(pipeline, &steps)).await
    }

    /// The same where production is what the change makes of it.
    pub async fn adopt_behind_a_route(&self, change: impl FnOnce(&mut Value)) -> Result<Client> {
        let traffic = self.traffic();
        self.adopt(|pipeline| {
            change(pipeline);
            pipeline["spec"]["traffic"] = traffic;
        })
        .await?;
        self.weighs(0).await?;
        self.comes_through(Speech::Http).await
    }

    /// The user of the shop, once a request comes through.
    pub async fn comes_through(&self, speech: Speech) -> Result<Client> {
        let (host, router) = (self.host(), self.t.traffic()?);
        self.t
            .eventually(SOON, "a request comes through the shop's route", || async {
                let answer = router.hear(&host, speech).await;
                ensure!(answer.status == 200, "the answer is {answer:?}");
                Ok(Some(()))
            })
            .await?;
        Ok(router.user(&host, PACE, speech))
    }

    /// Waits until the route is in force with that weight for the clone.
    pub async fn weighs(&self, weight: i64) -> Result<Value> {
        let what = format!("the route to be accepted with weight {weight}");
        let is_so = |v: &Value| weight_of(v) == weight && has_accepted(v);
        self.t.until(SOON, &what, ("httproute", &self.production, ROUTE), is_so).await
    }

    /// Waits until a release shows that share, then counts what a second of requests finds.
    pub async fn seen_at(&self, client: &Client, version: &str, shown: &str, weight: f64) -> Result<Counts> {
        self.shows(version, shown).await?;
        let counts = client.over(std::time::Duration::from_secs(2)).await;
        let now = share(&self.look(version).await?);
        ensure!(now == shown, "the share became {now:?} while requests were counted");
        counts.none_failed()?;
        counts.track_has("canary", weight)?;
        Ok(counts)
    }

    /// Waits until a release has all requests, then sees what a second of them finds.
    pub async fn seen_in_full(&self, client: &Client, version: &str) -> Result<Counts> {
        self.shows(version, "2/2 100 100").await?;
        Ok(client.over(std::time::Duration::from_secs(1)).await)
    }

    /// Waits until neither clone nor route nor Services of Windlass are left.
    pub async fn unrouted(&self) -> Result<()> {
        self.home().await?;
        self.gone("httproute", &self.production, ROUTE).await?;
        for name in ["checkout-stable", "checkout-canary", "checkout-green"] {
            self.gone("service", &self.production, name).await?;
        }
        Ok(())
    }
}

/// The weight of the clone in a route.
pub fn weight_of(route: &Value) -> i64 {
    number(route, "/spec/rules/0/backendRefs/1/weight")
}

/// The workload with the label that a route asks for.
pub fn labelled(pods: u32, image: &str) -> Value {
    let mut object = deployment("checkout", pods, image);
    object["spec"]["template"]["metadata"]["labels"]["windlass.dev/track"] = json!("stable");
    object
}
