//! Who looks after what Windlass made: the pipeline that its claim or its labels name.

use crate::api::DeliveryPipeline;
use crate::observe::health::WatchHealth;
use crate::observe::relate::environments_of;
use crate::observe::stores::{Stores, get};

/// The pipeline that made an object. A Job does not say by which of the pipelines of that name it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub uid: Option<&'a str>,
}

impl<'a> Holder<'a> {
    /// As `windlass.dev/claimed-by` says it: `namespace/name/uid`.
    pub fn of_claim(claim: &'a str) -> Option<Self> {
        let (home, uid) = claim.rsplit_once('/').filter(|(_, uid)| !uid.is_empty())?;
        Some(Self { uid: Some(uid), ..Self::of_home(home)? })
    }

    /// As `windlass.dev/weights` says it: `namespace/name`, whichever of that name.
    pub fn of_home(home: &'a str) -> Option<Self> {
        let (namespace, name) = home.split_once('/')?;
        Some(Self { namespace, name, uid: None })
    }

    /// Whether it looks after what is in that namespace no more, as far as the caches go: it is gone, or goes through no
    /// Environment that points there.
    pub fn has_left(&self, stores: &Stores, namespace: Option<&str>) -> bool {
        let found = get(&stores.pipelines, self.namespace, self.name);
        let found = found.filter(|found| self.uid.is_none() || found.metadata.uid.as_deref() == self.uid);
        found.is_none_or(|pipeline| !is_through(stores, &pipeline, namespace))
    }

    /// The same, and the caches are not in doubt: what it left there may be taken away.
    pub fn has_surely_left(&self, stores: &Stores, health: &WatchHealth, namespace: &str) -> bool {
        self.has_left(stores, Some(namespace)) && !self.is_in_doubt(health)
    }

    /// Whether the caches may be wrong about it: the pipeline, or an Environment that it may go through, cannot be read.
    pub fn is_in_doubt(&self, health: &WatchHealth) -> bool {
        health.is_unreadable("DeliveryPipeline", self.namespace, self.name)
            || !health.unreadable("Environment", self.namespace).is_empty()
    }
}

/// Whether a pipeline goes through an Environment that points at that namespace.
fn is_through(stores: &Stores, pipeline: &DeliveryPipeline, namespace: Option<&str>) -> bool {
    let home = pipeline.metadata.namespace.as_deref().unwrap_or_default();
    let is_here = |environment: &str| {
        get(&stores.environments, home, environment)
            .is_some_and(|e| namespace == Some(e.spec.target_namespace.as_str()))
    };
    environments_of(pipeline).any(is_here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::health::Undecodable;

    #[test]
    fn a_claim_names_a_pipeline_in_full() {
        let whole = Holder::of_claim("shop/checkout/p1");
        assert_eq!(whole, Some(Holder { namespace: "shop", name: "checkout", uid: Some("p1") }));
        for broken in ["", "shop/checkout/", "checkout/p1", "p1"] {
            assert_eq!(Holder::of_claim(broken), None, "{broken}");
        }
    }

    #[test]
    fn what_cannot_be_read_may_still_look_after_it() {
        let holder = Holder { namespace: "shop", name: "checkout", uid: None };
        for (kind, namespace, name, is_in_doubt) in [
            ("DeliveryPipeline", "shop", "checkout", true),
            ("DeliveryPipeline", "shop", "other", false),
            ("Environment", "shop", "production", true),
            ("Environment", "other", "production", false),
        ] {
            let health = WatchHealth::default();
            health.cannot_read(Undecodable { kind, namespace: namespace.into(), name: name.into() }, "broken");
            assert_eq!(holder.is_in_doubt(&health), is_in_doubt, "{kind} {namespace}/{name}");
        }
    }
}
