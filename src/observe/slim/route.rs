//! A route of any kind: which requests it takes, where it sends them, who wrote it, and whether its parents took it.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::Resource;
use serde::Deserialize;
use serde_json::Value;

use super::Wire;
use super::writers::Writer;
use crate::api::Time;
use crate::api::traffic::{Backend, GROUP, ParentRef, Position, RouteKind, RouteMatch, RouteShape};
use crate::observe::stores::is_in;

/// What is kept of a route.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Wire<WireSpec, WireStatus>")]
pub struct Route {
    pub kind: RouteKind,
    pub metadata: ObjectMeta,
    /// With their namespaces.
    pub parents: Vec<ParentRef>,
    pub hostnames: Vec<String>,
    /// Of all rules; none for one that asks for more than ours ever do.
    pub matches: Vec<Option<RouteMatch>>,
    /// Of its only rule; none if there are several, or the rule does more than send.
    pub backends: Option<Vec<Backend>>,
    /// What its rules send to, whatever else they do: a Service of its own namespace by name, one of another namespace as
    /// `namespace/name`, something else as `kind:name`.
    pub targets: Vec<(Position, Backend)>,
    /// Who wrote its spec last.
    pub writer: Option<Writer>,
    pub verdicts: Vec<Verdict>,
}

/// What a controller says of one parent.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub parent: ParentRef,
    /// The generation at which both `Accepted` and `ResolvedRefs` are true, or the first of them that is not, and why.
    pub accepted: Result<i64, String>,
}

impl Resource for Route {
    type DynamicType = RouteKind;
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind(kind: &RouteKind) -> Cow<'_, str> {
        kind.as_str().into()
    }

    fn group(_: &RouteKind) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version(_: &RouteKind) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural(kind: &RouteKind) -> Cow<'_, str> {
        kind.plural().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireSpec {
    #[serde(default)]
    parent_refs: Vec<ParentRef>,
    #[serde(default)]
    hostnames: Vec<String>,
    #[serde(default)]
    rules: Vec<Value>,
}

#[derive(Default, Deserialize)]
pub struct WireStatus {
    #[serde(default)]
    parents: Vec<WireParent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireParent {
    parent_ref: ParentRef,
    #[serde(default)]
    conditions: Vec<WireCondition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCondition {
    r#type: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    observed_generation: i64,
}

impl TryFrom<Wire<WireSpec, WireStatus>> for Route {
    type Error = String;

    fn try_from(wire: Wire<WireSpec, WireStatus>) -> Result<Self, String> {
        let Wire { kind, metadata, spec, status } = wire;
        let kind = RouteKind::named(&kind).ok_or_else(|| format!("kind: {kind:?} is no route that is known"))?;
        let home = metadata.namespace.clone();
        let placed = |parent: ParentRef| ParentRef { namespace: parent.namespace.or_else(|| home.clone()), ..parent };
        let verdicts =
            status.parents.into_iter().map(|p| Verdict { accepted: verdict(&p), parent: placed(p.parent_ref) });
        let here = metadata.namespace.as_deref().unwrap_or_default();
        let targets = spec.rules.iter().enumerate().flat_map(|(at, rule)| targets(here, at, rule)).collect();
        let backends = match spec.rules.as_slice() {
            [rule] => backends(rule),
            _ => None,
        };
        Ok(Self {
            kind,
            writer: writer(metadata.managed_fields.as_deref().unwrap_or_default()),
            verdicts: verdicts.collect(),
            parents: spec.parent_refs.into_iter().map(placed).collect(),
            hostnames: spec.hostnames,
            matches: spec.rules.iter().flat_map(|rule| matches(kind, rule)).collect(),
            targets,
            backends,
            metadata: super::pruned(metadata),
        })
    }
}

fn verdict(parent: &WireParent) -> Result<i64, String> {
    let mut generation = i64::MAX;
    for wanted in ["Accepted", "ResolvedRefs"] {
        let Some(found) = parent.conditions.iter().find(|c| c.r#type == wanted) else {
            return Err(format!("{wanted} is not told"));
        };
        if found.status != "True" {
            return Err(format!("{}: {}", found.reason, found.message));
        }
        generation = generation.min(found.observed_generation);
    }
    Ok(generation)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A rule without any takes everything.
fn matches(kind: RouteKind, rule: &Value) -> Vec<Option<RouteMatch>> {
    match list(rule, "matches") {
        [] => vec![Some(kind.everything())],
        all => all.iter().map(|found| kind.read(found)).collect(),
    }
}

/// Services by weight; none where the rule changes or mirrors requests, or sends them elsewhere.
fn backends(rule: &Value) -> Option<Vec<Backend>> {
    let is_plain = |value: &Value, known: &[&str]| {
        value.as_object().is_some_and(|all| all.keys().all(|key| known.contains(&&**key)))
    };
    if !is_plain(rule, &["matches", "backendRefs"]) {
        return None;
    }
    let is_service = |value: &Value| value.get("kind").is_none_or(|kind| kind == "Service");
    let read = |value: &Value| {
        backend(value).filter(|_| is_service(value) && is_plain(value, &["group", "kind", "name", "port", "weight"]))
    };
    list(rule, "backendRefs").iter().map(read).collect()
}

fn backend(value: &Value) -> Option<Backend> {
    let number = |key: &str, default: i64| value.get(key).map_or(Some(default), Value::as_i64);
    let name = value.get("name")?.as_str()?.to_owned();
    let weight = u32::try_from(number("weight", 1)?).ok()?;
    Some(Backend { name, port: number("port", 0)?, weight })
}

fn targets(here: &str, rule: usize, value: &Value) -> Vec<(Position, Backend)> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let read = |(at, value): (usize, &Value)| {
        let found = backend(value)?;
        let name = match (text(value, "kind"), text(value, "namespace")) {
            (Some(kind), _) if kind != "Service" => format!("{kind}:{}", found.name),
            (_, Some(namespace)) if namespace != here => format!("{namespace}/{}", found.name),
            (Some(_) | None, Some(_) | None) => found.name,
        };
        Some((Position { rule, backend: at }, Backend { name, ..found }))
    };
    list(value, "backendRefs").iter().enumerate().filter_map(read).collect()
}

impl Route {
    /// What it does; none where that is more than a route of ours ever does.
    pub fn shape(&self) -> Option<RouteShape> {
        let matches: Option<Vec<RouteMatch>> = self.matches.iter().cloned().collect();
        let (kind, parents, hostnames) = (self.kind, self.parents.clone(), self.hostnames.clone());
        let (matches, backends) = matches.zip(self.backends.clone())?;
        Some(RouteShape { kind, parents, hostnames, matches, backends })
    }

    /// Whether it sends to that Service, from wherever it stands.
    pub fn sends_to(&self, namespace: &str, service: &str) -> bool {
        let name = self.reference(namespace, service);
        self.targets.iter().any(|(_, backend)| backend.name == name)
    }

    /// Whether one of its rules gives that Service a share of the requests that it sends elsewhere too.
    pub fn divides(&self, namespace: &str, service: &str) -> bool {
        let name = self.reference(namespace, service);
        let is_beside = |at: &Position| self.targets.iter().any(|(other, b)| other.rule == at.rule && b.name != name);
        self.targets.iter().any(|(at, backend)| backend.name == name && backend.weight > 0 && is_beside(at))
    }

    fn reference(&self, namespace: &str, service: &str) -> String {
        if is_in(self, namespace) { service.to_owned() } else { format!("{namespace}/{service}") }
    }
}

/// The latest owner of any field of its spec.
fn writer(entries: &[ManagedFieldsEntry]) -> Option<Writer> {
    let is_spec = |entry: &&ManagedFieldsEntry| {
        entry.subresource.as_deref().unwrap_or_default().is_empty()
            && entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:spec").is_some())
    };
    let of = |entry: &ManagedFieldsEntry| Writer {
        manager: entry.manager.clone().unwrap_or_default(),
        at: entry.time.as_ref().map(Time::from),
    };
    entries
        .iter()
        .filter(is_spec)
        .map(of)
        .max_by_key(|writer| (writer.at, writer.manager != crate::api::labels::MANAGER))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route(rule: Value, conditions: Value) -> Route {
        serde_json::from_value(json!({
            "kind": "HTTPRoute",
            "metadata": {"name": "a", "namespace": "shop", "generation": 3, "managedFields": [
                {"manager": "windlass", "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:hostnames": {}}}},
                {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:rules": {}}}},
                {"manager": "traefik", "operation": "Update", "time": "2026-01-02T00:00:00Z", "subresource": "status", "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {}}},
            ]},
            "spec": {"parentRefs": [{"group": GROUP, "kind": "Gateway", "name": "gw"}], "hostnames": ["a.example"], "rules": [rule]},
            "status": {"parents": [{"parentRef": {"name": "gw", "namespace": "shop"}, "conditions": conditions}]},
        }))
        .unwrap()
    }

    #[test]
    fn weights_verdicts_and_the_writer_are_read() {
        let held = |kind: &str, status: &str| json!({"type": kind, "status": status, "observedGeneration": 3, "reason": "R", "message": "m"});
        let rule = json!({
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": [{"group": "", "kind": "Service", "name": "a", "port": 80, "weight": 90}, {"name": "b", "port": 80}],
        });
        let found = route(rule.clone(), json!([held("Accepted", "True"), held("ResolvedRefs", "True")]));
        let weights: Vec<u32> = found.backends.unwrap().iter().map(|b| b.weight).collect();
        assert_eq!((weights, found.verdicts[0].accepted.clone()), (vec![90, 1], Ok(3)));
        assert_eq!(
            (found.writer.unwrap().manager.as_str(), found.parents[0].namespace.as_deref()),
            ("kubectl-edit", Some("shop"))
        );
        assert_eq!(found.matches, [Some(RouteKind::Http.everything())]);
        let refused = route(rule, json!([held("Accepted", "True"), held("ResolvedRefs", "False")]));
        assert_eq!(refused.verdicts[0].accepted, Err("R: m".to_owned()));
    }

    #[test]
    fn a_rule_that_does_more_has_no_known_backends() {
        let odd = route(json!({"filters": [{}], "backendRefs": []}), json!([]));
        assert_eq!(odd.backends, None);
        let odd = route(json!({"matches": [{"method": "GET"}], "backendRefs": []}), json!([]));
        assert_eq!(odd.matches, [None]);
    }

    #[test]
    fn a_share_is_divided_and_a_preview_is_not() {
        let to = |name: &str, weight: u32| json!({"name": name, "port": 80, "weight": weight});
        for (backends, divides) in [
            (json!([to("web-stable", 90), to("web-green", 10)]), true),
            (json!([to("web-stable", 0), to("web-green", 1)]), true),
            (json!([to("web-stable", 100), to("web-green", 0)]), false),
            (json!([to("web-green", 1)]), false),
            (json!([to("web", 1)]), false),
        ] {
            let found = route(json!({"backendRefs": backends}), json!([]));
            assert_eq!(found.divides("shop", "web-green"), divides, "{backends}");
            assert!(!found.divides("other", "web-green"));
        }
        let afar = route(json!({"backendRefs": [to("web", 1), {"name": "web-green", "namespace": "net"}]}), json!([]));
        assert!(afar.divides("net", "web-green") && !afar.divides("shop", "web-green"));
    }

    #[test]
    fn a_kind_that_is_not_known_is_told() {
        let error = serde_json::from_value::<Route>(json!({"kind": "TCPRoute", "metadata": {}})).unwrap_err();
        assert!(error.to_string().contains("TCPRoute"), "{error}");
    }
}
