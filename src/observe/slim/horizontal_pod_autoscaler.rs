//! A HorizontalPodAutoscaler: which Deployment it scales, and whether it may shrink it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;

/// The value of `selectPolicy` that bars scaling in a direction.
const DISABLED: &str = "Disabled";

/// What is kept of a HorizontalPodAutoscaler.
#[derive(Resource, Clone, Debug, Deserialize)]
#[resource(inherit = "k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler")]
#[serde(from = "Wire<WireSpec, Value>")]
pub struct HorizontalPodAutoscaler {
    pub metadata: ObjectMeta,
    /// Name of the Deployment that it scales; none where it scales something else.
    pub deployment: Option<String>,
    /// `spec.behavior.scaleDown.selectPolicy: Disabled`: it does not shrink it.
    pub is_disabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    #[serde(default)]
    scale_target_ref: Target,
    #[serde(default)]
    behavior: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    api_version: Option<String>,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
}

impl Target {
    fn deployment(self) -> Option<String> {
        let is_apps = self.api_version.as_deref().is_none_or(|version| version.starts_with("apps/"));
        (is_apps && self.kind == "Deployment").then_some(self.name)
    }
}

impl From<Wire<WireSpec, Value>> for HorizontalPodAutoscaler {
    fn from(wire: Wire<WireSpec, Value>) -> Self {
        let Wire { metadata, spec, .. } = wire;
        let policy = spec.behavior.pointer("/scaleDown/selectPolicy").and_then(Value::as_str);
        Self {
            metadata: super::pruned(metadata),
            is_disabled: policy == Some(DISABLED),
            deployment: spec.scale_target_ref.deployment(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_scales_a_deployment_or_something_else() {
        for (api_version, kind, behavior, expected) in [
            ("apps/v1", "Deployment", Value::Null, (Some("web"), false)),
            ("apps/v1", "StatefulSet", json!({}), (None, false)),
            ("other.example/v1", "Deployment", json!({"scaleUp": {"selectPolicy": "Disabled"}}), (None, false)),
            ("apps/v1", "Deployment", json!({"scaleDown": {"selectPolicy": "Disabled"}}), (Some("web"), true)),
            ("apps/v1", "Deployment", json!({"scaleDown": {"selectPolicy": "Max"}}), (Some("web"), false)),
        ] {
            let found: HorizontalPodAutoscaler = serde_json::from_value(json!({
                "metadata": {"name": "a"}, "spec": {"behavior": behavior,
                    "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": "web"}},
            }))
            .unwrap();
            assert_eq!((found.deployment.as_deref(), found.is_disabled), expected, "{api_version} {kind}");
        }
    }
}
