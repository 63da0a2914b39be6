//! What routes look like, whatever their kind: which requests they take, where they send them, by which weights.

use serde_json::{Value, json};

use super::{GROUP, ParentRef, Route, RouteKind, RouteMatch};

/// Name of the route of a pipeline.
pub fn route_name(pipeline: &str) -> String {
    format!("windlass-{pipeline}")
}

/// Objects of ours between the router and the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoutingKind {
    /// Made from the Service before the workload.
    Service,
    /// Made by us, or one whose weights are left to us.
    Route(RouteKind),
}

/// Which requests a route takes, and where it sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteShape {
    pub kind: RouteKind,
    /// With their namespaces.
    pub parents: Vec<ParentRef>,
    pub hostnames: Vec<String>,
    pub matches: Vec<RouteMatch>,
    pub backends: Vec<Backend>,
}

/// Where a backend stands in a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Index of the rule.
    pub rule: usize,
    /// Index in its `backendRefs`.
    pub backend: usize,
}

/// What of someone's route is ours to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Where the backends of its shape stand.
    pub positions: Vec<Position>,
    /// Its rules send to both Services, or to none of them.
    pub is_divided: bool,
}

/// A Service and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    pub name: String,
    pub port: i64,
    pub weight: u32,
}

impl RouteShape {
    /// What a route of that wish looks like in a namespace.
    pub fn of(route: &Route, namespace: &str, backends: Vec<Backend>) -> Self {
        let placed = |parent: &ParentRef| ParentRef {
            namespace: parent.namespace.clone().or_else(|| Some(namespace.to_owned())),
            ..parent.clone()
        };
        let whole = |wanted: &RouteMatch| route.kind.read(&route.kind.written(wanted)).unwrap_or_default();
        let matches = match route.matches.as_slice() {
            [] => vec![route.kind.everything()],
            wanted => wanted.iter().map(whole).collect(),
        };
        let parents = route.parent_refs.iter().map(placed).collect();
        Self { kind: route.kind, parents, hostnames: route.hostnames.clone(), matches, backends }
    }

    /// The whole spec of such a route.
    pub fn spec(&self) -> Value {
        let matches: Vec<Value> = self.matches.iter().map(|wanted| self.kind.written(wanted)).collect();
        let backends: Vec<Value> = self.backends.iter().map(Backend::written).collect();
        json!({
            "parentRefs": self.parents.iter().map(parent).collect::<Vec<_>>(),
            "hostnames": self.hostnames,
            "rules": [{"matches": matches, "backendRefs": backends}],
        })
    }
}

impl Backend {
    fn written(&self) -> Value {
        let Self { name, port, weight } = self;
        json!({"group": "", "kind": "Service", "name": name, "port": port, "weight": weight})
    }
}

fn parent(parent: &ParentRef) -> Value {
    let mut out = json!({"group": GROUP, "kind": "Gateway"});
    let whole = serde_json::to_value(parent).unwrap_or_default();
    if let (Some(out), Value::Object(whole)) = (out.as_object_mut(), whole) {
        out.extend(whole);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_says_all_that_the_server_would_fill_in() {
        let parent = ParentRef { name: "gw".into(), namespace: None, section_name: None };
        let route = Route { parent_refs: vec![parent], hostnames: vec!["a.example".into()], ..Route::default() };
        let backend = |name: &str, weight| Backend { name: name.into(), port: 80, weight };
        let backends = vec![backend("checkout-stable", 75), backend("checkout-canary", 25)];
        let spec = RouteShape::of(&route, "net", backends.clone()).spec();
        let weights: Vec<&Value> = [0, 1].iter().map(|at| &spec["rules"][0]["backendRefs"][*at]["weight"]).collect();
        assert_eq!(weights, [75, 25]);
        assert_eq!(spec["parentRefs"][0], json!({"group": GROUP, "kind": "Gateway", "name": "gw", "namespace": "net"}));
        assert_eq!(spec["rules"][0]["matches"][0]["path"], json!({"type": "PathPrefix", "value": "/"}));
        let calls = RouteShape::of(&Route { kind: RouteKind::Grpc, ..route }, "net", backends).spec();
        assert_eq!(calls["rules"][0]["matches"], json!([{"headers": []}]));
    }
}
