//! What the desk's cluster does with Services and routes: endpoints follow the pods at once, and each change is accepted.

use serde_json::{Value, json};

use super::clones::{place, size};
use super::desk::Desk;
use crate::api::Time;
use crate::api::labels::{MANAGER, TRACK};
use crate::api::traffic::RoutingKind;
use crate::observe::{Claim, Place, Route, RoutedService, Snapshot};
use crate::plan::traffic::route;
use crate::plan::world::World;
use crate::plan::{Action, PutRoute, PutService};

/// Requests to the Service checkout come by a route that Windlass makes.
pub fn routed(spec: &mut Value) {
    spec["traffic"] = json!({
        "service": "checkout", "drain": "10s",
        "route": {"parentRefs": [{"name": "gateway"}], "hostnames": ["shop.example"]},
    });
}

/// The strategy of a canary: these shares, a minute each.
pub fn canary(shares: &[u32]) -> Value {
    let steps: Vec<Value> = shares.iter().map(|share| json!({"weight": share, "pause": "1m"})).collect();
    json!({"canary": {"steps": steps}})
}

/// Such a canary in production, by a route that Windlass makes.
pub fn by_shares(shares: &[u32]) -> impl FnOnce(&mut Value) {
    let canary = canary(shares);
    move |spec| {
        spec["stages"][1]["strategy"] = canary;
        routed(spec);
    }
}

pub fn carry_out(snap: &mut Snapshot, version: u64, now: Time, action: &Action) {
    match action {
        Action::PutService(put) => put_service(place(snap, &put.namespace), put, version),
        Action::PutRoute(put) => put_route(place(snap, &put.namespace), put, version, now),
        Action::RemoveRouting { kind, namespace, name, uid, .. } => {
            let place = place(snap, namespace);
            match kind {
                RoutingKind::Service => {
                    let gone = place.routing.services.remove(name).expect("a Service");
                    assert_eq!(gone.uid, *uid);
                }
                RoutingKind::Route(_) => {
                    let routing = &mut place.routing;
                    let gone = routing.left.pop().or_else(|| routing.route.take());
                    assert_eq!(gone.expect("a route").uid, *uid);
                }
            }
        }
        other => panic!("{other:?} is about no route"),
    }
    follow(snap);
}

fn put_service(place: &mut Place, put: &PutService, version: u64) {
    let known = place.routing.services.get(&put.name);
    assert_eq!(known.map(|s| &s.uid), put.stands.as_ref().map(|s| &s.uid), "every write carries the UID that was seen");
    let made = service(&put.namespace, &put.name, &put.selector, Some(put.track.clone()), version);
    place.routing.services.insert(put.name.clone(), RoutedService { ports: put.ports.clone(), ..made });
}

fn service(
    namespace: &str,
    name: &str,
    selector: &std::collections::BTreeMap<String, String>,
    track: Option<String>,
    version: u64,
) -> RoutedService {
    RoutedService {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: format!("{name}-uid"),
        resource_version: version.to_string(),
        deleting: false,
        claim: if track.is_some() { Claim::Ours } else { Claim::None },
        track,
        selects: true,
        selector: selector.clone(),
        is_named: false,
        ports: vec![json!({"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080})],
        ready: 0,
    }
}

fn put_route(place: &mut Place, put: &PutRoute, version: u64, now: Time) {
    let known = place.routing.route.as_ref();
    let seen = known.map(|r| (r.uid.clone(), r.resource_version.clone()));
    assert_eq!(seen, put.stands.as_ref().map(|s| (s.uid.clone(), s.resource_version.clone())));
    let generation = known.map_or(0, |r| r.generation) + 1;
    place.routing.route = Some(Route {
        kind: put.shape.kind,
        namespace: put.namespace.clone(),
        name: put.name.clone(),
        uid: known.map_or("route-uid".into(), |r| r.uid.clone()),
        resource_version: version.to_string(),
        generation,
        deleting: false,
        claim: Claim::Ours,
        shape: Some(put.shape.clone()),
        existing: known.and_then(|r| r.existing.clone()),
        obstacle: None,
        writer: Some(MANAGER.to_owned()),
        written: Some(now),
    });
}

/// Endpoints are the pods that are available, by the track that a Service selects.
fn follow(snap: &mut Snapshot) {
    for place in snap.places.values_mut() {
        let of = |all: Vec<i32>| all.into_iter().sum::<i32>();
        let stable = of(place.workloads.values().map(|w| w.available).collect());
        let canary = of(place.clones.values().map(|w| w.available).collect());
        for service in place.routing.services.values_mut() {
            service.ready = match service.selector.get(TRACK).map(String::as_str) {
                Some("stable") => stable,
                Some("canary" | "green") => canary,
                _ => stable + canary,
            };
        }
    }
}

impl Desk {
    /// Four pods in production, and what a route to them needs.
    pub fn before_route(change: impl FnOnce(&mut Value)) -> Self {
        let mut desk = Self::new(change);
        desk.routable("production");
        desk.change("production", "checkout", |w| size(w, 4)).endpoints();
        desk
    }

    /// The same, adopted.
    pub fn behind_route(change: impl FnOnce(&mut Value)) -> Self {
        let mut desk = Self::before_route(change);
        desk.run().pass(2).run();
        desk
    }

    /// The Gateway API, a Service before the workload of an environment, and the label on its pods.
    pub fn routable(&mut self, environment: &str) -> &mut Self {
        let place = self.place(environment);
        place.routing.is_installed = true;
        let selector = [("app".to_owned(), "checkout".to_owned())].into();
        let made = service(&format!("shop-{environment}"), "checkout", &selector, None, 1);
        place.routing.services.insert("checkout".into(), made);
        self.change(environment, "checkout", |w| w.pod_track = Some("stable".into()));
        self.endpoints()
    }

    /// Endpoints follow what was done to pods by hand.
    pub fn endpoints(&mut self) -> &mut Self {
        follow(&mut self.snap);
        self
    }

    /// The weight of the canary, if there is a route.
    pub fn weight(&self, environment: &str) -> Option<u32> {
        let found = self.snap.places[environment].routing.route.as_ref()?;
        Some(route::weight(&World::new(&self.snap, self.now), self.stage(environment), found))
    }

    /// Changes the route as someone else might.
    pub fn change_route(&mut self, environment: &str, by: &str, change: impl FnOnce(&mut Route)) -> &mut Self {
        let found = self.place(environment).routing.route.as_mut().expect("a route");
        change(found);
        found.generation += 1;
        found.resource_version = format!("9{}", found.generation);
        found.writer = Some(by.to_owned());
        self
    }

    /// Runs, with endpoints that follow, for so many seconds.
    pub fn go(&mut self, seconds: i64) -> &mut Self {
        for _ in 0..4 {
            self.endpoints().run();
        }
        self.pass(seconds);
        for _ in 0..4 {
            self.endpoints().run();
        }
        self
    }

    /// Step, and share asked and real, of a release in production.
    pub fn share(&self, version: &str) -> String {
        let status = self.known(version).status.as_ref().expect("a status");
        let stage = status.stages.iter().find(|s| s.environment == "production").expect("a stage");
        stage.exposure.as_ref().map_or("none".into(), |e| {
            format!("{} {} {}", e.step, e.asked, e.real.map_or("-".into(), |real| real.to_string()))
        })
    }

    /// What was done since, as `weight 25`, `pods 1`, in order.
    pub fn told(&self, from: usize) -> Vec<String> {
        let line = |action: &Action| match action {
            Action::PutRoute(put) => Some(format!("weight {}", put.shape.backends[1].weight)),
            Action::PutService(put) => Some(format!("service {}", put.name)),
            Action::RemoveRouting { kind: RoutingKind::Service, name, .. } => Some(format!("no service {name}")),
            Action::RemoveRouting { kind: RoutingKind::Route(_), .. } => Some("no route".into()),
            Action::CreateClone(_) => Some("clone".into()),
            Action::ScaleClone(scale) => Some(format!("pods {}", scale.replicas)),
            Action::RemoveClone { .. } => Some("no clone".into()),
            Action::SetImages(set) if set.namespace == "shop-production" => Some("rolled".into()),
            _ => None,
        };
        self.done[from..].iter().filter_map(line).collect()
    }
}
