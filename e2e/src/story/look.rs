//! Looking at objects, as JSON.

use anyhow::Result;
use serde_json::Value;

use super::Story;

impl Story {
    /// The object (`kind` as kubectl takes it), or an error if there is none.
    pub async fn get_json(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        self.cluster.objects().get(kind, namespace, name).await
    }

    /// The object, if there is one.
    pub async fn find_json(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        self.cluster.objects().find(kind, namespace, name).await
    }

    /// All objects of a kind in a namespace that match a label selector (empty: all).
    pub async fn list_json(&self, kind: &str, namespace: &str, selector: &str) -> Result<Vec<Value>> {
        self.cluster.objects().list(kind, namespace, selector).await
    }

    /// The status of an object; `null` if it has none.
    pub async fn status_of(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        let object = self.get_json(kind, namespace, name).await?;
        Ok(object.get("status").cloned().unwrap_or_default())
    }
}

/// The string at a JSON pointer; empty if there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a JSON pointer; 0 if there is none.
pub fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The `field` of the condition of that type in `/status/conditions`; empty if there is none.
pub fn condition<'a>(object: &'a Value, kind: &str, field: &str) -> &'a str {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let found = conditions.into_iter().flatten().find(|condition| condition.get("type").is_some_and(|t| t == kind));
    found.and_then(|condition| condition.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// What a person wants to see of an object that is not as it should be: its status, without the rest.
pub(super) fn brief(object: &Value) -> String {
    let shown = object.get("status").unwrap_or(object);
    let text = shown.to_string();
    match text.char_indices().nth(4000) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
