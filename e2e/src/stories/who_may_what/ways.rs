//! The ways in to the API server: one attempt each, and nothing is kept of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::Status;
use serde_json::{Value, json};

use crate::objects::Objects;
use crate::story::text;

/// A TestRun of a Job beside that of CI.
pub(super) const JOB_RUN: &str = "checkout-1.8.0.staging.unit.20261120t093000123z";

/// A TestRun about the build itself.
pub(super) const BUILD_RUN: &str = "checkout-1.8.0.build.unit.20261120t093000123z";

/// One row: a way, a kind, and which of its sorts.
#[derive(Debug)]
pub(super) struct Way<'a> {
    how: &'a str,
    kind: &'a str,
    sort: &'a str,
}

impl<'a> Way<'a> {
    /// As the table has it: `create Decision Promote`.
    pub fn of(row: &'a str) -> Result<Self> {
        let mut words = row.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let way = Self { how: next(), kind: next(), sort: next() };
        if way.kind.is_empty() {
            bail!("{row:?} is no way in");
        }
        Ok(way)
    }

    /// Tries it as a dry run; what the server says against it.
    pub async fn attempt(
        &self,
        theirs: &Objects,
        ours: &Objects,
        home: &str,
        good: &BTreeMap<String, Value>,
    ) -> Result<Result<(), Status>> {
        let object = self.object(home, good)?;
        let api = theirs.api(&self.kind.to_lowercase(), home).await?;
        let name = text(&object, "/metadata/name");
        let post = PostParams { dry_run: true, ..PostParams::default() };
        let patch = PatchParams { dry_run: true, ..PatchParams::default() };
        let said = match self.how {
            "read" => api.get(name).await.map(drop),
            "create" => api.create(&post, &anew(&object)?).await.map(drop),
            "apply" => {
                let apply = PatchParams { dry_run: true, ..PatchParams::apply("table").force() };
                api.patch("applied", &apply, &Patch::Apply(&anew(&object)?)).await.map(drop)
            }
            "update" => {
                let label = |object: &mut DynamicObject| {
                    object.metadata.labels.get_or_insert_default().insert("tried".to_owned(), "yes".to_owned());
                };
                replace(&api, name, &post, label).await
            }
            "patch" => {
                let label = json!({"metadata": {"labels": {"tried": "yes"}}});
                api.patch(name, &patch, &Patch::Merge(label)).await.map(drop)
            }
            "status" => {
                let status = json!({"status": {"observedGeneration": 1}});
                api.patch_status(name, &patch, &Patch::Merge(status)).await.map(drop)
            }
            "put-status" => {
                let mut object: DynamicObject = serde_json::from_value(object.clone())?;
                let stands = ours.get(&self.kind.to_lowercase(), home, name).await?;
                object.metadata.resource_version = Some(text(&stands, "/metadata/resourceVersion").to_owned());
                object.metadata.uid = Some(text(&stands, "/metadata/uid").to_owned());
                object.data["status"] = json!({"observedGeneration": 1});
                api.replace_status(name, &post, &object).await.map(drop)
            }
            "apply-status" => {
                let apply = PatchParams { dry_run: true, ..PatchParams::apply("table").force() };
                let status = json!({"apiVersion": object["apiVersion"], "kind": self.kind,
                    "metadata": {"name": name}, "status": {"observedGeneration": 1}});
                api.patch_status(name, &apply, &Patch::Apply(status)).await.map(drop)
            }
            "finalizer" => {
                let none = json!({"metadata": {"finalizers": null}});
                api.patch(name, &patch, &Patch::Merge(none)).await.map(drop)
            }
            "owner" => {
                let gone = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"});
                let owned = json!({"metadata": {"ownerReferences": [gone]}});
                api.patch(name, &patch, &Patch::Merge(owned)).await.map(drop)
            }
            "head" => {
                api.patch(name, &patch, &Patch::Merge(json!({"spec": {"release": {"version": "1.8.1"}}}))).await.map(drop)
            }
            "drop-head" => {
                api.patch(name, &patch, &Patch::Merge(json!({"spec": {"release": null}}))).await.map(drop)
            }
            "update-head" => {
                replace(&api, name, &post, |object| object.data["spec"]["release"]["version"] = json!("1.8.1")).await
            }
            "apply-head" => {
                let apply = PatchParams { dry_run: true, ..PatchParams::apply("table").force() };
                let mut moved = object.clone();
                moved["spec"]["release"]["version"] = json!("1.8.1");
                api.patch(name, &apply, &Patch::Apply(moved)).await.map(drop)
            }
            "pin" => {
                api.patch(name, &patch, &Patch::Merge(json!({"spec": {"pins": [pin()]}}))).await.map(drop)
            }
            "update-pin" => replace(&api, name, &post, |object| object.data["spec"]["pins"] = json!([pin()])).await,
            "create-pin" => {
                let mut pinned = anew(&object)?;
                pinned.data["spec"]["pins"] = json!([pin()]);
                api.create(&post, &pinned).await.map(drop)
            }
            "delete" => {
                let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
                api.delete(name, &dry).await.map(drop)
            }
            "collect" => {
                let dry = DeleteParams { dry_run: true, ..DeleteParams::default() };
                api.delete_collection(&dry, &ListParams::default()).await.map(drop)
            }
            "impersonate" => impersonated(theirs, api.resource_url(), &anew(&object)?).await,
            other => bail!("{other:?} is no way in"),
        };
        match said {
            Ok(()) => Ok(Ok(())),
            Err(kube::Error::Api(status)) => Ok(Err(*status)),
            Err(error) => Err(error).with_context(|| format!("{self:?} got no answer")),
        }
    }

    /// What is tried on, or made anew.
    fn object(&self, home: &str, good: &BTreeMap<String, Value>) -> Result<Value> {
        let of = |name: &str| good.get(name).cloned().with_context(|| format!("tests/api/rules.yaml has no {name}"));
        let mut object = match (self.kind, self.sort) {
            ("DeliveryPipeline", _) => of("pipeline")?,
            ("Release", _) => of("release")?,
            ("Environment", _) => of("environment")?,
            ("TestRun", "Job") => {
                let mut run = of("run")?;
                run["metadata"]["name"] = json!(JOB_RUN);
                run
            }
            ("TestRun", "Build") => {
                let mut run = of("run")?;
                run["metadata"]["name"] = json!(BUILD_RUN);
                run
            }
            ("TestRun", _) => of("run")?,
            ("Decision", "Withdraw") => of("withdraw")?,
            ("Decision", "Ban") => of("ban")?,
            ("Decision", "" | "Promote" | "Retry" | "Approve" | "Reject" | "Unban") => of("promote")?,
            ("Decision", "Override") => of("override")?,
            ("Decision", "Freeze" | "Unfreeze") => of("freeze")?,
            ("Decision", "Adopt" | "Restore" | "Abort" | "Revert" | "Unhold") => of("revert")?,
            _ => bail!("{self:?} is about nothing that is known"),
        };
        if self.kind == "Decision" && !self.sort.is_empty() {
            object["spec"]["type"] = json!(self.sort);
        }
        object["metadata"]["namespace"] = json!(home);
        Ok(object)
    }
}

/// The same under a name that is not taken.
fn anew(object: &Value) -> Result<DynamicObject> {
    let mut object = object.clone();
    object["metadata"]["name"] = json!("applied");
    serde_json::from_value(object).context("failed to read an object")
}

/// Replaces it after a change. Whoever may not read it is refused for that before it is looked at.
async fn replace(
    api: &Api<DynamicObject>,
    name: &str,
    post: &PostParams,
    change: impl FnOnce(&mut DynamicObject),
) -> kube::Result<()> {
    let mut object = api.get(name).await?;
    change(&mut object);
    api.replace(name, post, &object).await.map(drop)
}

fn pin() -> Value {
    json!({"environment": "production", "release": "checkout-1.7.0", "reason": "the fair"})
}

/// Creates it in the name of someone who could.
async fn impersonated(theirs: &Objects, url: &str, object: &DynamicObject) -> kube::Result<()> {
    let body = serde_json::to_vec(object).map_err(kube::Error::SerdeError)?;
    let request = http::Request::post(format!("{url}?dryRun=All")).header("Impersonate-User", "holder-of-promote");
    let request = request.header("Content-Type", "application/json").body(body).map_err(kube::Error::HttpError)?;
    theirs.client().request::<Value>(request).await.map(drop)
}
