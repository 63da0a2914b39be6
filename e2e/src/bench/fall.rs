//! One fall: the clone's pod breaks, and the object that gives the clone its share is watched until it gives none.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt};
use kube::Api;
use kube::api::{DynamicObject, WatchParams};
use kube::core::WatchEvent;
use serde_json::Value;

use super::Exposure;
use crate::shop::{CLONE, ROUTE, Shop, weight_of};
use crate::story::Break;

impl Exposure {
    /// Breaks the clone's pod and waits for the write that ends its exposure.
    pub(super) async fn fall(self, shop: &Shop<'_>) -> Result<Duration> {
        let (kind, name) = self.giver();
        let api = shop.story().cluster().objects().api(kind, &shop.production).await?;
        let broken = async {
            shop.story().break_pods(&shop.production, "windlass.dev/track=canary", Break::CrashLoop).await?;
            Ok(Instant::now())
        };
        let (broken, cut) = futures::try_join!(broken, cut(&api, name, |object| self.is_0(object)))?;
        Ok(cut.saturating_duration_since(broken))
    }

    /// The object that gives the clone its share.
    fn giver(self) -> (&'static str, &'static str) {
        match self {
            Self::Pods => ("deployment", CLONE),
            Self::Weight => ("httproute", ROUTE),
        }
    }

    fn is_0(self, object: &Value) -> bool {
        match self {
            Self::Pods => object["spec"]["replicas"] == 0,
            Self::Weight => weight_of(object) == 0,
        }
    }
}

/// The moment at which a watch tells of the write.
async fn cut(api: &Api<DynamicObject>, name: &str, is_0: impl Fn(&Value) -> bool) -> Result<Instant> {
    let before = api.get(name).await?;
    if is_0(&before.data) {
        bail!("{name} gives the clone nothing before it has failed");
    }
    let version = before.metadata.resource_version.context("an object has a version")?;
    let only = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = api.watch(&only, &version).await?.boxed();
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Modified(object) if is_0(&object.data) => return Ok(Instant::now()),
            WatchEvent::Deleted(_) => bail!("{name} was deleted before it gave nothing"),
            WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Bookmark(_) | WatchEvent::Error(_) => {}
        }
    }
    bail!("the watch of {name} ended")
}
