//! A rule of an administrator's that refuses writes in one namespace for as long as a story wants it.

use anyhow::Result;
use serde_json::{Value, json};

use super::Story;
use crate::shop::SOON;

/// What is refused, in which words.
#[derive(Debug)]
pub struct Denial {
    pub namespace: String,
    /// A `resourceRules` entry of an admission policy.
    pub rule: Value,
    /// What is let through, in CEL.
    pub lets: &'static str,
    /// An object that it refuses: tried, and never made.
    pub probe: Value,
}

const MESSAGE: &str = "not in this story";

impl Denial {
    /// Puts it in force.
    pub async fn begin(&self, t: &Story) -> Result<()> {
        let name = &self.namespace;
        let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
        let group = "admissionregistration.k8s.io/v1";
        for object in [
            json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
                "matchConstraints": {"resourceRules": [self.rule], "namespaceSelector": here},
                "validations": [{"expression": self.lets, "message": MESSAGE}]}}),
            json!({"apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
                "spec": {"policyName": name, "validationActions": ["Deny"]}}),
        ] {
            t.apply(&object.to_string()).await?;
        }
        t.eventually(SOON, "the policy to be in force", || async { Ok(self.refuses(t).await?.then_some(())) }).await
    }

    /// Takes it away, and returns once it is not in force any more.
    pub async fn end(&self, t: &Story) -> Result<()> {
        t.delete("validatingadmissionpolicybinding", "", &self.namespace).await?;
        t.delete("validatingadmissionpolicy", "", &self.namespace).await?;
        t.eventually(SOON, "the policy to be gone", || async { Ok((!self.refuses(t).await?).then_some(())) }).await
    }

    async fn refuses(&self, t: &Story) -> Result<bool> {
        let tried =
            t.kubectl_with_input(["create", "--dry-run=server", "-f", "-"], &self.probe.to_string()).await?.ok();
        match tried {
            Ok(_) => Ok(false),
            Err(said) if said.to_string().contains(MESSAGE) => Ok(true),
            Err(other) => Err(other),
        }
    }
}
