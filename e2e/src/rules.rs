//! The table of what the API server refuses, `tests/api/rules.yaml`: read here, tried in process by `tests/api` and on
//! a real API server by the story `each_rule_with_its_message`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

/// The whole table.
#[derive(Debug, Deserialize)]
pub struct Rules {
    /// Objects that are accepted, by the name that cases use.
    pub good: BTreeMap<String, Value>,
    pub cases: Vec<Case>,
}

/// One thing to try.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is tried, in words.
    pub case: String,
    /// Name of the good object that it starts from.
    pub from: String,
    /// Changes to it before it is created, by JSON pointer; null removes.
    #[serde(default)]
    pub with: BTreeMap<String, Value>,
    /// Changes to it after it was created, if an update is what is tried.
    #[serde(default)]
    pub then: BTreeMap<String, Value>,
    /// Text that the refusal contains; none if it is accepted.
    pub says: Option<String>,
    /// Refused by the schema and not by a rule: only a server can show it.
    #[serde(default)]
    pub schema: bool,
}

impl Rules {
    /// Reads the table.
    pub fn read() -> Result<Self, serde_saphyr::Error> {
        serde_saphyr::from_str(include_str!("../../tests/api/rules.yaml"))
    }

    /// The object as it is created, with `with` set.
    pub fn created(&self, case: &Case) -> Value {
        let good = self.good.get(&case.from).cloned().unwrap_or_default();
        changed(&good, &case.with)
    }

    /// The object after the update that is tried, or none if the creation is what is tried.
    pub fn updated(&self, case: &Case) -> Option<Value> {
        (!case.then.is_empty()).then(|| changed(&self.created(case), &case.then))
    }
}

/// The object with each pointer set; null removes what the pointer names.
fn changed(object: &Value, changes: &BTreeMap<String, Value>) -> Value {
    let mut object = object.clone();
    for (pointer, value) in changes {
        let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
        match (object.pointer_mut(parent), value) {
            (Some(Value::Object(fields)), Value::Null) => drop(fields.remove(key)),
            (Some(Value::Object(fields)), value) => drop(fields.insert(key.to_owned(), value.clone())),
            (Some(Value::Array(items)), value) => match (key.parse::<usize>(), value) {
                (Ok(at), Value::Null) if at < items.len() => drop(items.remove(at)),
                (Ok(at), value) => drop(items.get_mut(at).map(|item| *item = value.clone())),
                (Err(_), _) => object = json!({"no such place": pointer}),
            },
            _ => object = json!({"no such place": pointer}),
        }
    }
    object
}
