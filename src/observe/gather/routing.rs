//! What stands in a target namespace between the router and the workload, as the pipeline sees it.

pub mod existing;

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::holder::Holder;
use super::workload::claim;
use crate::api::labels::{CLAIMED_BY, TRACK, TRACKS};
use crate::api::traffic::{ParentRef, RouteKind, RouteMatch, RouteShape, route_name};
use crate::api::{DeliveryPipeline, Time, Traffic};
use crate::observe::health::WatchHealth;
use crate::observe::slim;
use crate::observe::snapshot::{Claim, Route, RoutedService, Routing};
use crate::observe::stores::{Stores, is_in};

/// The Services that the pipeline names or has made there, its route, and the routes that stand in its way.
pub fn routing(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
) -> Routing {
    let frozen = super::rollout(pipeline, at).and_then(|rollout| rollout.traffic.as_ref());
    let wanted = frozen.or(pipeline.spec.traffic.as_ref());
    let services = services(stores, health, pipeline, frozen, namespace);
    let (route, left) = routes(stores, health, pipeline, at, namespace, wanted);
    let is_other = |found: &slim::Route| {
        let standing = route.as_ref().map(|r| (r.kind, r.namespace.as_str(), r.name.as_str()));
        standing != Some((found.kind, found.namespace().unwrap_or_default().as_str(), found.name_any().as_str()))
    };
    let clones: Vec<&str> = services.values().filter(|s| is_of_clone(s)).map(|s| s.name.as_str()).collect();
    let divides = |found: &slim::Route| is_other(found) && clones.iter().any(|name| found.divides(namespace, name));
    let others = stores.routes.state_filter(divides);
    // what sends to none of its Services, and takes none of its requests, has nothing to do with it
    let written = || {
        let wish = wanted.map(|traffic| RouteShape::of(&traffic.route, namespace, Vec::new()));
        let sends = |found: &slim::Route| services.keys().any(|name| found.sends_to(namespace, name));
        let takes = |found: &slim::Route| wish.as_ref().is_some_and(|wish| meets(found, wish));
        last_written(stores, |found| is_other(found) && (sends(found) || takes(found)))
    };
    Routing {
        shadow: shadow(stores, pipeline, namespace),
        is_installed: !health.is_absent(wanted.map(|traffic| traffic.route.kind).unwrap_or_default().as_str()),
        others: others.iter().map(|found| title(found)).collect(),
        rerouted: if clones.is_empty() { None } else { written() },
        services,
        route,
        left,
    }
}

/// The route that is meant, and what is left of ours under what the spec said before.
fn routes(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
    wanted: Option<&Traffic>,
) -> (Option<Route>, Vec<Route>) {
    let name = route_name(&pipeline.name_any());
    let own = RouteKind::ALL.into_iter().filter_map(|kind| stores.routes.get(kind, namespace, &name));
    let mut left: Vec<Route> = own.map(|found| route(health, stores, pipeline, &found)).collect();
    let existing = wanted.filter(|traffic| traffic.route.existing.is_some());
    let route = match existing.zip(super::track(pipeline, at)) {
        Some(split) => existing::route(stores, pipeline, split, namespace),
        None => {
            let is_meant = |own: &Route| wanted.is_none_or(|traffic| traffic.route.kind == own.kind);
            left.iter().position(is_meant).map(|at| left.remove(at))
        }
    };
    (route, left)
}

fn services(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    frozen: Option<&Traffic>,
    namespace: &str,
) -> BTreeMap<String, RoutedService> {
    let named: BTreeSet<String> =
        frozen.into_iter().chain(&pipeline.spec.traffic).flat_map(Traffic::services).collect();
    let is_made = |s: &slim::Service| is_claimed(s.annotations(), pipeline) && s.labels().contains_key(TRACK);
    let found = stores.services.state_filter(|s| is_in(s, namespace) && (named.contains(&s.name_any()) || is_made(s)));
    found.iter().map(|s| (s.name_any(), service(stores, health, pipeline, s))).collect()
}

/// Whether it is one that Windlass made for a clone.
fn is_of_clone(service: &RoutedService) -> bool {
    let track = service.track.as_deref();
    service.claim == Claim::Ours && track.is_some_and(|track| TRACKS.contains(&track))
}

/// Whether a route may take requests that the wanted one would.
fn meets(found: &slim::Route, wish: &RouteShape) -> bool {
    let takes = |theirs: &Option<RouteMatch>| {
        theirs.as_ref().is_none_or(|theirs| wish.matches.iter().any(|ours| ours.may_meet(theirs)))
    };
    found.hostnames.iter().any(|host| wish.hostnames.contains(host)) && found.matches.iter().any(takes)
}

fn title(route: &slim::Route) -> String {
    format!("{} {}/{}", route.kind, route.namespace().unwrap_or_default(), route.name_any())
}

/// When a route was written last, of those that are meant.
pub fn last_written(stores: &Stores, is_meant: impl Fn(&slim::Route) -> bool) -> Option<Time> {
    stores.routes.state_filter(is_meant).iter().filter_map(|route| route.writer.as_ref()?.at).max()
}

fn is_claimed(annotations: &BTreeMap<String, String>, pipeline: &DeliveryPipeline) -> bool {
    let holder = annotations.get(CLAIMED_BY).and_then(|claim| Holder::of_claim(claim));
    holder.is_some_and(|holder| holder.uid == pipeline.metadata.uid.as_deref())
}

fn service(stores: &Stores, health: &WatchHealth, pipeline: &DeliveryPipeline, found: &slim::Service) -> RoutedService {
    let (namespace, name) = (found.namespace().unwrap_or_default(), found.name_any());
    let slices = stores
        .endpoint_slices
        .state_filter(|slice| slice.service == name && slice.metadata.namespace.as_deref() == Some(&namespace));
    let ready: BTreeSet<&String> = slices.iter().flat_map(|slice| &slice.ready).collect();
    RoutedService {
        ready: i32::try_from(ready.len()).unwrap_or(i32::MAX),
        uid: found.uid().unwrap_or_default(),
        resource_version: found.resource_version().unwrap_or_default(),
        deleting: found.metadata.deletion_timestamp.is_some(),
        claim: claim(stores, health, pipeline, found.annotations().get(CLAIMED_BY).map(String::as_str)),
        track: found.labels().get(TRACK).cloned(),
        selects: !found.view.external && !found.view.selector.is_empty(),
        selector: found.view.selector.clone(),
        ports: found.ports.clone(),
        is_named: existing::names(stores, pipeline, &namespace, &name),
        namespace,
        name,
    }
}

fn route(health: &WatchHealth, stores: &Stores, pipeline: &DeliveryPipeline, found: &slim::Route) -> Route {
    let claim = claim(stores, health, pipeline, found.annotations().get(CLAIMED_BY).map(String::as_str));
    Route { claim, ..bare(found) }
}

/// A route without what it means to a pipeline.
pub fn bare(found: &slim::Route) -> Route {
    let generation = found.metadata.generation.unwrap_or(0);
    Route {
        kind: found.kind,
        namespace: found.namespace().unwrap_or_default(),
        name: found.name_any(),
        uid: found.uid().unwrap_or_default(),
        resource_version: found.resource_version().unwrap_or_default(),
        generation,
        deleting: found.metadata.deletion_timestamp.is_some(),
        claim: Claim::None,
        shape: found.shape(),
        existing: None,
        obstacle: found.parents.iter().find_map(|parent| unaccepted(found, parent, generation)),
        writer: found.writer.as_ref().map(|writer| writer.manager.clone()),
        written: found.writer.as_ref().and_then(|writer| writer.at),
    }
}

/// Why a parent has not taken the route as it is now, if it has not. One controller is enough: what a former one said stays
/// in the status for ever.
fn unaccepted(route: &slim::Route, parent: &ParentRef, generation: i64) -> Option<String> {
    let name = &parent.name;
    let said = || route.verdicts.iter().filter(|verdict| verdict.parent == *parent).map(|verdict| &verdict.accepted);
    if said().any(|accepted| accepted.as_ref().is_ok_and(|seen| *seen >= generation)) {
        return None;
    }
    let refused = said().find_map(|accepted| accepted.as_ref().err());
    Some(match (refused, said().next()) {
        (Some(why), _) => format!("Gateway {name}: {why}"),
        (None, Some(_)) => format!("Gateway {name} has not taken the last change yet"),
        (None, None) => format!("no controller has answered for Gateway {name}"),
    })
}

/// The route that gets requests before ours: the same parent, host name and match, and older (or ours is not there yet).
fn shadow(stores: &Stores, pipeline: &DeliveryPipeline, namespace: &str) -> Option<String> {
    let traffic = pipeline.spec.traffic.as_ref().filter(|traffic| traffic.route.existing.is_none())?;
    let (kind, name) = (traffic.route.kind, route_name(&pipeline.name_any()));
    let own = stores.routes.get(kind, namespace, &name);
    let wanted = RouteShape::of(&traffic.route, namespace, Vec::new());
    let age = |route: &slim::Route| {
        (route.creation_timestamp().as_ref().map(Time::from), route.namespace().unwrap_or_default(), route.name_any())
    };
    let is_before = |route: &slim::Route| own.as_ref().is_none_or(|own| age(route) < age(own));
    let is_other = |route: &slim::Route| route.kind == kind && !(route.name_any() == name && is_in(route, namespace));
    let is_same = |route: &slim::Route| {
        route.parents.iter().any(|theirs| wanted.parents.iter().any(|ours| is_shared(theirs, ours)))
            && route.hostnames.iter().any(|host| wanted.hostnames.contains(host))
            && route.matches.iter().flatten().any(|theirs| wanted.matches.contains(theirs))
    };
    let found = stores.routes.state_filter(|route| is_other(route) && is_same(route) && is_before(route));
    let first = found.into_iter().min_by_key(|route| age(route))?;
    Some(format!("{}/{}", first.namespace().unwrap_or_default(), first.name_any()))
}

/// Whether two routes meet at a listener: one without a name is for all of them.
fn is_shared(theirs: &ParentRef, ours: &ParentRef) -> bool {
    let is_met = match (&theirs.section_name, &ours.section_name) {
        (Some(theirs), Some(ours)) => theirs == ours,
        _ => true,
    };
    theirs.name == ours.name && theirs.namespace == ours.namespace && is_met
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::stores::get;
    use crate::observe::tests::fixture::World;

    const WORLD: &str = r#"
kind: DeliveryPipeline
metadata: {name: checkout, uid: p-1}
spec:
  images: []
  workloads: []
  stages: []
  traffic: {service: web, route: {parentRefs: [{name: gw, namespace: net, sectionName: http}], hostnames: [a.example]}}
---
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, nodePort: 30000}]}
---
kind: Service
metadata: {name: web-canary, labels: {windlass.dev/track: canary}, annotations: {windlass.dev/claimed-by: shop/checkout/p-1}}
spec: {selector: {app: web, windlass.dev/track: canary}, ports: [{port: 80}]}
---
kind: EndpointSlice
metadata: {name: one, labels: {kubernetes.io/service-name: web-canary}}
endpoints: [{addresses: [10.0.0.1], targetRef: {uid: a}}, {addresses: [10.0.0.2], conditions: {ready: false}, targetRef: {uid: b}}]
---
kind: EndpointSlice
metadata: {name: two, labels: {kubernetes.io/service-name: web-canary}}
endpoints: [{addresses: ["fd00::1"], targetRef: {uid: a}}]
"#;

    fn rival(name: &str, at: &str, parent: Value, host: &str, path: &str) -> Value {
        json!({
            "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "net", "creationTimestamp": at, "generation": 1},
            "spec": {"parentRefs": [parent], "hostnames": [host], "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": path}}]}]},
        })
    }

    fn seen(world: &World) -> Routing {
        let stores = world.stores();
        let pipeline = get(&stores.pipelines, "shop", "checkout").unwrap();
        routing(&stores, &WatchHealth::default(), &pipeline, "production", "shop")
    }

    #[test]
    fn endpoints_are_pods_and_ports_are_without_those_of_nodes() {
        let found = seen(&World::of(WORLD));
        assert_eq!(found.services["web"].ports, [json!({"port": 80})]);
        let canary = &found.services["web-canary"];
        assert_eq!((canary.ready, &canary.claim), (1, &crate::observe::Claim::Ours));
    }

    #[test]
    fn what_a_former_controller_said_is_nothing_once_another_one_takes_the_route() {
        let verdict = |accepted| slim::route::Verdict { parent: parent(), accepted };
        fn parent() -> ParentRef {
            ParentRef { name: "gw".into(), namespace: Some("net".into()), section_name: None }
        }
        let obstacle = |verdicts: Vec<slim::route::Verdict>| {
            let mut world = World::of(WORLD);
            world.put(rival("windlass-checkout", "2026-02-01T00:00:00Z", json!({"name": "gw"}), "a.example", "/"));
            let mut found =
                world.stores().routes.get(RouteKind::Http, "net", "windlass-checkout").unwrap().as_ref().clone();
            found.verdicts = verdicts;
            bare(&found).obstacle
        };
        let refused = || verdict(Err("Accepted is not told".into()));
        assert_eq!(obstacle(vec![verdict(Ok(0)), verdict(Ok(1))]), None);
        assert_eq!(obstacle(vec![refused(), verdict(Ok(1))]), None);
        let said = obstacle(vec![verdict(Ok(0)), refused()]);
        assert_eq!(said.as_deref(), Some("Gateway gw: Accepted is not told"), "what there is to do something about");
        assert!(obstacle(vec![verdict(Ok(0))]).is_some() && obstacle(vec![]).is_some());
    }

    #[test]
    fn other_routes_count_where_they_divide_requests_and_of_any_kind() {
        let refs =
            json!([{"name": "web-stable", "port": 80, "weight": 9}, {"name": "web-canary", "port": 80, "weight": 1}]);
        let afar =
            json!([{"name": "a", "port": 80}, {"name": "web-canary", "namespace": "shop", "port": 80, "weight": 1}]);
        let ours = json!({"windlass.dev/claimed-by": "shop/checkout/p-1"});
        for (kind, name, namespace, annotations, refs, other) in [
            ("GRPCRoute", "front", "shop", json!({}), &refs, Some("GRPCRoute shop/front")),
            ("HTTPRoute", "front", "net", json!({}), &afar, Some("HTTPRoute net/front")),
            ("GRPCRoute", "windlass-checkout", "shop", ours.clone(), &refs, Some("GRPCRoute shop/windlass-checkout")),
            ("HTTPRoute", "windlass-checkout", "shop", ours.clone(), &refs, None),
            ("HTTPRoute", "preview", "shop", json!({}), &json!([{"name": "web-canary", "port": 80}]), None),
        ] {
            let mut world = World::of(WORLD);
            world.put(
                json!({"kind": kind, "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
                "spec": {"rules": [{"backendRefs": refs}]}}),
            );
            let found = seen(&world);
            assert_eq!(found.others.first().map(String::as_str), other, "{kind} {namespace}/{name}");
            assert_eq!(found.route.is_some(), (kind, name) == ("HTTPRoute", "windlass-checkout"), "{kind} {name}");
            assert_eq!(found.left.len(), usize::from((kind, name) == ("GRPCRoute", "windlass-checkout")));
        }
    }

    #[test]
    fn a_write_of_another_route_counts_where_it_may_take_the_same_requests() {
        let at = "2026-04-01T00:00:00Z";
        for (host, path, to, counts) in [
            ("a.example", "/", "other", true),
            ("b.example", "/", "other", false),
            ("b.example", "/cart", "web-canary", true),
        ] {
            let mut world = World::of(WORLD);
            let mut route = rival("rival", at, json!({"name": "gw"}), host, path);
            route["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Update", "time": at,
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:rules": {}}}}]);
            route["spec"]["rules"][0]["backendRefs"] = json!([{"name": to, "namespace": "shop", "port": 80}]);
            world.put(route);
            let written = counts.then(|| serde_json::from_value(json!(at)).unwrap());
            assert_eq!(seen(&world).rerouted, written, "{host}{path} to {to}");
        }
    }

    #[test]
    fn an_older_route_for_the_same_requests_is_in_the_way_and_no_other() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
        for (at, parent, host, path, expected) in [
            (old, json!({"name": "gw"}), "a.example", "/", Some("net/rival")),
            (old, json!({"name": "gw", "sectionName": "http"}), "a.example", "/", Some("net/rival")),
            (old, json!({"name": "gw", "sectionName": "https"}), "a.example", "/", None),
            (old, json!({"name": "other"}), "a.example", "/", None),
            (old, json!({"name": "gw"}), "b.example", "/", None),
            (old, json!({"name": "gw"}), "a.example", "/deeper", None),
            (new, json!({"name": "gw"}), "a.example", "/", None),
        ] {
            let mut world = World::of(WORLD);
            world.put(rival("rival", at, parent.clone(), host, path));
            let mut own = rival("windlass-checkout", "2026-02-01T00:00:00Z", json!({"name": "gw"}), "a.example", "/");
            own["metadata"]["namespace"] = "shop".into();
            world.put(own);
            assert_eq!(seen(&world).shadow.as_deref(), expected, "{at} {parent} {host} {path}");
        }
        let mut world = World::of(WORLD);
        world.put(rival("rival", new, json!({"name": "gw"}), "a.example", "/"));
        assert_eq!(seen(&world).shadow.as_deref(), Some("net/rival"), "ours is not there yet");
    }
}
