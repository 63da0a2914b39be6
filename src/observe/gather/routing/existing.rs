//! Routes of others: the one that a pipeline may write the weights of, and those that send to Services of ours.

use std::collections::BTreeMap;

use kube::ResourceExt;

use super::bare;
use crate::api::labels::{STABLE, WEIGHTS};
use crate::api::traffic::{Existing, RouteShape, route_name};
use crate::api::{DeliveryPipeline, Traffic};
use crate::observe::slim;
use crate::observe::snapshot::{Claim, Route};
use crate::observe::stores::{Stores, is_in};

/// The existing route that the traffic names, for a clone of that track. It is ours to weigh where its owner says so.
pub fn route(
    stores: &Stores,
    pipeline: &DeliveryPipeline,
    (traffic, track): (&Traffic, &str),
    namespace: &str,
) -> Option<Route> {
    let found = stores.routes.get(traffic.route.kind, namespace, traffic.route.existing.as_deref()?)?;
    let ours = format!("{}/{}", pipeline.namespace().unwrap_or_default(), pipeline.name_any());
    let is_given = found.annotations().get(WEIGHTS) == Some(&ours);
    let claim = if is_given { Claim::Ours } else { Claim::None };
    Some(Route { claim, ..of_pair(&found, &[traffic.service_of(STABLE), traffic.service_of(track)]) })
}

/// Of someone's route, what is about these two Services.
pub fn of_pair(found: &slim::Route, pair: &[String; 2]) -> Route {
    let meant = found.targets.iter().filter(|(_, backend)| pair.contains(&backend.name)).cloned();
    let (positions, backends) = meant.unzip();
    let shape = RouteShape { kind: found.kind, backends, ..RouteShape::default() };
    let existing = Existing { positions, is_divided: is_divided(found, pair) };
    Route { shape: Some(shape), existing: Some(existing), ..bare(found) }
}

/// Whether one rule sends to both, and each that sends to one of them sends to the other and nowhere else.
fn is_divided(found: &slim::Route, pair: &[String; 2]) -> bool {
    let mut rules: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (position, backend) in &found.targets {
        rules.entry(position.rule).or_default().push(&backend.name);
    }
    let mut meant =
        rules.into_values().filter(|names| names.iter().any(|name| pair.iter().any(|p| p == name))).peekable();
    let is_pair = |names: Vec<&str>| names.len() == 2 && pair.iter().all(|p| names.contains(&p.as_str()));
    meant.peek().is_some() && meant.all(is_pair)
}

/// Whether a route that is none of the pipeline's own sends to that Service.
pub fn names(stores: &Stores, pipeline: &DeliveryPipeline, namespace: &str, service: &str) -> bool {
    let own = route_name(&pipeline.name_any());
    let is_own = |route: &slim::Route| route.name_any() == own && is_in(route, namespace);
    !stores.routes.state_filter(|route| !is_own(route) && route.sends_to(namespace, service)).is_empty()
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
  traffic: {service: web, route: {existing: front}}
"#;

    fn seen(rules: Value, weights: &str) -> Option<Route> {
        let mut world = World::of(WORLD);
        world.put(json!({"kind": "HTTPRoute",
            "metadata": {"name": "front", "namespace": "shop", "annotations": {"windlass.dev/weights": weights}},
            "spec": {"parentRefs": [{"name": "gw"}], "rules": rules}}));
        let stores = world.stores();
        let pipeline = get(&stores.pipelines, "shop", "checkout").unwrap();
        route(&stores, &pipeline, (pipeline.spec.traffic.as_ref().unwrap(), "canary"), "shop")
    }

    fn to(name: &str, weight: u32) -> Value {
        json!({"name": name, "port": 80, "weight": weight})
    }

    #[test]
    fn the_two_are_found_in_every_rule_whatever_else_the_rules_do() {
        let pair = || json!([to("web-stable", 90), to("web-canary", 10)]);
        let rules = json!([
            {"backendRefs": [to("static", 1)]},
            {"backendRefs": pair(), "timeouts": {"request": "10s"}},
            {"backendRefs": [to("web-canary", 10), to("web-stable", 90)]},
        ]);
        let found = seen(rules, "shop/checkout").unwrap();
        assert_eq!(found.claim, Claim::Ours);
        let names: Vec<(String, u32)> =
            found.shape.unwrap().backends.iter().map(|b| (b.name.clone(), b.weight)).collect();
        let of = |name: &str, weight| (format!("web-{name}"), weight);
        assert_eq!(names, [of("stable", 90), of("canary", 10), of("canary", 10), of("stable", 90)]);
        let at: Vec<(usize, usize)> = found.existing.unwrap().positions.iter().map(|p| (p.rule, p.backend)).collect();
        assert_eq!(at, [(1, 0), (1, 1), (2, 0), (2, 1)]);
        assert_eq!(seen(json!([{"backendRefs": pair()}]), "shop/other").unwrap().claim, Claim::None);
    }

    #[test]
    fn a_rule_with_one_of_them_or_more_than_them_cannot_be_weighed() {
        for odd in [
            json!([to("web", 1)]),
            json!([to("web-stable", 1)]),
            json!([to("web-stable", 1), to("web-canary", 1), to("static", 1)]),
            json!([to("web-stable", 1), to("web-green", 1)]),
            json!([to("web-stable", 1), {"name": "web-canary", "port": 80, "namespace": "other"}]),
            json!([to("web-stable", 1), to("web-canary", 1), {"kind": "Pool", "name": "x", "port": 80}]),
        ] {
            let rules = json!([{"backendRefs": [to("web-stable", 1), to("web-canary", 0)]}, {"backendRefs": odd}]);
            let is_plain = odd[0]["name"] == "web";
            assert_eq!(seen(rules, "shop/checkout").unwrap().existing.unwrap().is_divided, is_plain, "{odd}");
        }
        let own = json!([to("web-stable", 1), {"name": "web-canary", "port": 80, "namespace": "shop"}]);
        assert!(seen(json!([{"backendRefs": own}]), "shop/checkout").unwrap().existing.unwrap().is_divided);
        assert!(!seen(json!([{"backendRefs": [to("web", 1)]}]), "shop/checkout").unwrap().existing.unwrap().is_divided);
    }
}
