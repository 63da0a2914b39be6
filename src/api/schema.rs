//! The CRDs as they are installed: what the derive cannot say is put in here, and what the server would warn about
//! is taken out.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::CustomResourceExt;
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::checkpoint::HoldKind;
use super::decision::{DecisionPhase, DecisionType, Skippable};
use super::history::Outcome;
use super::hook::{HookPoint, HookRevert};
use super::pipeline::{Exposure, WorkloadKind};
use super::preflight::{Matches, PreflightKind};
use super::release::Phase;
use super::rollout::Cause;
use super::stage::PromotionMode;
use super::strategy::Autoscaler;
use super::test_run::{RunPhase, Runner};
use super::traffic::{PathKind, RouteKind};
use super::{Decision, DeliveryPipeline, Environment, Release, TestRun};

/// All five, in the order of reading.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let values = explained_values();
    [DeliveryPipeline::crd(), Release::crd(), Environment::crd(), TestRun::crd(), Decision::crd()]
        .into_iter()
        .map(|crd| finish(crd, &values))
        .collect()
}

fn finish(mut crd: CustomResourceDefinition, values: &[Explained]) -> CustomResourceDefinition {
    // CI reports the result of an external suite; every other status is the operator's own.
    let is_reported = crd.spec.names.kind == "TestRun";
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|s| s.open_api_v3_schema.as_mut()) else { continue };
        visit(root, &|schema| {
            tidy(schema);
            explain(schema, values);
        });
        let Some(status) = root.properties.as_mut().and_then(|p| p.get_mut("status")) else { continue };
        if !is_reported {
            visit(status, &trust);
        }
        // For kstatus an object without it is current. It stands on the property: a default inside would never
        // show, as creation drops status.
        status.default = Some(JSON(json!({"observedGeneration": -1})));
    }
    crd
}

/// Calls `change` on a schema and on all below it.
fn visit(schema: &mut JSONSchemaProps, change: &impl Fn(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema.properties.iter_mut().flat_map(|p| p.values_mut()) {
        visit(property, change);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        visit(items, change);
    }
}

/// No number formats that only Rust knows (the server warns about each), and no nulls: a field is there or it is not,
/// so that `has()` in a rule means one thing.
fn tidy(schema: &mut JSONSchemaProps) {
    if schema.format.as_deref().is_some_and(|format| format.starts_with("uint") || format.starts_with("int")) {
        schema.format = None;
    }
    schema.nullable = None;
}

/// In a status only types and sizes are checked. It holds copies of what was accepted before, and a rule that a later
/// version adds must not refuse the checkpoint of a rollout that started under the former.
fn trust(schema: &mut JSONSchemaProps) {
    schema.x_kubernetes_validations = None;
    schema.pattern = None;
    schema.min_length = None;
    schema.min_items = None;
}

/// The values of one enum, each with its meaning.
type Explained = Vec<(Value, String)>;

/// The derive drops the texts of an enum's values; they are put under the text of every field that takes them.
fn explain(schema: &mut JSONSchemaProps, values: &[Explained]) {
    let Some(listed) = &schema.enum_ else { return };
    let same = |known: &&Explained| {
        known.len() == listed.len() && known.iter().all(|(value, _)| listed.contains(&JSON(value.clone())))
    };
    let Some(known) = values.iter().find(same) else { return };
    let text = schema.description.get_or_insert_default();
    for (value, meaning) in known {
        text.push_str(&format!("\n - `{}`: {meaning}", value.as_str().unwrap_or_default()));
    }
}

fn explained_values() -> Vec<Explained> {
    vec![
        values_of::<DecisionType>(),
        values_of::<Skippable>(),
        values_of::<DecisionPhase>(),
        values_of::<RunPhase>(),
        values_of::<Runner>(),
        values_of::<Phase>(),
        values_of::<Outcome>(),
        values_of::<HoldKind>(),
        values_of::<Cause>(),
        values_of::<PromotionMode>(),
        values_of::<WorkloadKind>(),
        values_of::<PathKind>(),
        values_of::<RouteKind>(),
        values_of::<Exposure>(),
        values_of::<Autoscaler>(),
        values_of::<PreflightKind>(),
        values_of::<Matches>(),
        values_of::<HookPoint>(),
        values_of::<HookRevert>(),
    ]
}

fn values_of<T: JsonSchema>() -> Explained {
    let schema = schema_for!(T).to_value();
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    variants.filter_map(|one| Some((one.get("const")?.clone(), one.get("description")?.as_str()?.to_owned()))).collect()
}
