//! What is read of a GitOps tool, once for each new wish that it brings: its field manager, and the revision that it applies. Neither
//! its kinds nor the right to read them need be there.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::Value;
use tokio::time::timeout;

use crate::api::Origin;
use crate::plan::OriginAsk;
use crate::plan::action::Kind;

use super::{Cluster, Object};

/// A wish does not wait longer to hear where it comes from.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of a revision that is told.
const REVISION: usize = 256;

impl Cluster {
    /// By the UID of the object that states the wish. What cannot be read is left empty.
    pub async fn origins(&self, namespace: &str, asks: Vec<OriginAsk>) -> BTreeMap<String, Origin> {
        join_all(asks.into_iter().map(|ask| self.origin(namespace, ask))).await.into_iter().collect()
    }

    async fn origin(&self, namespace: &str, ask: OriginAsk) -> (String, Origin) {
        let (manager, revision) = tokio::join!(
            timeout(PATIENCE, self.manager(namespace, &ask)),
            timeout(PATIENCE, self.revision(&ask.origin, ask.is_open)),
        );
        let manager = manager.ok().flatten().unwrap_or_default();
        let revision = revision.ok().flatten().unwrap_or_default();
        (ask.uid, Origin { manager, revision, ..ask.origin })
    }

    async fn manager(&self, namespace: &str, ask: &OriginAsk) -> Option<String> {
        let meta = self.fetch_meta(&Object::new(ask.kind, namespace, &ask.name)).await.ok()??;
        manager_of(meta.managed_fields.as_deref()?, ask.kind)
    }

    async fn revision(&self, origin: &Origin, is_open: bool) -> Option<String> {
        let (group, version, plural) = served(&origin.kind).filter(|_| is_open)?;
        let kind = GroupVersionKind::gvk(group, version, &origin.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, plural);
        match self.fetch_foreign(&resource, &origin.namespace, &origin.name).await {
            Ok(found) => revision_of(&found?.data),
            Err(error) => {
                tracing::debug!(kind = origin.kind, name = origin.name, %error, "the revision cannot be read");
                None
            }
        }
    }
}

/// Group, version and plural of what tools have.
fn served(kind: &str) -> Option<(&'static str, &'static str, &'static str)> {
    match kind {
        "Kustomization" => Some(("kustomize.toolkit.fluxcd.io", "v1", "kustomizations")),
        "HelmRelease" => Some(("helm.toolkit.fluxcd.io", "v2", "helmreleases")),
        "Application" => Some(("argoproj.io", "v1alpha1", "applications")),
        _ => None,
    }
}

/// The revision that was tried last: what has been applied in full is told only after its health is known.
fn revision_of(object: &Value) -> Option<String> {
    let places = [
        "/status/lastAttemptedRevision",
        "/status/operationState/syncResult/revision",
        "/status/operationState/operation/sync/revision",
    ];
    let text = places.iter().find_map(|place| object.pointer(place)?.as_str())?;
    Some(text.chars().take(REVISION).collect())
}

/// The latest that owns what is wished for.
fn manager_of(entries: &[ManagedFieldsEntry], kind: Kind) -> Option<String> {
    let field = if kind == Kind::Pipeline { "/f:spec/f:release" } else { "/f:spec/f:build" };
    let owns = |entry: &&ManagedFieldsEntry| {
        let is_whole = entry.subresource.as_deref().unwrap_or_default().is_empty();
        is_whole && entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(field).is_some())
    };
    let last = entries.iter().filter(owns).max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    last?.manager.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_attempted_revision_counts() {
        let flux = json!({"status": {"lastAppliedRevision": "main@sha1:a", "lastAttemptedRevision": "main@sha1:b"}});
        assert_eq!(revision_of(&flux).as_deref(), Some("main@sha1:b"));
        let syncing = json!({"status": {"operationState": {"operation": {"sync": {"revision": "c"}}}}});
        assert_eq!(revision_of(&syncing).as_deref(), Some("c"));
        let synced = json!({"status": {"operationState": {"operation": {"sync": {"revision": "c"}}, "syncResult": {"revision": "d"}}}});
        assert_eq!(revision_of(&synced).as_deref(), Some("d"));
        assert_eq!(revision_of(&json!({"status": {"lastAppliedRevision": "main@sha1:a"}})), None);
        let long = json!({"status": {"lastAttemptedRevision": "x".repeat(1000)}});
        assert_eq!(revision_of(&long).map(|text| text.len()), Some(REVISION));
    }

    #[test]
    fn the_manager_is_who_wrote_the_wish_last() {
        let entry = |manager: &str, at: &str, sub: &str, fields: Value| json!({"manager": manager, "operation": "Apply", "time": at, "subresource": sub, "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}});
        let entries = json!([
            entry("kubectl", "2026-01-03T00:00:00Z", "", json!({"f:suspend": {}})),
            entry("flux", "2026-01-02T00:00:00Z", "", json!({"f:release": {"f:version": {}}})),
            entry("helm", "2026-01-01T00:00:00Z", "", json!({"f:release": {}, "f:build": {}})),
            entry("windlass", "2026-01-04T00:00:00Z", "status", json!({"f:release": {}})),
        ]);
        let entries: Vec<ManagedFieldsEntry> = serde_json::from_value(entries).unwrap();
        assert_eq!(manager_of(&entries, Kind::Pipeline).as_deref(), Some("flux"));
        assert_eq!(manager_of(&entries, Kind::Release).as_deref(), Some("helm"));
    }
}
