//! JSON Patches that carry the identity and version that they were planned with.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde_json::Value;

/// The operations, after the guards. Another object under the name fails the test (422). A stale version is a conflict
/// (409), because it is replaced and not tested: so it is told apart from a refused object by its code.
pub(super) fn guarded(uid: &str, resource_version: &str, operations: Vec<PatchOperation>) -> Patch {
    let mut all =
        vec![test(["metadata", "uid"], uid.into()), replace(["metadata", "resourceVersion"], resource_version.into())];
    all.extend(operations);
    Patch(all)
}

/// Fails the whole patch unless the value stands there.
pub(super) fn test<'a>(path: impl IntoIterator<Item = &'a str>, value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation { path: PointerBuf::from_tokens(path), value })
}

/// Fails unless something stands there already.
pub(super) fn replace<'a>(path: impl IntoIterator<Item = &'a str>, value: Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(path), value })
}

/// Sets a key of an object, there or not; the last token `-` appends to a list.
pub(super) fn add<'a>(path: impl IntoIterator<Item = &'a str>, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path), value })
}

/// Fails if nothing stands there.
pub(super) fn remove<'a>(path: impl IntoIterator<Item = &'a str>) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(path) })
}

/// Puts a finalizer on an object whose finalizers are these, or takes it off; nothing if it is so already.
pub(super) fn finalizer(present: &[String], finalizer: &str, wanted: bool) -> Vec<PatchOperation> {
    let at = present.iter().position(|name| name == finalizer);
    match (at, wanted) {
        (Some(_), true) | (None, false) => Vec::new(),
        (None, true) if present.is_empty() => vec![add(["metadata", "finalizers"], [finalizer].as_slice().into())],
        (None, true) => vec![add(["metadata", "finalizers", "-"], finalizer.into())],
        (Some(index), false) => {
            let index = index.to_string();
            vec![test(["metadata", "finalizers", &index], finalizer.into()), remove(["metadata", "finalizers", &index])]
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn guards_come_first_and_keys_are_escaped() {
        let patch = guarded("u1", "7", vec![add(["metadata", "annotations", "windlass.dev/attempt"], "a1".into())]);
        assert_eq!(
            serde_json::to_value(patch).unwrap(),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u1"},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"},
                {"op": "add", "path": "/metadata/annotations/windlass.dev~1attempt", "value": "a1"},
            ])
        );
    }

    #[test]
    fn a_finalizer_is_set_and_taken_without_touching_others() {
        for (present, wanted, expected) in [
            (vec![], true, json!([{"op": "add", "path": "/metadata/finalizers", "value": ["f"]}])),
            (vec!["o"], true, json!([{"op": "add", "path": "/metadata/finalizers/-", "value": "f"}])),
            (vec!["o", "f"], true, json!([])),
            (vec!["o"], false, json!([])),
            (
                vec!["o", "f"],
                false,
                json!([{"op": "test", "path": "/metadata/finalizers/1", "value": "f"},
                       {"op": "remove", "path": "/metadata/finalizers/1"}]),
            ),
        ] {
            let names: Vec<String> = present.iter().map(ToString::to_string).collect();
            assert_eq!(serde_json::to_value(finalizer(&names, "f", wanted)).unwrap(), expected, "{present:?} {wanted}");
        }
    }
}
