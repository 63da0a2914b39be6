//! What stands in a target namespace between the router and the workload, as the pipeline sees it.

mod existing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;

use super::holder::Holder;
use super::workload::claim;
use crate::api::labels::{CLAIMED_BY, TRACK};
use crate::api::traffic::{ParentRef, RouteMatch, RouteShape, route_name};
use crate::api::{DeliveryPipeline, Time, Traffic};
use crate::observe::health::WatchHealth;
use crate::observe::slim;
use crate::observe::snapshot::{Claim, HttpRoute, RoutedService, Routing};
use crate::observe::stores::{Stores, get};

/// The Services that the pipeline names or has made there, its route, and the one that stands in that route's way.
pub fn routing(
    stores: &Stores,
    health: &WatchHealth,
    pipeline: &DeliveryPipeline,
    at: &str,
    namespace: &str,
) -> Routing {
    let name = route_name(&pipeline.name_any());
    let frozen = super::rollout(pipeline, at).and_then(|rollout| rollout.traffic.as_ref());
    let named: BTreeSet<String> =
        frozen.into_iter().chain(&pipeline.spec.traffic).flat_map(Traffic::services).collect();
    let existing = frozen.or(pipeline.spec.traffic.as_ref()).filter(|traffic| traffic.route.existing.is_some());
    let existing = existing.zip(super::track(pipeline, at));
    let is_made = |s: &slim::Service| is_claimed(s.annotations(), pipeline) && s.labels().contains_key(TRACK);
    let found = stores.services.state_filter(|s| {
        s.metadata.namespace.as_deref() == Some(namespace) && (named.contains(&s.name_any()) || is_made(s))
    });
    let services = found.iter().map(|s| (s.name_any(), service(stores, health, pipeline, s)));
    let own = get(&stores.http_routes, namespace, &name);
    let made = pipeline.spec.traffic.as_ref().filter(|traffic| traffic.route.existing.is_none());
    let shadow = made.and_then(|traffic| shadow(stores, traffic, namespace, own.as_deref(), &name));
    let own = own.map(|found| route(health, stores, pipeline, &found));
    let (route, left) = match existing {
        Some(split) => (existing::route(stores, pipeline, split, namespace), own),
        None => (own, None),
    };
    Routing {
        is_installed: !health.is_absent("HTTPRoute"),
        services: services.collect::<BTreeMap<_, _>>(),
        route,
        left,
        shadow,
    }
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

fn route(health: &WatchHealth, stores: &Stores, pipeline: &DeliveryPipeline, found: &slim::HttpRoute) -> HttpRoute {
    let shape = shape_of(found);
    let claim = claim(stores, health, pipeline, found.annotations().get(CLAIMED_BY).map(String::as_str));
    HttpRoute { claim, shape, ..bare(found) }
}

/// What a route does; none where that is more than a route of ours ever does.
pub fn shape_of(found: &slim::HttpRoute) -> Option<RouteShape> {
    let matches: Option<Vec<RouteMatch>> = found.matches.iter().cloned().collect();
    let (parents, hostnames) = (found.parents.clone(), found.hostnames.clone());
    matches.zip(found.backends.clone()).map(|(matches, backends)| RouteShape { parents, hostnames, matches, backends })
}

/// A route without what it means to the pipeline.
fn bare(found: &slim::HttpRoute) -> HttpRoute {
    let generation = found.metadata.generation.unwrap_or(0);
    HttpRoute {
        namespace: found.namespace().unwrap_or_default(),
        name: found.name_any(),
        uid: found.uid().unwrap_or_default(),
        resource_version: found.resource_version().unwrap_or_default(),
        generation,
        deleting: found.metadata.deletion_timestamp.is_some(),
        claim: Claim::None,
        shape: None,
        existing: None,
        obstacle: found.parents.iter().find_map(|parent| unaccepted(found, parent, generation)),
        writer: found.writer.as_ref().map(|writer| writer.manager.clone()),
    }
}

/// Why a parent has not taken the route as it is now, if it has not.
fn unaccepted(route: &slim::HttpRoute, parent: &ParentRef, generation: i64) -> Option<String> {
    let mut said = route.verdicts.iter().filter(|verdict| verdict.parent == *parent).peekable();
    let name = &parent.name;
    if said.peek().is_none() {
        return Some(format!("no controller has answered for Gateway {name}"));
    }
    said.find_map(|verdict| match &verdict.accepted {
        Ok(seen) if *seen >= generation => None,
        Ok(_) => Some(format!("Gateway {name} has not taken the last change yet")),
        Err(why) => Some(format!("Gateway {name}: {why}")),
    })
}

/// The route that gets requests before ours: the same parent, host name and match, and older (or ours is not there yet).
fn shadow(
    stores: &Stores,
    traffic: &Traffic,
    namespace: &str,
    own: Option<&slim::HttpRoute>,
    name: &str,
) -> Option<String> {
    let wanted = RouteShape::of(&traffic.route, namespace, Vec::new());
    let age = |route: &slim::HttpRoute| {
        (route.creation_timestamp().as_ref().map(Time::from), route.namespace().unwrap_or_default(), route.name_any())
    };
    let is_before = |route: &slim::HttpRoute| own.is_none_or(|own| age(route) < age(own));
    let is_own = |route: &slim::HttpRoute| route.name_any() == name && route.namespace().as_deref() == Some(namespace);
    let is_same = |route: &slim::HttpRoute| {
        route.parents.iter().any(|theirs| wanted.parents.iter().any(|ours| is_shared(theirs, ours)))
            && route.hostnames.iter().any(|host| wanted.hostnames.contains(host))
            && route.matches.iter().flatten().any(|theirs| wanted.matches.contains(theirs))
    };
    let found: Vec<Arc<slim::HttpRoute>> =
        stores.http_routes.state_filter(|r| !is_own(r) && is_same(r) && is_before(r));
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
