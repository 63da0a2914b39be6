//! What kstatus (Flux's `wait: true`, Argo CD, `kpt live`) makes of an object: the generic rules of
//! `sigs.k8s.io/cli-utils/pkg/kstatus/status`, as they hold for kinds that it does not know. In its order.

use serde_json::Value;

/// The outcome. `NotFound` and `Unknown` are not for objects that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Terminating,
    InProgress,
    Failed,
    Current,
}

/// The status of an object as JSON.
pub fn kstatus(object: &Value) -> Status {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    if object.pointer("/metadata/deletionTimestamp").and_then(Value::as_str).is_some_and(|at| !at.is_empty()) {
        return Status::Terminating;
    }
    // An object without either is taken for observed: hence the default of -1 on every status.
    if let (Some(generation), Some(observed)) = (number("/metadata/generation"), number("/status/observedGeneration"))
        && generation != observed
    {
        return Status::InProgress;
    }
    let conditions = || object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let word = |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).map(str::to_owned);
    for condition in conditions().filter(|condition| word(condition, "status").as_deref() == Some("True")) {
        match word(condition, "type").as_deref() {
            Some("Reconciling") => return Status::InProgress,
            Some("Stalled") => return Status::Failed,
            _ => {}
        }
    }
    let ready = conditions().find(|condition| word(condition, "type").as_deref() == Some("Ready"));
    match ready.and_then(|condition| word(condition, "status")).as_deref() {
        None | Some("True") => Status::Current,
        Some(_) => Status::InProgress,
    }
}
