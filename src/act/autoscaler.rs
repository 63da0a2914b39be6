//! The lock on an autoscaler's way down. What stood there is remembered on the autoscaler itself, in the same write, so
//! that whoever comes after a crash can put it back.

use json_patch::PatchOperation;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::api::labels::{CLAIMED_BY, SCALE_DOWN};

use super::cluster::{LIMIT, Write};
use super::patch::{add, guarded, remove, replace};
use super::{Cluster, Error, Object, Resource, Written};

/// The value of `selectPolicy` that bars scaling, and the one that stands where nothing is said.
const DISABLED: &str = "Disabled";
const DEFAULT: &str = "Max";
/// What is remembered where there was no `spec.behavior`.
const NOTHING: &str = "none";
const POLICY: [&str; 4] = ["spec", "behavior", "scaleDown", "selectPolicy"];

/// An autoscaler as it was planned with.
pub(super) struct Seen<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
    pub resource_version: &'a str,
}

impl Cluster {
    pub(super) async fn lock_scale_down(&self, seen: Seen<'_>, claim: &str) -> Result<Written, Error> {
        self.set_scale_down(seen, |live| lock(live, claim)).await
    }

    pub(super) async fn unlock_scale_down(&self, seen: Seen<'_>) -> Result<Written, Error> {
        self.set_scale_down(seen, unlock).await
    }

    async fn set_scale_down(
        &self,
        seen: Seen<'_>,
        operations: impl Fn(&DynamicObject) -> Vec<PatchOperation>,
    ) -> Result<Written, Error> {
        let object = Object::new(Resource::Autoscaler, seen.namespace, seen.name);
        let Some(live) = self.fetch(LIMIT, &object).await? else { return Err(Error::Moved { object }) };
        // the operations are made of the live object, so it must be the one that was planned with
        if live.metadata.resource_version.as_deref() != Some(seen.resource_version) {
            return Err(Error::Moved { object });
        }
        let patch = guarded(seen.uid, seen.resource_version, operations(&live));
        let stands = self.put(LIMIT, &object, Write::Patch(patch)).await?;
        Ok(object.written(&stands.metadata))
    }
}

fn lock(live: &DynamicObject, claim: &str) -> Vec<PatchOperation> {
    let behavior = live.data.pointer("/spec/behavior").filter(|behavior| !behavior.is_null());
    let (stood, disable) = match behavior {
        None => (NOTHING, add(["spec", "behavior"], json!({"scaleDown": {"selectPolicy": DISABLED}}))),
        Some(behavior) if behavior.get("scaleDown").is_none_or(Value::is_null) => {
            (DEFAULT, add(["spec", "behavior", "scaleDown"], json!({"selectPolicy": DISABLED})))
        }
        Some(_) => (policy(live).unwrap_or(DEFAULT), add(POLICY, DISABLED.into())),
    };
    let mut operations = vec![disable];
    if live.metadata.annotations.is_none() {
        operations.push(add(["metadata", "annotations"], json!({})));
    }
    operations.push(add(["metadata", "annotations", SCALE_DOWN], stood.into()));
    operations.push(add(["metadata", "annotations", CLAIMED_BY], claim.into()));
    operations
}

/// What someone else has set meanwhile stays.
fn unlock(live: &DynamicObject) -> Vec<PatchOperation> {
    let remembered = |key: &str| live.metadata.annotations.as_ref().and_then(|all| all.get(key));
    let mut operations = Vec::new();
    if policy(live) == Some(DISABLED) {
        operations.extend(remembered(SCALE_DOWN).map(|stood| match stood.as_str() {
            NOTHING if live.data.pointer("/spec/behavior").is_some_and(is_ours_alone) => remove(["spec", "behavior"]),
            NOTHING => replace(POLICY, DEFAULT.into()),
            stood => replace(POLICY, stood.into()),
        }));
    }
    let marks = [SCALE_DOWN, CLAIMED_BY].into_iter().filter(|key| remembered(key).is_some());
    operations.extend(marks.map(|key| remove(["metadata", "annotations", key])));
    operations
}

fn policy(live: &DynamicObject) -> Option<&str> {
    live.data.pointer("/spec/behavior/scaleDown/selectPolicy")?.as_str()
}

/// Whether nothing stands there but the lock, and what the server fills in beside it: the defaults that the API documents.
fn is_ours_alone(behavior: &Value) -> bool {
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    let all = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let filled = json!({
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": DEFAULT, "policies": [pods, all]},
        "scaleDown": {"selectPolicy": DISABLED, "policies": [all]},
    });
    *behavior == filled || *behavior == json!({"scaleDown": {"selectPolicy": DISABLED}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn autoscaler(behavior: Option<Value>) -> Value {
        let mut all = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "annotations": {"team": "shop"}}, "spec": {"minReplicas": 1, "maxReplicas": 9},
        });
        if let Some(behavior) = behavior {
            all["spec"]["behavior"] = behavior;
        }
        all
    }

    fn read(value: &Value) -> DynamicObject {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn done(mut value: Value, operations: Vec<PatchOperation>) -> Value {
        json_patch::patch(&mut value, &operations).unwrap();
        value
    }

    #[test]
    fn what_stood_there_is_put_back_exactly() {
        let down = json!({"selectPolicy": "Min", "stabilizationWindowSeconds": 5, "policies": []});
        let behaviors = [
            None,
            Some(json!({"scaleDown": down.clone()})),
            Some(json!({"scaleUp": {"selectPolicy": "Max"}, "scaleDown": down})),
        ];
        for behavior in behaviors {
            let before = autoscaler(behavior);
            let locked = done(before.clone(), lock(&read(&before), "shop/checkout/p-1"));
            assert_eq!(locked["spec"]["behavior"]["scaleDown"]["selectPolicy"], DISABLED);
            assert_eq!(locked["metadata"]["annotations"][CLAIMED_BY], "shop/checkout/p-1");
            assert_eq!(done(locked.clone(), unlock(&read(&locked))), before);
        }
        let mut bare = autoscaler(None);
        bare["metadata"] = json!({"name": "web"});
        let locked = done(bare.clone(), lock(&read(&bare), "c"));
        assert_eq!(locked["metadata"]["annotations"][SCALE_DOWN], NOTHING);
    }

    #[test]
    fn what_the_server_filled_in_goes_with_the_lock_and_what_someone_added_stays() {
        let before = autoscaler(None);
        let mut locked = done(before.clone(), lock(&read(&before), "c"));
        let behavior = &mut locked["spec"]["behavior"];
        behavior["scaleDown"]["policies"] = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
        behavior["scaleUp"] = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]});
        assert_eq!(done(locked.clone(), unlock(&read(&locked))), before);

        locked["spec"]["behavior"]["scaleUp"]["stabilizationWindowSeconds"] = 30.into();
        let after = done(locked.clone(), unlock(&read(&locked)));
        assert_eq!(after["spec"]["behavior"]["scaleUp"], locked["spec"]["behavior"]["scaleUp"]);
        assert_eq!(after["spec"]["behavior"]["scaleDown"]["selectPolicy"], DEFAULT);
    }

    #[test]
    fn what_someone_set_meanwhile_stays() {
        let before = autoscaler(Some(json!({"scaleDown": {"selectPolicy": "Min"}})));
        let mut locked = done(before.clone(), lock(&read(&before), "c"));
        locked["spec"]["behavior"]["scaleDown"]["selectPolicy"] = "Max".into();
        let after = done(locked.clone(), unlock(&read(&locked)));
        assert_eq!(after["spec"], locked["spec"]);
        assert_eq!(after["metadata"], before["metadata"]);
    }
}
