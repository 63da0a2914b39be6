//! Whether a Deployment may be cloned: a second one of its kind must be able to run beside it.

use serde_json::Value;

/// Why a clone of it could not run beside it, in words; none if it could.
pub fn obstacle(strategy: Option<&str>, template: &Value) -> Option<String> {
    if strategy == Some("Recreate") {
        return Some("its strategy is Recreate, so two revisions of it may not run at the same time".to_owned());
    }
    let pod = template.get("spec")?;
    if pod.get("hostNetwork").and_then(Value::as_bool) == Some(true) {
        return Some("its pods use the network of their node (hostNetwork)".to_owned());
    }
    claim(pod).or_else(|| host_port(pod))
}

/// A claim that is written to may be the property of one pod; what the operator may read does not tell.
fn claim(pod: &Value) -> Option<String> {
    let volumes = pod.get("volumes").and_then(Value::as_array)?;
    let is_written = |volume: &&Value| {
        let claim = volume.get("persistentVolumeClaim");
        claim.is_some_and(|claim| claim.get("readOnly").and_then(Value::as_bool) != Some(true))
    };
    let volume = volumes.iter().find(is_written)?;
    let name = volume.get("name").and_then(Value::as_str).unwrap_or_default();
    Some(format!("its volume {name} is a PersistentVolumeClaim that is not mounted readOnly"))
}

fn host_port(pod: &Value) -> Option<String> {
    let lists = ["containers", "initContainers"].into_iter().filter_map(|list| pod.get(list)?.as_array());
    let ports = lists.flatten().filter_map(|container| container.get("ports")?.as_array()).flatten();
    let host = ports.filter_map(|port| port.get("hostPort")?.as_i64()).find(|port| *port > 0)?;
    Some(format!("a container takes port {host} of its node (hostPort)"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_two_cannot_share_is_named() {
        let cases = [
            (json!({"hostNetwork": true}), "hostNetwork"),
            (json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "a"}}]}), "volume data"),
            (json!({"initContainers": [{"name": "a", "ports": [{"hostPort": 80}]}]}), "port 80"),
        ];
        for (spec, named) in cases {
            let why = obstacle(Some("RollingUpdate"), &json!({"spec": spec})).unwrap();
            assert!(why.contains(named), "{why}");
        }
        assert!(obstacle(Some("Recreate"), &json!({})).unwrap().contains("Recreate"));
    }

    #[test]
    fn what_can_be_shared_is_no_obstacle() {
        let spec = json!({
            "volumes": [{"name": "a", "persistentVolumeClaim": {"claimName": "a", "readOnly": true}}, {"name": "b", "emptyDir": {}}],
            "containers": [{"name": "a", "ports": [{"containerPort": 80}]}],
        });
        assert_eq!(obstacle(None, &json!({"spec": spec})), None);
    }
}
