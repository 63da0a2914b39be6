//! Objects of any kind as JSON, found by the names that kubectl takes. It speaks to the API server directly: starting
//! kubectl for every look would cost the stories most of their time.

mod kinds;

use std::fmt;

use anyhow::{Context, Result, anyhow};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, PropagationPolicy};
use kube::{Api, Client};
use serde_json::Value;

use kinds::Kinds;

/// The field manager of what stories apply.
pub const MANAGER: &str = "story";

/// Reads and writes objects of any kind.
#[derive(Clone)]
pub struct Objects {
    client: Client,
    kinds: Kinds,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

impl Objects {
    pub fn new(client: Client) -> Self {
        Self { kinds: Kinds::new(client.clone()), client }
    }

    /// The same kinds through another client, as another user's.
    pub fn through(&self, client: Client) -> Self {
        Self { kinds: self.kinds.clone(), client }
    }

    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Asks the server anew which kinds there are.
    pub async fn rediscover(&self) -> Result<()> {
        self.kinds.refresh().await
    }

    /// The API of a kind (`release`, `deploy`, `pods`, `deployments.apps`); `namespace` counts if the kind has one.
    pub async fn api(&self, kind: &str, namespace: &str) -> Result<Api<DynamicObject>> {
        let (resource, namespaced) = self.kinds.find(kind).await?;
        Ok(if namespaced && !namespace.is_empty() {
            Api::namespaced_with(self.client(), namespace, &resource)
        } else {
            Api::all_with(self.client(), &resource)
        })
    }

    /// The object, or an error if there is none.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        let found = self.find(kind, namespace, name).await?;
        found.ok_or_else(|| anyhow!("there is no {kind} {namespace}/{name}"))
    }

    /// The object, if there is one.
    pub async fn find(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        let found = self.api(kind, namespace).await?.get_opt(name).await;
        let found = found.map_err(said).with_context(|| format!("failed to get {kind} {namespace}/{name}"))?;
        found.map(serde_json::to_value).transpose().context("failed to read an object")
    }

    /// All objects of a kind in a namespace that match a label selector (empty: all).
    pub async fn list(&self, kind: &str, namespace: &str, selector: &str) -> Result<Vec<Value>> {
        let listed = self.api(kind, namespace).await?.list(&ListParams::default().labels(selector)).await;
        let listed = listed.map_err(said).with_context(|| format!("failed to list {kind} in {namespace}"))?;
        listed.items.into_iter().map(|item| serde_json::to_value(item).context("failed to read an object")).collect()
    }

    /// Creates one object (`generateName` works) and returns it as the server has it.
    pub async fn create(&self, object: &Value) -> Result<Value> {
        let (api, object) = self.place(object, None).await?;
        let created = api.create(&PostParams::default(), &object).await.map_err(said)?;
        serde_json::to_value(created).context("failed to read an object")
    }

    /// Applies every document of a YAML text on the server side; those with `generateName` are created. Documents
    /// without a namespace go to `namespace`.
    pub async fn apply(&self, yaml: &str, namespace: Option<&str>) -> Result<Vec<Value>> {
        let mut applied = Vec::new();
        for document in documents(yaml)? {
            let (api, object) = self.place(&document, namespace).await?;
            let outcome = match object.metadata.name.clone() {
                Some(name) => {
                    let params = PatchParams::apply(MANAGER).force();
                    api.patch(&name, &params, &Patch::Apply(&object)).await
                }
                None => api.create(&PostParams::default(), &object).await,
            };
            applied.push(serde_json::to_value(outcome.map_err(said)?).context("failed to read an object")?);
        }
        Ok(applied)
    }

    /// A JSON merge patch; of the `status` subresource if `status` is set.
    pub async fn merge(&self, kind: &str, namespace: &str, name: &str, patch: &Value, status: bool) -> Result<Value> {
        let api = self.api(kind, namespace).await?;
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = match status {
            true => api.patch_status(name, &params, &patch).await,
            false => api.patch(name, &params, &patch).await,
        };
        serde_json::to_value(patched.map_err(said)?).context("failed to read an object")
    }

    /// Deletes in the background; an object that is not there is fine.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<()> {
        let params =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
        match self.api(kind, namespace).await?.delete(name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(said(error)).with_context(|| format!("failed to delete {kind} {namespace}/{name}")),
        }
    }

    async fn place(&self, object: &Value, namespace: Option<&str>) -> Result<(Api<DynamicObject>, DynamicObject)> {
        let mut object: DynamicObject = serde_json::from_value(object.clone()).context("not a Kubernetes object")?;
        let types = object.types.clone().ok_or_else(|| anyhow!("an object without apiVersion and kind"))?;
        let (resource, namespaced) = self.kinds.of_type(&types.api_version, &types.kind).await?;
        if !namespaced {
            return Ok((Api::all_with(self.client(), &resource), object));
        }
        let own = object.metadata.namespace.clone().or_else(|| namespace.map(str::to_owned));
        let own = own.ok_or_else(|| anyhow!("a {} without a namespace", types.kind))?;
        object.metadata.namespace = Some(own.clone());
        Ok((Api::namespaced_with(self.client(), &own, &resource), object))
    }
}

/// The documents of a YAML text as JSON; empty ones are left out.
pub fn documents(yaml: &str) -> Result<Vec<Value>> {
    let parsed: Vec<Value> = serde_saphyr::from_multiple(yaml).with_context(|| format!("not YAML:\n{yaml}"))?;
    Ok(parsed.into_iter().filter(|document| !document.is_null()).collect())
}

/// What the server said, without the machinery around it.
fn said(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow!("{} ({} {})", status.message, status.code, status.reason),
        other => other.into(),
    }
}
