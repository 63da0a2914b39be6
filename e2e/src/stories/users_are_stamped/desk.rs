//! What people send to the API server under their own names, and what it makes of it.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::objects::Objects;
use crate::story::{Story, text};

/// A namespace and what people do there.
pub(super) struct Desk<'a> {
    pub t: &'a Story,
    pub home: String,
}

impl Desk<'_> {
    /// What that user creates, as the server has it; or what it says against it.
    pub async fn creates(&self, user: &str, kind: &str, name: &str, spec: Value) -> Result<Result<Value, String>> {
        let object = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": self.home}, "spec": spec});
        Ok(self.objects(user).await?.create(&object).await.map_err(|error| format!("{error:#}")))
    }

    /// The same for a merge patch of the spec.
    pub async fn patches(&self, user: &str, kind: &str, name: &str, spec: Value) -> Result<Result<Value, String>> {
        let patched = self.objects(user).await?.merge(kind, &self.home, name, &json!({"spec": spec}), false).await;
        Ok(patched.map_err(|error| format!("{error:#}")))
    }

    /// The same for a TestRun's status.
    pub async fn reports(&self, user: &str, name: &str, status: Value) -> Result<Result<Value, String>> {
        let patched = self.objects(user).await?.merge("testrun", &self.home, name, &json!({"status": status}), true).await;
        Ok(patched.map_err(|error| format!("{error:#}")))
    }

    async fn objects(&self, user: &str) -> Result<Objects> {
        let client = self.t.cluster().client_for_user(user, None).await?;
        Ok(self.t.cluster().objects().through(client))
    }
}

/// The object was taken and has that name at the pointer; null means none.
pub(super) fn has(taken: Result<Value, String>, at: &str, name: &str) -> Result<()> {
    let object = taken.map_err(anyhow::Error::msg)?;
    ensure!(text(&object, at) == name, "{at} is {:?} and not {name:?}", text(&object, at));
    Ok(())
}

/// It was refused in these words.
pub(super) fn refused(taken: Result<Value, String>, with: &str) -> Result<()> {
    let said = taken.err().with_context(|| format!("it was taken; it should be refused with {with:?}"))?;
    ensure!(said.contains(with), "it was refused with {said:?} and not {with:?}");
    Ok(())
}

