//! The touch of a new leader: a label, and with it a version that no earlier plan has. A label, because an annotation on a
//! Deployment bumps its generation.

use std::collections::BTreeMap;

use crate::api::labels::TERM;
use crate::api::traffic::RoutingKind;
use crate::plan::action::Touchable;

use super::cluster::{LIMIT, Write};
use super::patch::{add, guarded};
use super::{Cluster, Error, Object, Resource, Written};

impl Cluster {
    pub(super) async fn touch(
        &self,
        object: Object,
        uid: &str,
        resource_version: &str,
        term: &str,
    ) -> Result<Written, Error> {
        let Some(live) = self.fetch_meta(&object).await? else { return Err(Error::Moved { object }) };
        let label = match live.labels {
            Some(_) => add(["metadata", "labels", TERM], term.into()),
            None => add(["metadata", "labels"], serde_json::json!(BTreeMap::from([(TERM, term)]))),
        };
        let patch = guarded(uid, resource_version, vec![label]);
        let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
        Ok(object.written(&stands.metadata))
    }
}

impl From<Touchable> for Resource {
    fn from(kind: Touchable) -> Self {
        match kind {
            Touchable::Workload(kind) => kind.into(),
            Touchable::Job => Self::Job,
            Touchable::Autoscaler => Self::Autoscaler,
            Touchable::Routing(RoutingKind::Service) => Self::Service,
            Touchable::Routing(RoutingKind::Route(kind)) => Self::Route(kind),
        }
    }
}
