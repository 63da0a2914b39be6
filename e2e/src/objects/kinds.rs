//! Which kinds the server has, under all the names that kubectl takes: kind, plural, singular, short names, and the
//! plural with its group.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result, anyhow};
use kube::Client;
use kube::core::discovery::v2::{APIGroupDiscovery, APIResourceDiscovery};
use kube::discovery::ApiResource;

type Known = HashMap<String, (ApiResource, bool)>;

/// A shared table of kinds, asked for when something is not in it.
#[derive(Clone)]
pub(super) struct Kinds {
    client: Client,
    known: Arc<RwLock<Known>>,
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kinds")
    }
}

impl Kinds {
    pub(super) fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// By a name as kubectl takes it: the resource, and whether it has namespaces.
    pub(super) async fn find(&self, name: &str) -> Result<(ApiResource, bool)> {
        self.look_up(&name.to_lowercase()).await
    }

    /// By `apiVersion` and `kind`.
    pub(super) async fn of_type(&self, api_version: &str, kind: &str) -> Result<(ApiResource, bool)> {
        self.look_up(&format!("{api_version}/{kind}")).await
    }

    async fn look_up(&self, key: &str) -> Result<(ApiResource, bool)> {
        if let Some(found) = self.cached(key) {
            return Ok(found);
        }
        self.refresh().await?;
        self.cached(key).ok_or_else(|| anyhow!("the server has no kind {key}"))
    }

    fn cached(&self, key: &str) -> Option<(ApiResource, bool)> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) async fn refresh(&self) -> Result<()> {
        let core = self.client.list_core_api_versions_aggregated().await;
        let groups = self.client.list_api_groups_aggregated().await;
        let core = core.context("failed to discover the server's core kinds")?;
        let groups = groups.context("failed to discover the server's kinds")?;
        let mut known = Known::new();
        // The core first, then the server's own order: who has a short name first keeps it (`events` is in two groups).
        for group in core.items.iter().chain(&groups.items) {
            learn(group, &mut known);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }
}

fn learn(group: &APIGroupDiscovery, known: &mut Known) {
    let group_name = group.metadata.as_ref().and_then(|meta| meta.name.clone()).unwrap_or_default();
    for version in &group.versions {
        let version_name = version.version.clone().unwrap_or_default();
        for resource in &version.resources {
            if let Some(described) = describe(&group_name, &version_name, resource) {
                let entry = (described, resource.scope.as_deref() == Some("Namespaced"));
                for name in names(&entry.0, resource) {
                    known.entry(name).or_insert_with(|| entry.clone());
                }
            }
        }
    }
}

fn describe(group: &str, version: &str, resource: &APIResourceDiscovery) -> Option<ApiResource> {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: resource.response_kind.as_ref()?.kind.clone()?,
        plural: resource.resource.clone()?,
    })
}

fn names(resource: &ApiResource, discovered: &APIResourceDiscovery) -> Vec<String> {
    let mut names = vec![
        format!("{}/{}", resource.api_version, resource.kind),
        format!("{}.{}", resource.plural, resource.group),
        resource.plural.clone(),
        resource.kind.to_lowercase(),
    ];
    names.extend(discovered.singular_resource.clone());
    names.extend(discovered.short_names.iter().cloned());
    names
}
